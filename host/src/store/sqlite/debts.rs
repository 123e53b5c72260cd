//! What others leave to the writer task, and what it must settle before an answer leaves.
//!
//! Bounds: [`OWED`] records kept for callers that are gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::{Log, Record, Trail};

/// Records kept here, and as many with the task.
pub(super) const OWED: usize = 65_536;

/// The common side of the writer task and those who leave something to it.
#[derive(Debug)]
pub(super) struct Debts {
    log: Arc<Log>,
    /// Records wait for it to be known what became of their group.
    in_doubt: AtomicBool,
    left: Mutex<Left>,
    /// So many commits will get no answer, though they happen.
    #[cfg(test)]
    lost_answers: std::sync::atomic::AtomicU64,
}

/// Records that others leave to the writer task.
#[derive(Debug, Default)]
struct Left {
    records: Vec<Record>,
    /// The task has taken what was here for the last time.
    ended: bool,
}

// === impl Debts ===

impl Debts {
    pub(super) fn new(log: Arc<Log>) -> Self {
        Self {
            log,
            in_doubt: AtomicBool::new(false),
            left: Mutex::default(),
            #[cfg(test)]
            lost_answers: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Take over a trail's records. They come with the next commit; those that there is
    /// no room for, and all of them after the end, are lost.
    pub(super) fn owe(&self, trail: &Trail) {
        let mut records = trail.drain();
        let mut left = self.left();
        let room = match left.ended {
            true => 0,
            false => OWED.saturating_sub(left.records.len()),
        };
        let lost = records.len().saturating_sub(room);
        records.truncate(room);
        left.records.append(&mut records);
        drop(left);
        self.lose(lost);
    }

    /// The task takes what was left to it.
    pub(super) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.left().records)
    }

    /// The task takes what was left to it for the last time.
    pub(super) fn take_last(&self) -> Vec<Record> {
        let mut left = self.left();
        left.ended = true;
        std::mem::take(&mut left.records)
    }

    /// So many records can't be kept.
    pub(super) fn lose(&self, lost: usize) {
        if lost > 0 {
            self.log.lost(lost as u64);
            tracing::error!(
                lost,
                "audit records were lost: the store could not commit for too long"
            );
        }
    }

    /// Whether records wait for it to be known if they are there. Until then nothing is
    /// durable, whatever a trail says.
    pub(super) fn in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    pub(super) fn set_in_doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Release);
    }

    /// Let the answers of the next `commits` commits be lost.
    #[cfg(test)]
    pub(super) fn lose_answers(&self, commits: u64) {
        self.lost_answers.store(commits, Ordering::Release);
    }

    /// Whether the answer to this commit is to be lost.
    #[cfg(test)]
    pub(super) fn loses_answer(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.lost_answers
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less)
            .is_ok()
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
