//! The one writer, with group commit.
//!
//! A single task owns the write connection. Changes arrive over a bounded queue
//! as jobs; the task takes whatever is queued, applies it in one transaction,
//! writes all audit records with it, commits once (one fsync) and only then
//! answers. While it commits, the next group gathers, so that groups grow with
//! the load and an idle store answers at once.
//!
//! Guarantees:
//! - a change and its record are in the same transaction; if records can't be
//!   written, no change of the group is;
//! - a refused change takes nobody along, and its record says why it was refused;
//! - nobody hears of success before the commit, and everybody in a group that
//!   could not commit hears [`Error::Busy`];
//! - a caller that goes away loses no record: its job runs without it, and records
//!   of a failed group wait on their trail, or with the writer when nobody is left
//!   to flush that trail; a server hands over with [`Writer::owe`] what nobody flushes;
//! - records get consecutive places in this host's [`Log`], which hears of each group
//!   after its commit; while the log refuses, records are written, but no change is
//!   made and everybody hears [`Error::Busy`];
//! - a commit whose outcome is unknown is looked up before the next one ([`Doubt`]), and
//!   no answer leaves before that;
//! - the task has a thread of its own: it talks to SQLite's thread for each statement, and
//!   no other work of the host stands between them.
//!
//! Bounds: [`QUEUE`] waiting jobs, [`GROUP`] jobs in a commit, [`PATIENCE`] in
//! front of a full queue, [`OWED`] records kept for callers that are gone.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::audit;
use super::doubt::Doubt;
use super::job::{Change, Ending, Errand, Job, Task};
use crate::audit::{Log, Record, StoredRecord, Trail};
use crate::policy::Permit;
use crate::policy::action::Action;
use crate::store::{Error, gap};

const QUEUE: usize = 1024;
const GROUP: usize = 256;
const PATIENCE: Duration = Duration::from_secs(2);
const OWED: usize = 65_536;

/// The way to the writer task.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    state: Arc<State>,
    log: Arc<Log>,
}

/// What the writer task and others share.
#[derive(Debug, Default)]
struct State {
    commits: AtomicU64,
    failing: AtomicBool,
    /// Records wait for it to be known what became of their group.
    in_doubt: AtomicBool,
    /// So many commits will get no answer, though they happen.
    #[cfg(test)]
    lost_answers: AtomicU64,
    left: Mutex<Left>,
}

/// Records that others leave to the writer task.
#[derive(Debug, Default)]
struct Left {
    records: Vec<Record>,
    /// The task has taken what was here for the last time.
    ended: bool,
}

/// The task's own things.
pub(super) struct Loop {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    state: Arc<State>,
    log: Arc<Log>,
    owed: Vec<Record>,
    /// After a failed group.
    doubt: Option<Doubt>,
}

/// The writer and its loop, which runs until it is told to stop or every
/// [`Writer`] is gone.
pub(super) fn writer(
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    log: Arc<Log>,
) -> (Writer, Loop) {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let state = Arc::new(State::default());
    let writer = Writer {
        jobs: sender,
        state: Arc::clone(&state),
        log: Arc::clone(&log),
    };
    let writing = Loop {
        options,
        connection: Some(connection),
        jobs,
        state,
        log,
        owed: Vec::new(),
        doubt: None,
    };
    (writer, writing)
}

// === impl Writer ===

impl Writer {
    /// Make a change that a permit allows; returns when it is durable.
    pub(super) async fn submit<A: Action, C: Change>(
        &self,
        permit: Permit<A>,
        target: String,
        change: C,
    ) -> Result<C::Output, Error> {
        let Some(slot) = self.slot().await else {
            permit.settle(target, Error::Busy.outcome());
            return Err(Error::Busy);
        };
        // No await from here until the job is sent: a caller that is cancelled
        // has either settled its permit itself or left everything to the job.
        let trail = permit.trail();
        let record = permit.into_record(target);
        let (task, answer) = Task::new(trail, record, change);
        slot.send(Box::new(task));
        answer.await.unwrap_or(Err(Error::Busy))
    }

