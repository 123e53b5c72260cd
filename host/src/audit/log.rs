//! The log of this host, between the store that commits records and the sealer that
//! hashes them.
//!
//! The store tells [`Log::committed`] each group of records after its commit. Their
//! leaves are computed here, from what the host wrote and never from what a database
//! says later, and wait in order of `seq` for the sealer. Groups may be told in
//! any order: leaves behind a hole wait until it is filled, so that a sealer never
//! vouches for a record that this host did not write.
//!
//! The sealer closes the log with [`Log::refuse`] when it can't do its duty. While
//! the log is closed the store still writes records, but makes no change and
//! confirms nothing: calls are answered `busy`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::merkle::Hash;
use super::{LogSecret, Placed, SealKey};
use crate::telemetry::metrics::Counter;

/// The log's id where nothing is sealed: tests, benches, tools.
const UNSEALED: &str = "unsealed";

/// One log, written by one host.
#[derive(Debug)]
pub struct Log {
    id: String,
    secret: LogSecret,
    sealed: bool,
    off: bool,
    /// Leaves that call the sealer before its time.
    batch: usize,
    state: Mutex<State>,
    refusing: AtomicBool,
    lost: AtomicU64,
    wake: Notify,
    counts: Counts,
}

/// What the log counts; the same counters stand in the host's metrics.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Records committed.
    pub records: Counter,
    /// Commits that failed, and records that could not be kept.
    pub failures: Counter,
    /// Records that are lost for good; a `log.gap` record follows.
    pub lost: Counter,
}

/// The leaves of a group of records.
#[derive(Debug)]
pub struct Leaves {
    /// The place of the first.
    first: u64,
    hashes: Vec<Hash>,
}

#[derive(Debug)]
struct State {
    /// The next `seq` whose leaf can be passed on.
    next: u64,
    /// Leaves before `next` that the sealer has not taken.
    ready: Vec<Hash>,
    /// Leaves behind a hole, by the `seq` of the first of each group.
    early: BTreeMap<u64, Vec<Hash>>,
}

// === impl Log ===

impl Log {
    /// The log that is sealed with `key`. A sealer will take leaves from it, `batch` at a time
    /// or more.
    pub fn new(key: &SealKey, batch: usize) -> Self {
        Self::with(key.log_id(), key.log_secret(), true, batch)
    }

    /// The same of any name, for tests: whoever knows the name may write it.
    pub fn keyless(id: &str, batch: usize) -> Self {
        Self::with(id, LogSecret::NONE, true, batch)
    }

    /// A log that is written but not sealed.
    pub fn unsealed() -> Self {
        Self::with(UNSEALED, LogSecret::NONE, false, 0)
    }

    /// No log at all: what auditing costs is measured against a store without it.
    #[cfg(feature = "bench")]
    pub fn off() -> Self {
        Self {
            off: true,
            ..Self::unsealed()
        }
    }

    fn with(id: &str, secret: LogSecret, sealed: bool, batch: usize) -> Self {
        Self {
            id: id.to_owned(),
            secret,
            sealed,
            off: false,
            batch,
            state: Mutex::new(State {
                next: 1,
                ready: Vec::new(),
                early: BTreeMap::new(),
            }),
            refusing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            wake: Notify::new(),
            counts: Counts::default(),
        }
    }

    /// The log's id, the first half of a record's key in the database.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What shows a database that this log is this host's.
    pub fn secret(&self) -> &LogSecret {
        &self.secret
    }

