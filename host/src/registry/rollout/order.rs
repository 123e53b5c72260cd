//! What operators order, and what comes of it.

use serde::Serialize;

use super::error::RolloutError;
use super::lane::Running;
use crate::audit::{Outcome, Record, Trail};
use crate::registry::AdmissionError;
use crate::store::rollouts::{HostReport, RevisionInfo, RolloutState};

/// Whose wish a change is. Owes one audit record.
#[derive(Debug)]
pub struct Order {
    /// The operator's SPIFFE id.
    pub who: String,
    /// The record of the change, as if all goes well.
    record: Option<Record>,
    pub(super) trail: Trail,
}

/// What shall serve.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// A digest, its beginning, or a version.
    pub revision: String,
    /// As canary, per cent.
    pub canary: Option<u64>,
    /// An older version is what is wanted.
    pub rollback: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// A reason for the history.
    pub why: String,
}

/// A change that was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The component.
    pub component: String,
    /// As history calls it.
    pub what: &'static str,
    /// The digest before, or `-`.
    pub from: String,
    /// Its version.
    pub from_version: String,
    /// The digest afterwards.
    pub to: String,
    /// Its version.
    pub to_version: String,
    /// The digest of a canary whose trial ends besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_version: Option<String>,
    /// Of a canary, per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<u8>,
    /// The epoch that it began.
    pub epoch: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// A revision that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The revision.
    pub info: RevisionInfo,
    /// Whether its bytes were not there before.
    pub new: bool,
    /// Why it would not be admitted now.
    pub held: Option<AdmissionError>,
}

/// Everything there is to know about a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The rollout.
    pub state: RolloutState,
    /// What this host runs.
    pub running: Running,
    /// All pushed revisions, oldest first.
    pub revisions: Vec<RevisionInfo>,
    /// What each host runs.
    pub hosts: Vec<HostReport>,
}

// === impl Order ===

impl Order {
    /// An order of `who`, which owes `record`.
    pub fn new(who: &str, record: Option<Record>, trail: &Trail) -> Self {
        Self {
            who: who.to_owned(),
            record,
            trail: trail.clone(),
        }
    }

    /// The record, for a store that writes it with the change.
    pub(super) fn take(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// What came of it, unless the store has written that.
    pub(super) fn settle<T>(mut self, result: &Result<T, RolloutError>) {
        if let Some(record) = self.record.take() {
            let outcome = match result {
                Ok(_) => Outcome::Success,
                Err(error) => Outcome::Failed(error.code()),
            };
            self.trail.push(Record { outcome, ..record });
        }
    }
}

/// An order that nobody carried out to the end leaves its record too.
impl Drop for Order {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            let outcome = Outcome::Failed("abandoned");
            self.trail.push(Record { outcome, ..record });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Actor;

    fn order(trail: &Trail) -> Order {
        let actor = Actor::local("spiffe://example/operator/ada");
        let action = "components.activate";
        let record = Record::plain(1, actor, action, "auth-service", Outcome::Success);
        Order::new("ada", Some(record), trail)
    }

    #[test]
    fn order_that_is_dropped_on_the_way_leaves_its_record() {
        let trail = Trail::new();
        drop(order(&trail));
        let records = trail.drain();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].outcome, Outcome::Failed("abandoned"));
    }

    #[test]
    fn order_leaves_one_record_and_none_that_the_store_has_written() {
        let trail = Trail::new();
        order(&trail).settle::<()>(&Err(RolloutError::Conflict));
        let records = trail.drain();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].outcome, Outcome::Failed("conflict"));
        let mut written = order(&trail);
        assert!(written.take().is_some());
        written.settle(&Ok(()));
        assert!(trail.drain().is_empty());
    }
}