    /// Do a host duty, for which no record is owed but those on the trail.
    pub(super) async fn run<C: Change>(
        &self,
        trail: &Trail,
        change: C,
    ) -> Result<C::Output, Error> {
        let slot = self.slot().await.ok_or(Error::Busy)?;
        let (task, answer) = Task::new(trail.clone(), None, change);
        slot.send(Box::new(task));
        answer.await.unwrap_or(Err(Error::Busy))
    }

    /// Do a host duty that leaves a record of its own.
    pub(super) async fn enter<C: Change>(
        &self,
        trail: &Trail,
        record: Record,
        change: C,
    ) -> Result<C::Output, Error> {
        let Some(slot) = self.slot().await else {
            trail.push(Record {
                outcome: Error::Busy.outcome(),
                ..record
            });
            return Err(Error::Busy);
        };
        let (task, answer) = Task::new(trail.clone(), Some(record), change);
        slot.send(Box::new(task));
        answer.await.unwrap_or(Err(Error::Busy))
    }

    /// Take over a trail's records. They come with the next commit; those that there is
    /// no room for, and all of them after the end, are lost.
    pub(super) fn owe(&self, trail: &Trail) {
        let mut records = trail.drain();
        let mut left = self.state.left();
        let room = match left.ended {
            true => 0,
            false => OWED.saturating_sub(left.records.len()),
        };
        let lost = records.len().saturating_sub(room);
        records.truncate(room);
        left.records.append(&mut records);
        drop(left);
        lose(&self.log, lost);
    }

    /// Whether the writer can commit. After a failure it is tried out, so that
    /// readiness returns without traffic.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        if self.jobs.is_closed() || !self.log.accepts() {
            return Err(Error::Busy);
        }
        if self.state.failing.load(Ordering::Acquire) {
            return self.run(&Trail::new(), Errand).await;
        }
        Ok(())
    }

    /// Whether records wait for it to be known if they are there. Until then nothing is
    /// durable, whatever a trail says.
    pub(super) fn in_doubt(&self) -> bool {
        self.state.in_doubt.load(Ordering::Acquire)
    }

    /// Let the answers of the next `commits` commits be lost.
    #[cfg(test)]
    pub(super) fn lose_answers(&self, commits: u64) {
        self.state.lost_answers.store(commits, Ordering::Release);
    }

    /// How many transactions have been committed.
    pub(super) fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
    }

    async fn slot(&self) -> Option<mpsc::Permit<'_, Box<dyn Job>>> {
        match timeout(PATIENCE, self.jobs.reserve()).await {
            Ok(Ok(slot)) => Some(slot),
            Ok(Err(_closed)) => None,
            Err(_elapsed) => {
                tracing::warn!(queue = QUEUE, "the store's write queue is full");
                None
            }
        }
    }
}

// === impl State ===

