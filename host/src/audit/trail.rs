//! The records of one request that are not yet durable.
//!
//! Cloning shares the trail. Whoever commits next drains it, so that records
//! stay in the order in which they were made.

use std::sync::{Arc, Mutex, PoisonError};

use super::Record;

/// Records on their way to the store.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Vec<Record>>>);

// === impl Trail ===

impl Trail {
    /// An empty trail.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a record.
    pub fn push(&self, record: Record) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }

    /// Take all records, oldest first. The taker owes them to the store.
    pub fn drain(&self) -> Vec<Record> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Give records back that could not be made durable, in front of those that
    /// have come since.
    pub fn restore(&self, mut records: Vec<Record>) {
        let mut trail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.append(&mut trail);
        *trail = records;
    }

    /// Whether every record has been taken.
    pub fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}
