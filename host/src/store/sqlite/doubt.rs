//! A group that failed, and what became of it.
//!
//! When COMMIT fails, nobody knows whether the group is there: the answer may have been
//! lost after the disk had it. Its callers hear `busy`, its records stay here, and the
//! table is asked before anything else is appended. So each record is written exactly
//! once.

use sqlx::SqliteConnection;

use super::audit;
use crate::audit::{Log, Record, StoredRecord};

/// What must be settled before the next group.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// What is in the table if the group was committed; empty if COMMIT was not tried.
    stored: Vec<StoredRecord>,
    /// What is to be written if it was not.
    records: Vec<Record>,
}

// === impl Doubt ===

impl Doubt {
    /// COMMIT of these records failed.
    pub(super) fn new(stored: Vec<StoredRecord>, records: Vec<Record>) -> Self {
        Self { stored, records }
    }

    /// Records that may or may not be there.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Ask the table. Returns the records that are still to be written; those that are
    /// there have been told to the log. Anything else behind the log's end was not
    /// written by this host, and then nothing is settled.
    pub(super) async fn settle(
        &mut self,
        db: &mut SqliteConnection,
        log: &Log,
    ) -> Result<Vec<Record>, sqlx::Error> {
        let limit = u32::try_from(self.stored.len() + 1).unwrap_or(u32::MAX);
        let found = audit::behind(db, log.id(), log.next() - 1, limit).await?;
        if found.is_empty() {
            return Ok(std::mem::take(&mut self.records));
        }
        if found != self.stored {
            return Err(sqlx::Error::Protocol(format!(
                "audit log {}: there are records from place {} on that this host did not write; \
                 stop it and run `zeropass audit verify`",
                log.id(),
                log.next()
            )));
        }
        log.committed(log.leaves(&StoredRecord::all_placed(&found)));
        Ok(Vec::new())
    }
}