impl State {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Loop ===

impl Loop {
    /// [`Loop::run`] on a thread of its own; the receiver hears when it has ended.
    pub(super) fn on_a_thread(
        self,
        stop: oneshot::Receiver<()>,
    ) -> io::Result<oneshot::Receiver<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                runtime.block_on(self.run(stop));
                let _ = end.send(());
            })?;
        Ok(ended)
    }

    /// Write until `stop` fires (or its other end is gone and no writer is left),
    /// then finish what was accepted and close the connection.
    async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                told = &mut stop, if !stopping => {
                    stopping = true;
                    if told.is_ok() {
                        self.jobs.close();
                    }
                }
                job = self.jobs.recv() => match job {
                    Some(job) => self.group(job).await,
                    None => break,
                }
            }
        }
        self.state.left().ended = true;
        self.take_left();
        if !self.owed.is_empty() || self.state.in_doubt.load(Ordering::Acquire) {
            let mut none = Vec::new();
            if let Err(error) = self.transact(&mut none).await {
                let lost = self.owed.len() + self.doubt.as_ref().map_or(0, Doubt::len);
                self.log.lost(lost as u64);
                tracing::error!(%error, lost, "audit records could not be written before the end");
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the store");
        }
    }

    /// One transaction: `first` and whatever else is queued.
    async fn group(&mut self, first: Box<dyn Job>) {
        let mut jobs = vec![first];
        let ending = match self.transact(&mut jobs).await {
            Ok(()) => {
                self.state.commits.fetch_add(1, Ordering::Relaxed);
                Ending::Committed
            }
            Err(error) => {
                tracing::error!(%error, jobs = jobs.len(), "the store could not commit");
                self.log.failed();
                self.doubt.get_or_insert_default();
                self.abandon_connection().await;
                Ending::Failed
            }
        };
        let failing = ending != Ending::Committed;
        self.state.failing.store(failing, Ordering::Release);
        for job in jobs {
            let left = job.finish(ending);
            self.owe(left);
        }
    }

    /// Everything between BEGIN and COMMIT. On an error the transaction is in an
    /// unknown state and the connection must go.
    async fn transact(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), sqlx::Error> {
        self.take_left();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        if let Some(doubt) = &mut self.doubt {
            let mut owed = doubt.settle(connection, &self.log).await?;
            self.doubt = None;
            self.state.in_doubt.store(false, Ordering::Release);
            owed.append(&mut self.owed);
            self.owed = owed;
        }
        match self.log.take_lost() {
            0 => {}
            // In front, where no trimming reaches it.
            lost => self.owed.insert(0, gap(lost)),
        }
        // Not sqlx's own transaction: SQLite ends one by itself on some errors
        // (a full disk), and sqlx would count on from a wrong depth.
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut *connection)
            .await?;
        let mut applied = 0;
        loop {
            while let Some(job) = jobs.get_mut(applied) {
                if self.log.accepts() {
                    job.apply(connection).await?;
                } else {
                    job.refuse(Error::Busy);
                }
                applied += 1;
            }
            if jobs.len() >= GROUP {
                break;
            }
            match self.jobs.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => break,
            }
        }
        // Once more: whoever handed records over while this group was made has its
        // errand in it already, and no other group may follow for long.
        self.owed.append(&mut self.state.left().records);
        let records = self
            .owed
            .iter()
            .chain(jobs.iter().flat_map(|job| job.records()));
        let records = StoredRecord::group(self.log.next(), records);
        audit::insert(connection, self.log.id(), &records).await?;
        if let Err(error) = commit(connection, &self.state).await {
            // Nobody else brings them a second time.
            let mut kept = std::mem::take(&mut self.owed);
            kept.extend(jobs.iter_mut().flat_map(|job| job.give_records()));
            self.doubt = Some(Doubt::new(records, kept));
            self.state.in_doubt.store(true, Ordering::Release);
            return Err(error);
        }
        self.owed.clear();
        self.log.committed(&records);
        Ok(())
    }

    /// End the failed transaction for certain: a new connection is never inside one.
    async fn abandon_connection(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // Fails when SQLite has rolled back by itself; closing does it anyway.
            let _ = sqlx::query("ROLLBACK").execute(&mut connection).await;
            let _ = connection.close().await;
        }
    }

    fn take_left(&mut self) {
        let left = std::mem::take(&mut self.state.left().records);
        self.owe(left);
    }

    fn owe(&mut self, records: Vec<Record>) {
        self.owed.extend(records);
        let lost = self.owed.len().saturating_sub(OWED);
        self.owed.truncate(OWED);
        lose(&self.log, lost);
    }
}

fn lose(log: &Log, lost: usize) {
    if lost > 0 {
        log.lost(lost as u64);
        tracing::error!(
            lost,
            "audit records were lost: the store could not commit for too long"
        );
    }
}

async fn commit(db: &mut SqliteConnection, state: &State) -> Result<(), sqlx::Error> {
    sqlx::query("COMMIT").execute(db).await?;
    #[cfg(test)]
    if state
        .lost_answers
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            left.checked_sub(1)
        })
        .is_ok()
    {
        return Err(sqlx::Error::Protocol("the answer was lost".into()));
    }
    #[cfg(not(test))]
    let _ = state;
    Ok(())
}
