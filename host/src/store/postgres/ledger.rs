//! The host's audit log in the database: whose turn it is to append, and what became of a
//! commit that got no answer.
//!
//! A host has one log and several writers, one for each duty. They take turns here, in the
//! process: whoever has the turn gives out the next places, commits, and tells the log. So
//! the order of places is the order of commits, without a gap.
//!
//! Every transaction leaves its group's id on the head of the log. When the answer to a
//! COMMIT is lost, the head says whether it happened. As long as the database can't be
//! asked, the group is in doubt: its callers hear `busy`, its records are kept here, and
//! whoever has the next turn settles it before anything else is appended. So each record
//! is written exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::PgConnection;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use super::connect::Gateway;
use crate::audit::{Log, Placed, Record, Trail};
use crate::store::columns::time;
use crate::store::{StoredRecord, gap};

const APPEND: &str = "SELECT zeropass.append_audit($1, $2, $3, $4, $5)";

const LAST_GROUP: &str = "SELECT zeropass.last_audit_group($1, $2)";

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

/// From the first question to the beginning of the last.
const ASKING: Duration = Duration::from_secs(5);

/// Records kept for callers that are gone and for groups in doubt.
const OWED: usize = 65_536;

/// The writers' common side of one log.
pub(super) struct Ledger {
    log: Arc<Log>,
    turn: Mutex<Turn>,
    waiting: AtomicBool,
    /// Records that are kept here.
    kept: AtomicUsize,
}

/// What only the holder of the turn may touch.
#[derive(Default)]
pub(super) struct Turn {
    doubt: Option<Doubt>,
    /// Records whose group certainly failed and that nobody else will bring.
    owed: Vec<Record>,
    /// Nothing is appended any more.
    ended: bool,
}

/// A group that may or may not have been committed.
struct Doubt {
    group: String,
    /// What is in the log if it has been.
    stored: Vec<StoredRecord>,
    /// What is to be written if it has not.
    records: Vec<Record>,
}

/// The columns of a record after log and place, in order.
#[derive(Serialize)]
struct Columns<'a>(
    i64,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    String,
);

// === impl Ledger ===

impl Ledger {
    pub(super) fn new(log: Arc<Log>) -> Self {
        Self {
            log,
            turn: Mutex::new(Turn::default()),
            waiting: AtomicBool::new(false),
            kept: AtomicUsize::new(0),
        }
    }

    pub(super) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Whether records wait for the database. Until they are there, nothing is durable.
    pub(super) fn waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether more records can be kept without losing any: half of [`OWED`] is left to those of
    /// requests that are under way.
    pub(super) fn has_room(&self) -> bool {
        self.kept.load(Ordering::Acquire) < OWED / 2
    }

