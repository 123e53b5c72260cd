//! Changes, and the jobs that carry them to a writer and their answers back.
//!
//! Alike for all databases, but for what a failed statement does to its transaction
//! ([`Backend::UNDOES_STATEMENTS`]): where it spoils everything, whatever may break a
//! constraint runs in a savepoint.

use std::any::{Any, TypeId};

use async_trait::async_trait;
use sqlx::error::ErrorKind;
use sqlx::{Database, PgConnection, Postgres, Sqlite, SqliteConnection};
use tokio::sync::oneshot;

use crate::audit::{Outcome, Promise, Record, Trail};
use crate::store::Error;

/// Changes that are made with one statement, at most.
pub const TOGETHER: usize = 64;

/// Something that a writer does inside a transaction that it owns.
pub trait Change: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + Sync + 'static;

    /// Whether its caller may go on when it is made and not yet committed, if its trail
    /// withholds the answer until then: nothing that is read outside the writer shows it, and
    /// nothing else that the request changes rests on it.
    const PROMISED: bool = false;
}

/// A database that can make a change.
#[async_trait]
pub trait Applies<C: Change>: Backend {
    /// Whether only a savepoint undoes a refused change: it may refuse after it has
    /// written, or break a constraint where the database does not undo the statement
    /// alone. On a wire it costs two more round trips.
    const SAVEPOINT: bool = false;

    /// Make it, possibly more than once: each time as if the times before had not been.
    async fn apply(change: &C, db: &mut Self::Connection) -> Result<C::Output, Failure>;

    /// Make all of them, at most [`TOGETHER`], with one statement, or none of them. Nothing
    /// where that is not known for this change.
    ///
    /// For a database that undoes a refused statement alone. What this can't make is made one
    /// by one.
    async fn apply_all(
        _changes: &[&C],
        _db: &mut Self::Connection,
    ) -> Result<Option<Vec<C::Output>>, Failure> {
        Ok(None)
    }
}

/// A database with transactions that jobs run in.
#[async_trait]
pub trait Backend: Database {
    /// Whether a statement that breaks a constraint is undone by itself, and leaves the
    /// transaction sound.
    const UNDOES_STATEMENTS: bool;

    /// Execute a statement without arguments.
    async fn execute(db: &mut Self::Connection, statement: &'static str)
    -> Result<(), sqlx::Error>;
}

/// Why a change was not made.
#[derive(Debug)]
pub enum Failure {
    /// It can't be made; others in the group can.
    Refused(Error),
    /// A constraint refused it. Others in the group can be made if the statement is undone,
    /// by the database or by a savepoint.
    Raised(Error, sqlx::Error),
    /// The database did not do its part; the group is lost.
    Broken(sqlx::Error),
}

/// How a group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is durable.
    Committed,
    /// Nothing happened, or nobody knows yet and the records were given away.
    Failed,
}

/// A change on its way, whatever its output.
#[async_trait]
pub trait Job<E: Backend>: Any + Send + Sync {
    /// Make the change, anew each time. Errors are the group's; the change's own are kept.
    async fn apply(&mut self, db: &mut E::Connection) -> Result<(), sqlx::Error>;

    /// Make it together with others, which follow it and are of its type.
    async fn apply_with(
        &mut self,
        others: &mut [Box<dyn Job<E>>],
        db: &mut E::Connection,
    ) -> Result<(), sqlx::Error>;

    /// Make no change; the caller hears `error`, and the record says so.
    fn refuse(&mut self, error: Error);

    /// Once it is made, or refused: let the caller go on if the commit may be promised. Whether
    /// it has gone on, and nobody waits here.
    fn promise(&mut self) -> bool;

    /// The request's records so far and that of this change, in order.
    fn records(&self) -> &[Record];

    /// Hand the records over to the writer, as those of a change that its caller was told
    /// nothing good about.
    fn give_records(&mut self) -> Vec<Record>;

    /// Answer the caller, or keep the promise. Returns the records that are left to the writer:
    /// those of a failed group whose caller is gone, or went on. Once; whatever is left can be
    /// dropped when everybody has an answer.
    fn finish(&mut self, ending: Ending) -> Vec<Record>;
}

/// Make the changes of jobs that nobody has made yet, those of a kind together, and leave the
/// jobs in the order in which they were made: kinds as they came, and within each as they
/// came. Whoever has a job here waits for it (what was promised is not among them any more), so
/// that no caller's own order is changed.
pub async fn apply_all<E: Backend>(
    jobs: &mut [Box<dyn Job<E>>],
    db: &mut E::Connection,
) -> Result<(), sqlx::Error> {
    let mut kinds = Vec::new();
    for job in jobs.iter() {
        if !kinds.contains(&kind(&**job)) {
            kinds.push(kind(&**job));
        }
    }
    jobs.sort_by_key(|job| kinds.iter().position(|one| *one == kind(&**job)));
    for alike in jobs.chunk_by_mut(|one, other| kind(&**one) == kind(&**other)) {
        match alike {
            [one] => one.apply(db).await?,
            [first, others @ ..] => first.apply_with(others, db).await?,
            [] => {}
        }
    }
    Ok(())
}

/// Which change it makes.
fn kind<E: Backend>(job: &dyn Job<E>) -> TypeId {
    let job: &dyn Any = job;
    job.type_id()
}

/// The job of one change.
pub struct Task<C: Change> {
    trail: Trail,
    records: Vec<Record>,
    /// Whether the last of the records is that of the change.
    recorded: bool,
    /// What its outcome is when the change is made.
    success: Outcome,
    change: C,
    result: Result<C::Output, Error>,
    /// Of the commit, once the caller goes on without it.
    promise: Option<Promise>,
    /// None once the caller has its answer.
    reply: Option<oneshot::Sender<Result<C::Output, Error>>>,
}

