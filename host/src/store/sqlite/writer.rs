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
//! - but for changes that can be promised ([`Change::PROMISED`]): their callers go on at once, and
//!   the commit waits a while for a job that needs it, at the latest the one that makes the
//!   request's trail durable. Where a promise was not kept, its request hears busy then;
//! - a caller that goes away loses no record: its job runs without it, and records
//!   of a failed group wait on their trail, or with the writer when nobody is left
//!   to flush that trail; a server hands over with [`Debts::owe`] what nobody flushes;
//! - changes of one kind are made together where the store knows how: the order in a group is
//!   that of its records;
//! - records get consecutive places in this host's [`Log`], which hears of each group
//!   after its commit; while the log refuses, records are written, but no change is
//!   made and everybody hears [`Error::Busy`];
//! - a commit whose outcome is unknown is looked up before the next one ([`Doubt`]), and
//!   no answer leaves before that;
//! - the task has a thread of its own: it talks to SQLite's thread for each statement, and
//!   no other work of the host stands between them.
//!
//! Bounds: those of [`Writer`], [`OWED`] records kept for callers that are gone, and [`LINGER`].
//!
//! [`Change::PROMISED`]: job::Change::PROMISED

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::audit::{self, Unfinished};
use super::debts::{Debts, OWED};
use super::done;
use super::doubt::Doubt;
use crate::audit::{Log, Placed, Record};
use crate::store::job::{self, Ending, Job};
use crate::store::writer::{GROUP, Jobs, State, Writer};
use crate::store::{Error, gap};

/// How long a commit that is only promised waits for somebody who needs it, and with it
/// everybody's right to write to the file. A request is back after a millisecond or two.
const LINGER: Duration = Duration::from_millis(5);

/// The task's own things.
pub(super) struct Loop {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    jobs: Jobs<Sqlite>,
    state: Arc<State>,
    debts: Arc<Debts>,
    log: Arc<Log>,
    owed: Vec<Record>,
    /// After a failed group.
    doubt: Option<Doubt>,
    /// Of the group before, to be freed while the disk takes its time.
    done: Vec<Box<dyn Job<Sqlite>>>,
}

/// The writer and its loop, which runs until it is told to stop or every
/// [`Writer`] is gone.
pub(super) fn writer(
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    log: Arc<Log>,
    debts: Arc<Debts>,
) -> (Writer<Sqlite>, Loop) {
    let (writer, jobs, state) = Writer::new(Arc::clone(&log));
    let writing = Loop {
        options,
        connection: Some(connection),
        jobs,
        state,
        debts,
        log,
        owed: Vec::new(),
        doubt: None,
        done: Vec::new(),
    };
    (writer, writing)
}

// === impl Loop ===

impl Loop {
    /// [`Loop::run`] on a thread of its own; the receiver hears when it has ended.
    pub(super) fn on_a_thread(
        self,
        stop: oneshot::Receiver<()>,
    ) -> io::Result<oneshot::Receiver<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
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
        let last = self.debts.take_last();
        self.owe(last);
        if !self.owed.is_empty() || self.debts.in_doubt() {
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
    async fn group(&mut self, first: Box<dyn Job<Sqlite>>) {
        let mut jobs = vec![first];
        let ending = match self.transact(&mut jobs).await {
            Ok(()) => Ending::Committed,
            Err(error) => {
                tracing::error!(%error, jobs = jobs.len(), "the store could not commit");
                self.log.failed();
                self.doubt.get_or_insert_default();
                self.abandon_connection().await;
                Ending::Failed
            }
        };
        self.state.ended(ending);
        for job in &mut jobs {
            let left = job.finish(ending);
            self.owe(left);
        }
        self.done = jobs;
    }

    /// Everything from BEGIN to COMMIT. On an error the transaction is in an unknown state and
    /// the connection must go.
    async fn transact(&mut self, jobs: &mut Vec<Box<dyn Job<Sqlite>>>) -> Result<(), sqlx::Error> {
        let left = self.debts.take();
        self.owe(left);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await?),
        };
        if let Some(doubt) = &mut self.doubt {
            let mut owed = doubt.settle(connection, &self.log).await?;
            self.doubt = None;
            self.debts.set_in_doubt(false);
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
        let [_] = done(connection, sqlx::query("BEGIN IMMEDIATE")).await?;
        let (mut applied, mut promised) = (0, 0);
        let until = Instant::now() + LINGER;
        loop {
            // Whatever has come meanwhile.
            while jobs.len() < GROUP
                && let Ok(job) = self.jobs.try_recv()
            {
                jobs.push(job);
            }
            match jobs.get_mut(applied..) {
                // Nobody waits for the commit: whoever it was promised to comes back for it soon.
                None | Some([]) if (1..GROUP).contains(&promised) && promised == applied => {
                    match timeout_at(until, self.jobs.recv()).await {
                        Ok(Some(job)) => jobs.push(job),
                        Ok(None) | Err(_) => break,
                    }
                    continue;
                }
                None | Some([]) => break,
                Some(new) if self.log.accepts() => job::apply_all(new, connection).await?,
                Some(new) => new.iter_mut().for_each(|job| job.refuse(Error::Busy)),
            }
            let new = jobs.iter_mut().skip(applied);
            promised += new.map(|job| usize::from(job.promise())).sum::<usize>();
            applied = jobs.len();
        }
        // Once more: whoever handed records over while this group was made has its
        // errand in it already, and no other group may follow for long.
        self.owed.append(&mut self.debts.take());
        let records = self
            .owed
            .iter()
            .chain(jobs.iter().flat_map(|job| job.records()))
            .filter(|_| self.log.keeps());
        let records = Placed::group(self.log.next(), records);
        let append = append_and_commit(connection, &self.log, &records, &self.debts);
        // The disk takes its time; the leaves are made meanwhile.
        let (appended, leaves) = future::join(append, async {
            self.done = Vec::new();
            self.log.leaves(&records)
        })
        .await;
        match appended {
            Ok(()) => {}
            Err(Unfinished::Put(error)) => return Err(error),
            Err(Unfinished::Commit(error)) => {
                let stored = records.iter().map(Placed::to_stored).collect();
                // Nobody else brings them a second time.
                let mut kept = std::mem::take(&mut self.owed);
                kept.extend(jobs.iter_mut().flat_map(|job| job.give_records()));
                self.doubt = Some(Doubt::new(stored, kept));
                self.debts.set_in_doubt(true);
                return Err(error);
            }
        }
        self.owed.clear();
        self.log.committed(leaves);
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

    fn owe(&mut self, records: Vec<Record>) {
        self.owed.extend(records);
        let lost = self.owed.len().saturating_sub(OWED);
        self.owed.truncate(OWED);
        self.debts.lose(lost);
    }
}

async fn append_and_commit(
    db: &mut SqliteConnection,
    log: &Log,
    records: &[Placed<'_>],
    debts: &Debts,
) -> Result<(), Unfinished> {
    audit::append_and_commit(db, log.id(), records).await?;
    #[cfg(test)]
    if debts.loses_answer() {
        let lost = sqlx::Error::Protocol("the answer was lost".into());
        return Err(Unfinished::Commit(lost));
    }
    #[cfg(not(test))]
    let _ = debts;
    Ok(())
}
