//! Changes, and the jobs that carry them to the writer and their answers back.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::error::ErrorKind;
use tokio::sync::oneshot;

use crate::audit::{Record, Trail};
use crate::store::Error;

/// Something that the writer does inside a transaction that it owns.
#[async_trait]
pub(super) trait Change: Send + Sync + 'static {
    /// What the caller gets.
    type Output: Send + Sync + 'static;

    /// Whether at most one statement writes, as the last one that can fail. A
    /// refused change of that kind has changed nothing, since SQLite undoes a
    /// failed statement by itself; any other runs in a savepoint.
    const SINGLE_WRITE: bool = false;

    /// Do it.
    async fn apply(self, db: &mut SqliteConnection) -> Result<Self::Output, Failure>;
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Failure {
    /// It can't be made; others in the group can.
    Refused(Error),
    /// The database did not do its part; the group is lost.
    Broken(sqlx::Error),
}

/// How a group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything is durable.
    Committed,
    /// Nothing happened, or nobody knows yet and the records were given away.
    Failed,
}

/// A change on its way, whatever its output.
#[async_trait]
pub(super) trait Job: Send + Sync {
    /// Make the change. Errors are the group's; the change's own are kept.
    async fn apply(&mut self, db: &mut SqliteConnection) -> Result<(), sqlx::Error>;

    /// Make no change; the caller hears `error`, and the record says so.
    fn refuse(&mut self, error: Error);

    /// The request's records so far and that of this change, in order.
    fn records(&self) -> &[Record];

    /// Hand the records over to the writer, as those of a change that its caller was told
    /// nothing good about.
    fn give_records(&mut self) -> Vec<Record>;

    /// Answer the caller. Returns the records that are left to the writer: those
    /// of a failed group whose caller is gone.
    fn finish(self: Box<Self>, ending: Ending) -> Vec<Record>;
}

/// The job of one change.
pub(super) struct Task<C: Change> {
    trail: Trail,
    records: Vec<Record>,
    /// Whether the last of the records is that of the change.
    recorded: bool,
    change: Option<C>,
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

/// A constraint refuses one change and leaves the transaction sound.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let kind = error.as_database_error().map(|error| error.kind());
        match kind {
            Some(ErrorKind::UniqueViolation) => Self::Refused(Error::Exists),
            Some(ErrorKind::ForeignKeyViolation) => Self::Refused(Error::NotFound),
            Some(ErrorKind::NotNullViolation | ErrorKind::CheckViolation) => {
                Self::Refused(Error::Malformed("a constraint of the store".into()))
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
        records.extend(record);
        let task = Self {
            trail,
            records,
            recorded,
            change: Some(change),
            result: Err(Error::Busy),
            reply,
        };
        (task, answer)
    }

    fn fail(&mut self, error: Error) {
        if self.recorded
            && let Some(record) = self.records.last_mut()
        {
            record.outcome = error.outcome();
        }
        self.result = Err(error);
    }
}

#[async_trait]
impl<C: Change> Job for Task<C> {
    async fn apply(&mut self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let Some(change) = self.change.take() else {
            return Ok(());
        };
        if !C::SINGLE_WRITE {
            sqlx::query("SAVEPOINT change").execute(&mut *db).await?;
        }
        match change.apply(db).await {
            Ok(output) => self.result = Ok(output),
            Err(Failure::Broken(error)) => return Err(error),
            Err(Failure::Refused(error)) => {
                self.fail(error);
                if !C::SINGLE_WRITE {
                    sqlx::query("ROLLBACK TO change").execute(&mut *db).await?;
                }
            }
        }
        if !C::SINGLE_WRITE {
            sqlx::query("RELEASE change").execute(&mut *db).await?;
        }
        Ok(())
    }

    fn refuse(&mut self, error: Error) {
        self.change = None;
        self.fail(error);
    }

    fn records(&self) -> &[Record] {
        &self.records
    }

    fn give_records(&mut self) -> Vec<Record> {
        self.fail(Error::Busy);
        std::mem::take(&mut self.records)
    }

    fn finish(mut self: Box<Self>, ending: Ending) -> Vec<Record> {
        if ending != Ending::Committed {
            self.fail(Error::Busy);
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
    const SINGLE_WRITE: bool = true;

    async fn apply(self, _: &mut SqliteConnection) -> Result<(), Failure> {
        Ok(())
    }
}
