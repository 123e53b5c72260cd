//! A writer for each duty, with group commit.
//!
//! As with SQLite, a task takes whatever changes are queued, applies them in one
//! transaction, writes all their audit records with it, commits once and only then answers.
//! The isolation level is READ COMMITTED: every change is one statement that finds
//! and marks what it needs, so that it is right beside the changes of other hosts.
//!
//! Guarantees, beyond those of SQLite's writer:
//! - a transaction that certainly did not happen (a deadlock, a serialization failure, a
//!   connection that broke before COMMIT) is done again, [`ATTEMPTS`] times at most;
//! - one whose COMMIT got no answer is never done again before the database has said that
//!   it did not happen ([`super::ledger`]);
//! - while the database can't be used, groups fail at their first attempt.
//!
//! Bounds: those of [`Writer`], [`BUDGET`] for beginning another attempt, and [`STEP`] for a
//! transaction up to its COMMIT and for the COMMIT. So a network that swallows everything
//! costs one attempt.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, Postgres};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::connect::{Gateway, LIFETIME};
use super::ledger::Ledger;
use super::wire;
use crate::store::Error;
use crate::store::job::{Ending, Job};
use crate::store::writer::{GROUP, Jobs, State, Writer};

const STEP: Duration = Duration::from_secs(8);
const ATTEMPTS: u32 = 6;

/// From the first attempt to the beginning of the last.
const BUDGET: Duration = Duration::from_secs(2);

/// For a statement that waits for nobody.
const PROMPT: Duration = Duration::from_secs(2);

/// Before the second attempt; doubled before each that follows.
const PAUSE: Duration = Duration::from_millis(50);

/// SQLSTATEs that pass: conflicts, deadlock, timeouts for locks, statements and idle
/// transactions, too many connections, and a server that stops or starts.
const PASSING: [&str; 10] = [
    "40001", "40P01", "55P03", "57014", "25P03", "53300", "57P01", "57P02", "57P03", "57P05",
];

/// What returned success is durable, whatever the default of the database or the role is.
const SYNCHRONOUS: &str = "
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";

/// The task's own things.
pub(super) struct Loop {
    gateway: Arc<Gateway>,
    ledger: Arc<Ledger>,
    held: Option<Held>,
    jobs: Jobs<Postgres>,
    state: Arc<State>,
}

/// A connection outside of any transaction. One that is dropped inside of one ends it.
struct Held {
    connection: PgConnection,
    made: Instant,
}

/// Why an attempt to commit a group came to nothing.
enum Fault {
    /// It did not happen, and may go well the next time.
    Again(sqlx::Error),
    /// It did not happen, and will not.
    Final(sqlx::Error),
    /// Whether it happened can't be found out now.
    InDoubt(sqlx::Error),
}

/// The writer and its loop over a [`durable`] connection, which runs until it is told to stop or the [`Writer`] is gone.
pub(super) fn writer(
    gateway: Arc<Gateway>,
    ledger: Arc<Ledger>,
    connection: PgConnection,
) -> (Writer<Postgres>, Loop) {
    let (writer, jobs, state) = Writer::new(Arc::clone(ledger.log()));
    let writing = Loop {
        gateway,
        ledger,
        held: Some(Held::new(connection)),
        jobs,
        state,
    };
    (writer, writing)
}

// === impl Loop ===