    /// Wait for the turn. It lasts until it is known what became of the commit.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().await
    }

    /// Append what is owed and `records`, as `group`; what will be in the log with the commit.
    pub(super) async fn append<'a>(
        &self,
        turn: &mut Turn,
        db: &mut PgConnection,
        group: &str,
        records: impl Iterator<Item = &'a Record> + Send,
    ) -> Result<Vec<StoredRecord>, sqlx::Error> {
        if let Some(doubt) = &turn.doubt {
            let last = last_group(db, &self.log).await?;
            let committed = last.as_ref() == Some(&doubt.group);
            self.explain(turn, committed);
        }
        match self.log.take_lost() {
            0 => {}
            // In front, where no trimming reaches it.
            lost => turn.owed.insert(0, gap(lost)),
        }
        let first = self.log.next();
        let owed = Placed::group(first, turn.owed.iter());
        let new = Placed::group(first + owed.len() as u64, records);
        let stored: Vec<_> = owed.iter().chain(&new).map(Placed::to_stored).collect();
        let columns: Result<Vec<_>, _> = stored.iter().map(columns).collect();
        let json = columns.and_then(|columns| serde_json::to_string(&columns));
        sqlx::query(APPEND)
            .bind(self.log.id())
            .bind(self.log.secret().bytes())
            .bind(group)
            .bind(time(first))
            .bind(json.map_err(|error| sqlx::Error::Encode(Box::new(error)))?)
            .execute(db)
            .await?;
        Ok(stored)
    }

    /// The group of this turn is committed, and with it what was owed.
    pub(super) fn committed(&self, turn: &mut Turn, stored: &[StoredRecord]) {
        turn.owed.clear();
        self.kept.store(0, Ordering::Release);
        self.waiting.store(false, Ordering::Release);
        let records = StoredRecord::all_placed(stored);
        self.log.committed(self.log.leaves(&records));
    }

    /// Keep the group until somebody can ask.
    pub(super) fn doubt(
        &self,
        turn: &mut Turn,
        group: String,
        stored: Vec<StoredRecord>,
        records: impl Iterator<Item = Record>,
    ) {
        // What was owed before is part of the group.
        let mut all = std::mem::take(&mut turn.owed);
        all.extend(records);
        self.kept.store(all.len(), Ordering::Release);
        turn.doubt = Some(Doubt {
            group,
            stored,
            records: all,
        });
        self.waiting.store(true, Ordering::Release);
    }

    /// Keep records of a group that certainly failed and whose callers are gone.
    pub(super) async fn owe(&self, records: Vec<Record>) {
        if !records.is_empty() {
            self.keep(&mut *self.turn.lock().await, records);
        }
    }

    /// Keep the records of a trail that nobody will append any more. They are taken from
    /// it when it is this caller's turn.
    pub(super) async fn owe_for(&self, trail: &Trail) {
        let mut turn = self.turn.lock().await;
        self.keep(&mut turn, trail.drain());
    }

    /// The host ends: what is kept here is gone.
    pub(super) async fn abandon(&self) {
        let mut turn = self.turn.lock().await;
        turn.ended = true;
        let in_doubt = turn.doubt.take().map_or(0, |doubt| doubt.records.len());
        let lost = in_doubt + std::mem::take(&mut turn.owed).len();
        if lost > 0 {
            self.log.lost(lost as u64);
            tracing::error!(lost, "audit records could not be written before the end");
        }
    }

    /// Whether `group`, whose COMMIT got no answer, was committed; none when nobody answers.
    /// Only for the holder of the turn: nobody else has appended since.
    pub(super) async fn was_committed(&self, gateway: &Gateway, group: &str) -> Option<bool> {
        let started = Instant::now();
        for pause in ASK_AGAIN {
            if started.elapsed() + pause > ASKING {
                break;
            }
            tokio::time::sleep(pause).await;
            let asked = timeout(ANSWER, async {
                let mut db = gateway.connect().await?;
                last_group(&mut db, &self.log).await
            });
            match asked.await {
                Ok(Ok(last)) => return Some(last.as_deref() == Some(group)),
                Ok(Err(error)) => tracing::warn!(%error, "can't ask what became of a commit"),
                Err(_elapsed) => tracing::warn!("nobody says what became of a commit"),
            }
        }
        None
    }

    fn explain(&self, turn: &mut Turn, committed: bool) {
        let Some(doubt) = turn.doubt.take() else {
            return;
        };
        if committed {
            let records = StoredRecord::all_placed(&doubt.stored);
            self.log.committed(self.log.leaves(&records));
        } else {
            turn.owed.splice(0..0, doubt.records);
            self.trim(turn);
        }
    }

    fn keep(&self, turn: &mut Turn, records: Vec<Record>) {
        if turn.ended {
            self.lose(records.len());
        } else if !records.is_empty() {
            turn.owed.extend(records);
            self.trim(turn);
            let in_doubt = turn.doubt.as_ref().map_or(0, |doubt| doubt.records.len());
            let kept = in_doubt + turn.owed.len();
            self.kept.store(kept, Ordering::Release);
            self.waiting.store(true, Ordering::Release);
        }
    }

    fn trim(&self, turn: &mut Turn) {
        let lost = turn.owed.len().saturating_sub(OWED);
        turn.owed.truncate(OWED);
        self.lose(lost);
    }

    fn lose(&self, lost: usize) {
        if lost > 0 {
            self.log.lost(lost as u64);
            tracing::error!(
                lost,
                "audit records were lost: the store could not commit for too long"
            );
        }
    }
}

async fn last_group(db: &mut PgConnection, log: &Log) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(LAST_GROUP)
        .bind(log.id())
        .bind(log.secret().bytes())
        .fetch_one(db)
        .await
}

fn columns(record: &StoredRecord) -> Result<Columns<'_>, serde_json::Error> {
    let [
        request_id,
        workload,
        address,
        name,
        digest,
        revision,
        action,
        relying_party,
        target,
        outcome,
    ] = record.texts();
    Ok(Columns(
        time(record.time),
        request_id,
        workload,
        address,
        name,
        digest,
        revision,
        action,
        relying_party,
        target,
        outcome,
        serde_json::to_string(&record.policies)?,
    ))
}
