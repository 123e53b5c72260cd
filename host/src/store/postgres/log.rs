//! The host's audit log in the database: whose turn it is to append, and what became of a
//! commit that got no answer.
//!
//! A host has one log and several writers, one for each duty. Appending takes the lock on the
//! log's head until the commit, so writers take turns here, in the process, where waiting
//! is cheap and the order of commits is known.
//!
//! Every transaction leaves its group's id on the head. When the answer to a COMMIT is lost,
//! the head says whether it happened. As long as the database can't be asked, the group is
//! in doubt: its callers hear `busy`, its records are kept here, and whoever has the next
//! turn settles it before anything else is appended. So each record is written exactly once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::PgConnection;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::connect::Gateway;
use super::rows::time;
use crate::audit::Record;

const APPEND: &str = "SELECT zeropass.append_audit($1, $2, $3)";

const LAST_GROUP: &str = "SELECT zeropass.last_audit_group($1)";

/// Pauses before each attempt to find out what became of a commit.
const ASK_AGAIN: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
    Duration::from_millis(1500),
];

/// For the answer, which waits for a transaction that still runs.
const ANSWER: Duration = Duration::from_secs(5);

/// One host's log.
pub(super) struct Log {
    id: String,
    turn: Mutex<Turn>,
    in_doubt: AtomicBool,
}

/// What only the holder of the turn may touch.
#[derive(Default)]
pub(super) struct Turn {
    doubt: Option<Doubt>,
}

/// A group that may or may not have been committed.
struct Doubt {
    group: String,
    /// As they are to be written if it has not been.
    records: Vec<Record>,
}

/// The columns of a record after log and number, in order.
#[derive(Serialize)]
struct Columns(
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
);

// === impl Log ===

impl Log {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            turn: Mutex::new(Turn::default()),
            in_doubt: AtomicBool::new(false),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether records wait for a commit to be explained: nothing is durable until then.
    pub(super) fn in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// Wait for the turn. It lasts until the commit has been explained.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().await
    }

    /// Append what is in doubt (unless it is there already) and `records`, as `group`.
    pub(super) async fn append(
        &self,
        turn: &Turn,
        db: &mut PgConnection,
        group: &str,
        records: impl Iterator<Item = &Record> + Send,
    ) -> Result<(), sqlx::Error> {
        let mut columns = Vec::new();
        if let Some(doubt) = &turn.doubt {
            let last: Option<String> = sqlx::query_scalar(LAST_GROUP)
                .bind(&self.id)
                .fetch_one(&mut *db)
                .await?;
            if last.as_ref() != Some(&doubt.group) {
                for record in &doubt.records {
                    columns.push(to_columns(record)?);
                }
            }
        }
        for record in records {
            columns.push(to_columns(record)?);
        }
        let json = serde_json::to_string(&columns).map_err(encode)?;
        sqlx::query(APPEND)
            .bind(&self.id)
            .bind(group)
            .bind(json)
            .execute(db)
            .await?;
        Ok(())
    }

    /// The group of this turn is committed, and with it what was in doubt is settled.
    pub(super) fn settle(&self, turn: &mut Turn) {
        turn.doubt = None;
        self.in_doubt.store(false, Ordering::Release);
    }

    /// Keep the records of `group` until somebody can ask.
    pub(super) fn doubt(&self, turn: &mut Turn, group: String, records: Vec<Record>) {
        // What was in doubt before was part of the group, if it was not there already.
        let mut all = turn.doubt.take().map_or_else(Vec::new, |doubt| doubt.records);
        all.extend(records);
        turn.doubt = Some(Doubt {
            group,
            records: all,
        });
        self.in_doubt.store(true, Ordering::Release);
    }

    /// Whether `group`, whose COMMIT got no answer, was committed; none when nobody answers.
    /// Only for the holder of the turn: nobody else has appended since.
    pub(super) async fn was_committed(&self, gateway: &Gateway, group: &str) -> Option<bool> {
        for pause in ASK_AGAIN {
            tokio::time::sleep(pause).await;
            let asked = timeout(ANSWER, async {
                let mut db = gateway.connect().await?;
                sqlx::query_scalar::<_, Option<String>>(LAST_GROUP)
                    .bind(&self.id)
                    .fetch_one(&mut db)
                    .await
            });
            match asked.await {
                Ok(Ok(last)) => return Some(last.as_deref() == Some(group)),
                Ok(Err(error)) => tracing::warn!(%error, "can't ask what became of a commit"),
                Err(_elapsed) => tracing::warn!("nobody says what became of a commit"),
            }
        }
        None
    }
}

fn to_columns(record: &Record) -> Result<Columns, sqlx::Error> {
    let origin = &record.actor.origin;
    let component = record.actor.component.as_deref();
    Ok(Columns(
        time(record.time),
        said(&origin.request_id),
        said(&origin.workload),
        said(&origin.address),
        said(component.map_or("", |component| &component.name)),
        said(component.map_or("", |component| &component.digest)),
        said(component.map_or("", |component| &component.revision)),
        said(record.action),
        said(&record.relying_party),
        said(&record.target),
        said(&record.outcome.to_string()),
        said(&serde_json::to_string(&*record.policies).map_err(encode)?),
    ))
}

/// No column is empty, as PCI DSS 10.2.2 asks for, and none has what PostgreSQL's text
/// can't hold: a record must never be what keeps its log from being written.
fn said(value: &str) -> String {
    match value {
        "" => "-".to_owned(),
        value => value.replace('\0', "\u{fffd}"),
    }
}

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(error))
}
