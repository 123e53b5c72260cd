//! When a call must be over.
//!
//! The epoch stops a guest that computes, the timer one that waits in a host
//! call: a computing guest never reaches the timer, a waiting one never the
//! epoch. Both look at the same instant, armed right before the call, so that
//! time spent in a queue is not billed to the guest.

use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

/// A moment, and nothing else: nested calls take the earlier of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

// === impl Deadline ===

impl Deadline {
    /// `limit` from now.
    pub fn within(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The earlier of this one and `limit` from now.
    pub fn or_within(self, limit: Duration) -> Self {
        self.min(Self::within(limit))
    }

    /// Whether the moment is past.
    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// How long it is from now; nothing when it is past.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// For timers.
    pub fn instant(self) -> tokio::time::Instant {
        self.0.into()
    }

    /// Let the epoch watch this deadline. At every tick the guest yields to the
    /// executor, so that one that computes holds up nobody on its thread.
    pub fn arm<T: 'static>(self, store: &mut Store<T>) {
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            Ok(if self.passed() {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::Yield(1)
            })
        });
    }
}