/// No change at all: a job for the sake of its records or of the commit.
pub struct Errand;

// === impl Failure ===

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let kind = error.as_database_error().map(|error| error.kind());
        match kind {
            Some(ErrorKind::UniqueViolation) => Self::Raised(Error::Exists, error),
            Some(ErrorKind::ForeignKeyViolation) => Self::Raised(Error::NotFound, error),
            Some(ErrorKind::NotNullViolation | ErrorKind::CheckViolation) => {
                Self::Raised(Error::Malformed("a constraint of the store".into()), error)
            }
            _ => Self::Broken(error),
        }
    }
}

// === impl Task ===

impl<C: Change> Task<C> {
    /// Takes the trail's records; from here on they are the job's debt.
    pub fn new(
        trail: Trail,
        record: Option<Record>,
        change: C,
    ) -> (Self, oneshot::Receiver<Result<C::Output, Error>>) {
        let (reply, answer) = oneshot::channel();
        let mut records = trail.drain();
        let recorded = record.is_some();
        let success = record
            .as_ref()
            .map_or(Outcome::Success, |record| record.outcome.clone());
        records.extend(record);
        let task = Self {
            trail,
            records,
            recorded,
            success,
            change,
            result: Err(Error::Busy),
            promise: None,
            reply: Some(reply),
        };
        (task, answer)
    }

    fn conclude(&mut self, result: Result<C::Output, Error>) {
        if self.recorded
            && let Some(record) = self.records.last_mut()
        {
            record.outcome = match &result {
                Ok(_) => self.success.clone(),
                Err(error) => error.outcome(),
            };
        }
        self.result = result;
    }

    /// Whether the caller is there to hear the result.
    fn reply(&mut self) -> bool {
        let result = std::mem::replace(&mut self.result, Err(Error::Busy));
        let reply = self.reply.take();
        reply.is_some_and(|reply| reply.send(result).is_ok())
    }
}

#[async_trait]
impl<E: Applies<C>, C: Change> Job<E> for Task<C> {
    async fn apply(&mut self, db: &mut E::Connection) -> Result<(), sqlx::Error> {
        if E::SAVEPOINT {
            E::execute(db, "SAVEPOINT change").await?;
        }
        let (result, undo) = match E::apply(&self.change, db).await {
            Ok(output) => (Ok(output), false),
            Err(Failure::Refused(error)) => (Err(error), true),
            Err(Failure::Raised(error, _)) if E::SAVEPOINT || E::UNDOES_STATEMENTS => {
                (Err(error), true)
            }
            Err(Failure::Raised(_, error) | Failure::Broken(error)) => return Err(error),
        };
        self.conclude(result);
        if E::SAVEPOINT {
            if undo {
                E::execute(db, "ROLLBACK TO SAVEPOINT change").await?;
            }
            E::execute(db, "RELEASE SAVEPOINT change").await?;
        }
        Ok(())
    }

    async fn apply_with(
        &mut self,
        others: &mut [Box<dyn Job<E>>],
        db: &mut E::Connection,
    ) -> Result<(), sqlx::Error> {
        let mut alike = vec![self];
        for other in &mut *others {
            let other: &mut dyn Any = &mut **other;
            alike.extend(other.downcast_mut::<Self>());
        }
        for alike in alike.chunks_mut(TOGETHER) {
            let changes: Vec<&C> = alike.iter().map(|task| &task.change).collect();
            match E::apply_all(&changes, db).await {
                Ok(Some(outputs)) => {
                    for (task, output) in alike.iter_mut().zip(outputs) {
                        task.conclude(Ok(output));
                    }
                }
                // One of them can't be made; which one, and why, is found out one by one.
                Ok(None) | Err(Failure::Refused(_) | Failure::Raised(..)) => {
                    for task in alike {
                        Job::<E>::apply(*task, db).await?;
                    }
                }
                Err(Failure::Broken(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, error: Error) {
        self.conclude(Err(error));
    }

    fn promise(&mut self) -> bool {
        let record = self.records.last().filter(|_| self.recorded);
        let (true, true, Some(record)) = (C::PROMISED, self.trail.withholds(), record) else {
            return false;
        };
        // Before the answer: whoever gets it finds the promise on the trail.
        self.promise = Some(self.trail.promise(&record.actor.origin));
        self.reply()
    }

    fn records(&self) -> &[Record] {
        &self.records
    }

    fn give_records(&mut self) -> Vec<Record> {
        self.conclude(Err(Error::Busy));
        std::mem::take(&mut self.records)
    }

    fn finish(&mut self, ending: Ending) -> Vec<Record> {
        if ending == Ending::Committed {
            if let Some(promise) = &self.promise {
                promise.keep();
            }
            self.reply();
            return Vec::new();
        }
        self.conclude(Err(Error::Busy));
        // Before the answer: whoever gets it finds the records on the trail.
        self.trail.restore(std::mem::take(&mut self.records));
        if self.reply() {
            Vec::new()
        } else {
            self.trail.drain()
        }
    }
}

// === impl Errand ===

impl Change for Errand {
    type Output = ();
}

#[async_trait]
impl<E: Backend> Applies<Errand> for E {
    async fn apply(_: &Errand, _: &mut E::Connection) -> Result<(), Failure> {
        Ok(())
    }
}

// === impl Backend ===

#[async_trait]
impl Backend for Sqlite {
    const UNDOES_STATEMENTS: bool = true;

    async fn execute(
        db: &mut SqliteConnection,
        statement: &'static str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(db).await.map(drop)
    }
}

#[async_trait]
impl Backend for Postgres {
    const UNDOES_STATEMENTS: bool = false;

    async fn execute(db: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(db).await.map(drop)
    }
}