    /// Whether records are kept: always, but in a build for the bench, whose `Log::off` keeps
    /// none.
    pub fn keeps(&self) -> bool {
        !(cfg!(feature = "bench") && self.off)
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The database holds records up to `head`; go on behind it. For a store that
    /// opens, before its first commit.
    pub fn resume(&self, head: u64) {
        self.state().next = head + 1;
    }

    /// The first `seq` that has not been committed as far as this host knows, for
    /// stores that give out places themselves and commit one group at a time.
    pub fn next(&self) -> u64 {
        self.state().next
    }

    /// The leaves of records, consecutive and oldest first: what takes time, and can be done
    /// while they are being committed.
    pub fn leaves(&self, records: &[Placed<'_>]) -> Leaves {
        let mut buffer = Vec::with_capacity(640);
        let hashes = if self.sealed {
            let leaf = |record: &Placed<'_>| record.leaf(&mut buffer);
            records.iter().map(leaf).collect()
        } else {
            vec![Hash::default(); records.len()]
        };
        Leaves {
            first: records.first().map_or(0, |record| record.seq),
            hashes,
        }
    }

    /// The records of these leaves are durable.
    pub fn committed(&self, leaves: Leaves) {
        if leaves.hashes.is_empty() {
            return;
        }
        self.counts.records.add(leaves.hashes.len() as u64);
        let mut state = self.state();
        state.early.insert(leaves.first, leaves.hashes);
        state.close_up();
        if !self.sealed {
            state.ready.clear();
        } else if state.ready.len() >= self.batch {
            self.wake.notify_one();
        }
    }

    /// Records could not be committed.
    pub fn failed(&self) {
        self.counts.failures.add(1);
    }

    /// So many records are gone for good.
    pub fn lost(&self, records: u64) {
        self.counts.lost.add(records);
        self.lost.fetch_add(records, Ordering::AcqRel);
    }

    /// The losses since the last time. The taker owes the log a `log.gap` record.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::AcqRel)
    }

    /// Whether changes may be made and confirmed.
    pub fn accepts(&self) -> bool {
        !self.refusing.load(Ordering::Acquire)
    }

    /// Accept no changes, or accept them again.
    pub fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::Release);
    }

    /// Leaves that no one has taken, in order. The taker owes them a checkpoint.
    pub fn take_leaves(&self) -> Vec<Hash> {
        std::mem::take(&mut self.state().ready)
    }

    /// Whether there is a hole: a place that this host did not write, with later
    /// ones that it did.
    pub fn has_hole(&self) -> bool {
        !self.state().early.is_empty()
    }

    /// Returns when a batch of leaves is waiting.
    pub async fn batch_waiting(&self) {
        self.wake.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn close_up(&mut self) {
        while let Some(leaves) = self.early.remove(&self.next) {
            self.next += leaves.len() as u64;
            self.ready.extend(leaves);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stored::tests::sample;
    use super::*;

    #[test]
    fn leaves_come_in_order_whatever_the_order_of_commits() {
        let log = Log::keyless("host", 100);
        log.resume(4);
        log.committed(log.leaves(&[sample(7).placed()]));
        log.committed(log.leaves(&[sample(8).placed(), sample(9).placed()]));
        assert!(log.take_leaves().is_empty());
        assert!(log.has_hole());
        log.committed(log.leaves(&[sample(5).placed(), sample(6).placed()]));
        let leaves: Vec<Hash> = (5..=9).map(|seq| sample(seq).leaf()).collect();
        assert_eq!(log.take_leaves(), leaves);
        assert!(!log.has_hole());
        assert_eq!(log.next(), 10);
        assert_eq!(log.counts().records.get(), 5);
        assert!(log.take_leaves().is_empty());
    }

    #[test]
    fn unsealed_log_keeps_count_and_nothing_else() {
        let log = Log::unsealed();
        log.committed(log.leaves(&[sample(1).placed(), sample(2).placed()]));
        assert_eq!(log.next(), 3);
        assert!(log.take_leaves().is_empty());
    }

    #[test]
    fn losses_are_told_once() {
        let log = Log::unsealed();
        log.lost(2);
        log.lost(3);
        assert_eq!(log.take_lost(), 5);
        assert_eq!(log.take_lost(), 0);
        assert_eq!(log.counts().lost.get(), 5);
    }
}