impl Loop {
    /// Write until `stop` fires (or its other end is gone and no writer is left),
    /// then finish what was accepted and close the connection.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
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
                    Some(job) => self.group(vec![job]).await,
                    None => break,
                }
            }
        }
        if self.ledger.waiting() {
            self.group(Vec::new()).await;
        }
        if let Some(held) = self.held.take()
            && let Err(error) = held.connection.close().await
        {
            tracing::warn!(%error, "closing the store");
        }
    }

    /// One transaction: `jobs` and whatever else is queued.
    async fn group(&mut self, mut jobs: Vec<Box<dyn Job<Postgres>>>) {
        let ending = self.commit(&mut jobs).await;
        if ending != Ending::Committed {
            self.ledger.log().failed();
        }
        self.state.ended(ending);
        for job in &mut jobs {
            let left = job.finish(ending);
            self.ledger.owe(left).await;
        }
    }

    /// Attempt the transaction until it is clear what became of it.
    async fn commit(&mut self, jobs: &mut Vec<Box<dyn Job<Postgres>>>) -> Ending {
        // A database that was away a moment ago is asked once: callers wait already.
        let attempts = match self.state.failing() {
            true => 1,
            false => ATTEMPTS,
        };
        let (started, mut pause) = (Instant::now(), PAUSE);
        for attempt in 1..=attempts {
            let fault = match self.attempt(jobs).await {
                Ok(()) => return Ending::Committed,
                Err(fault) => fault,
            };
            let jobs = jobs.len();
            match fault {
                Fault::Again(error) if attempt < attempts && started.elapsed() + pause < BUDGET => {
                    tracing::warn!(%error, jobs, attempt, "the store tries to commit again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Fault::Again(error) | Fault::Final(error) => {
                    tracing::error!(%error, jobs, "the store could not commit");
                    return Ending::Failed;
                }
                Fault::InDoubt(error) => {
                    tracing::error!(%error, jobs, "nobody knows whether the store has committed");
                    return Ending::Failed;
                }
            }
        }
        Ending::Failed
    }

    /// Everything between BEGIN and COMMIT, once.
    async fn attempt(&mut self, jobs: &mut Vec<Box<dyn Job<Postgres>>>) -> Result<(), Fault> {
        let Held {
            mut connection,
            made,
        } = match self.connect().await {
            Ok(held) => held,
            Err(error) => {
                self.gather(jobs);
                return Err(Fault::of(error));
            }
        };
        timeout(STEP, self.apply(&mut connection, jobs))
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(|error| self.fault(error))?;

        let ledger = Arc::clone(&self.ledger);
        let mut turn = ledger.turn().await;
        let group = Uuid::new_v4().simple().to_string();
        let records = jobs.iter().flat_map(|job| job.records());
        let appended = ledger.append(&mut turn, &mut connection, &group, records);
        let stored = timeout(STEP, appended)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(|error| self.fault(error))?;
        let answer = timeout(STEP, sqlx::query("COMMIT").execute(&mut connection)).await;
        let error = match answer {
            Ok(Ok(_)) => {
                ledger.committed(&mut turn, &stored);
                self.held = Some(Held { connection, made });
                return Ok(());
            }
            Ok(Err(error)) if is_conflict(&error) => return Err(Fault::Again(error)),
            Ok(Err(error)) => {
                self.noticed(&error);
                error
            }
            Err(_elapsed) => sqlx::Error::PoolTimedOut,
        };
        // The lock on the head must not be ours any more when we ask.
        drop(connection);
        let committed = ledger.was_committed(&self.gateway, &group).await;
        if committed.is_some() {
            self.state.set_away(false);
        }
        match committed {
            Some(true) => {
                ledger.committed(&mut turn, &stored);
                Ok(())
            }
            Some(false) => Err(Fault::Again(error)),
            None => {
                let records = jobs.iter_mut().flat_map(|job| job.give_records());
                ledger.doubt(&mut turn, group, stored, records);
                Err(Fault::InDoubt(error))
            }
        }
    }

    /// Whoever is queued shares the fate of a group that found no connection: alone each would
    /// wait for one as long.
    fn gather(&mut self, jobs: &mut Vec<Box<dyn Job<Postgres>>>) {
        while jobs.len() < GROUP
            && let Ok(job) = self.jobs.try_recv()
        {
            jobs.push(job);
        }
    }

    /// Begin, and apply the jobs and whatever else is queued meanwhile.
    async fn apply(
        &mut self,
        connection: &mut PgConnection,
        jobs: &mut Vec<Box<dyn Job<Postgres>>>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            .execute(&mut *connection)
            .await?;
        let mut applied = 0;
        loop {
            while let Some(job) = jobs.get_mut(applied) {
                if self.ledger.log().accepts() {
                    job.apply(connection).await?;
                } else {
                    job.refuse(Error::Busy);
                }
                applied += 1;
            }
            if jobs.len() >= GROUP {
                return Ok(());
            }
            match self.jobs.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => return Ok(()),
            }
        }
    }

    /// The connection of the last group while it is young, else a new one.
    async fn connect(&mut self) -> Result<Held, sqlx::Error> {
        match self.held.take() {
            Some(held) if held.made.elapsed() < LIFETIME => return Ok(held),
            Some(old) => drop(old.connection.close().await),
            None => {}
        }
        let connection = self.gateway.connect().await;
        // Nobody answers, or somebody who is no server yet; a server that refuses is there.
        let away = match &connection {
            Ok(_) => false,
            Err(error @ sqlx::Error::Database(_)) => is_broken(error),
            Err(_) => true,
        };
        self.state.set_away(away);
        let mut connection = connection?;
        durable(&mut connection)
            .await
            .inspect_err(|error| self.noticed(error))?;
        Ok(Held::new(connection))
    }

    /// Of an error on a connection.
    fn fault(&self, error: sqlx::Error) -> Fault {
        self.noticed(&error);
        Fault::of(error)
    }

    /// A connection that broke has nobody at its other end, until a new one is made. One that is
    /// slow has.
    fn noticed(&self, error: &sqlx::Error) {
        if is_broken(error) {
            self.state.set_away(true);
        }
    }
}

/// Make the commits of a session durable, before anything is written in it.
pub(super) async fn durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    timeout(PROMPT, sqlx::query(SYNCHRONOUS).execute(connection))
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map(|_| ())
}

// === impl Held ===

impl Held {
    fn new(connection: PgConnection) -> Self {
        Self {
            connection,
            made: Instant::now(),
        }
    }
}

// === impl Fault ===

impl Fault {
    /// Of an error before COMMIT: nothing has happened.
    fn of(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
                Self::Again(error)
            }
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                let passing = PASSING.contains(&&*code) || code.starts_with("08");
                if passing {
                    Self::Again(error)
                } else {
                    Self::Final(error)
                }
            }
            _ => Self::Final(error),
        }
    }
}

/// The connection broke, or its server says that it stops or starts.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let broken = code.starts_with("08") && code != wire::REJECTED;
            broken || ["57P01", "57P02", "57P03"].contains(&&*code)
        }
        _ => false,
    }
}

/// The database has undone the transaction because of another one.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
