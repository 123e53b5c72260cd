//! Changes, and the jobs that carry them to a writer and their answers back.
//!
//! The twin of SQLite's jobs, with two differences that PostgreSQL makes: a transaction
//! may have to be done again from the start, so a change is applied from what it keeps; and
//! an error in a statement spoils the whole transaction, so whatever may break a constraint
//! runs in a savepoint.

use async_trait::async_trait;
use sqlx::error::ErrorKind;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;

use crate::audit::{Outcome, Record, Trail};
use crate::store::Error;

/// Something that a writer does inside a transaction that it owns, possibly more than once:
/// each time as if the times before had not been.
#[async_trait]
pub(super) trait Change: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + Sync + 'static;

    /// Whether it may break a constraint, or refuse after it has written. Such a change
    /// costs two more round trips.
    const SAVEPOINT: bool = false;

    /// Do it.
    async fn apply(&self, db: &mut PgConnection) -> Result<Self::Output, Failure>;
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Failure {
    /// It can't be made; others in the group can.
    Refused(Error),
    /// A constraint refused it, and only a savepoint can save the others.
    Raised(Error, sqlx::Error),
    /// The database did not do its part; the group is lost.
    Broken(sqlx::Error),
}

/// How a group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything is durable.
    Committed,
    /// Nothing happened.
    Failed,
    /// Nobody knows yet; the log keeps the records.
    InDoubt,
}

/// A change on its way, whatever its output.
#[async_trait]
pub(super) trait Job: Send + Sync {
    /// Make the change, anew each time. Errors are the group's; the change's own are kept.
    async fn apply(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error>;

    /// Make no change; the caller hears `error`, and the record says so.
    fn refuse(&mut self, error: Error);

    /// The request's records so far and that of this change, in order.
    fn records(&self) -> &[Record];

    /// Hand the records over to the log, as those of a change that its caller was told
    /// nothing good about.
    fn give_records(&mut self) -> Vec<Record>;

    /// Answer the caller. Returns the records that are left to the writer: those of a
    /// failed group whose caller is gone.
    fn finish(self: Box<Self>, ending: Ending) -> Vec<Record>;
}

/// The job of one change.
pub(super) struct Task<C: Change> {
    trail: Trail,
    records: Vec<Record>,
    /// Whether the last of the records is that of the change.
    recorded: bool,
    /// What its outcome is when the change is made.
    success: Outcome,
    change: C,
    result: Result<C::Output, Error>,
    reply: oneshot::Sender<Result<C::Output, Error>>,
}

/// No change at all: a job for the sake of its records or of the commit.
pub(super) struct Errand;

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
    pub(super) fn new(
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
            reply,
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
}

#[async_trait]
impl<C: Change> Job for Task<C> {
    async fn apply(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if C::SAVEPOINT {
            sqlx::query("SAVEPOINT change").execute(&mut *db).await?;
        }
        let applied = self.change.apply(db).await;
        let (result, undo) = match applied {
            Ok(output) => (Ok(output), false),
            Err(Failure::Refused(error)) => (Err(error), true),
            Err(Failure::Raised(error, _)) if C::SAVEPOINT => (Err(error), true),
            Err(Failure::Raised(_, error) | Failure::Broken(error)) => return Err(error),
        };
        self.conclude(result);
        if C::SAVEPOINT {
            if undo {
                sqlx::query("ROLLBACK TO SAVEPOINT change")
                    .execute(&mut *db)
                    .await?;
            }
            sqlx::query("RELEASE SAVEPOINT change")
                .execute(&mut *db)
                .await?;
        }
        Ok(())
    }

    fn refuse(&mut self, error: Error) {
        self.conclude(Err(error));
    }

    fn records(&self) -> &[Record] {
        &self.records
    }

    fn give_records(&mut self) -> Vec<Record> {
        self.conclude(Err(Error::Busy));
        std::mem::take(&mut self.records)
    }

    fn finish(mut self: Box<Self>, ending: Ending) -> Vec<Record> {
        if ending != Ending::Committed {
            self.conclude(Err(Error::Busy));
            // Before the answer: whoever gets it finds the records on the trail.
            self.trail.restore(std::mem::take(&mut self.records));
        }
        let heard = self.reply.send(self.result).is_ok();
        if ending == Ending::Committed || heard {
            Vec::new()
        } else {
            self.trail.drain()
        }
    }
}

// === impl Errand ===

#[async_trait]
impl Change for Errand {
    type Output = ();

    async fn apply(&self, _: &mut PgConnection) -> Result<(), Failure> {
        Ok(())
    }
}
