//! The way to a writer task: a bounded queue of jobs, and their answers.
//!
//! What the task does with them is its database's: transactions, the audit log, and a
//! commit that nobody knows the outcome of.
//!
//! Bounds: [`QUEUE`] waiting jobs, [`PATIENCE`] in front of a full queue, [`GROUP`] jobs in a
//! commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::job::{Applies, Backend, Change, Ending, Errand, Job, Task};
use crate::audit::{Log, Record, Trail};
use crate::policy::Permit;
use crate::policy::action::Action;
use crate::store::Error;

const QUEUE: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(2);

/// Jobs that a task takes into one commit, at most.
pub(super) const GROUP: usize = 256;

/// The way to a writer task.
#[derive(Debug)]
pub struct Writer<E: Backend> {
    jobs: mpsc::Sender<Box<dyn Job<E>>>,
    state: Arc<State>,
    log: Arc<Log>,
}

/// What comes to the task.
pub(super) type Jobs<E> = mpsc::Receiver<Box<dyn Job<E>>>;

/// What the task shows to others.
#[derive(Debug, Default)]
pub(super) struct State {
    commits: AtomicU64,
    failing: AtomicBool,
    away: AtomicBool,
}

// === impl Writer ===

impl<E: Backend> Writer<E> {
    /// A writer of this log, and the task's side of it.
    pub(super) fn new(log: Arc<Log>) -> (Self, Jobs<E>, Arc<State>) {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let state = Arc::new(State::default());
        let writer = Self {
            jobs: sender,
            state: Arc::clone(&state),
            log,
        };
        (writer, jobs, state)
    }

    /// Make a change that a permit allows; returns when it is durable, or promised.
    pub(super) async fn submit<A: Action, C: Change>(
        &self,
        permit: Permit<A>,
        target: String,
        change: C,
    ) -> Result<C::Output, Error>
    where
        E: Applies<C>,
    {
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
    pub(super) async fn run<C: Change>(&self, trail: &Trail, change: C) -> Result<C::Output, Error>
    where
        E: Applies<C>,
    {
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
    ) -> Result<C::Output, Error>
    where
        E: Applies<C>,
    {
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

    /// Whether the writer can commit. After a failure it is tried out, so that
    /// readiness returns without traffic.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        if self.jobs.is_closed() || !self.log.accepts() {
            return Err(Error::Busy);
        }
        if self.state.failing() {
            return self.run(&Trail::new(), Errand).await;
        }
        Ok(())
    }

    /// Whether the database could not be reached for the last group.
    pub(super) fn away(&self) -> bool {
        self.state.away.load(Ordering::Acquire)
    }

    /// How many transactions have been committed.
    pub(super) fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
    }

    async fn slot(&self) -> Option<mpsc::Permit<'_, Box<dyn Job<E>>>> {
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
    /// A group has ended.
    pub(super) fn ended(&self, ending: Ending) {
        if ending == Ending::Committed {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.set_away(false);
        }
        self.failing
            .store(ending != Ending::Committed, Ordering::Release);
    }

    /// Whether the database can't be reached.
    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    /// Whether the last group failed.
    pub(super) fn failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }
}
