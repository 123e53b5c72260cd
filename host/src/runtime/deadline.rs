//! When a call must be over.
//!
//! The epoch stops a guest that computes, the timer one that waits in a host
//! call: a computing guest never reaches the timer, a waiting one never the
//! epoch. Both look at the same instant, armed right before the call, so that
//! time spent in a queue is not billed to the guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

/// A moment, and nothing else: nested calls take the earlier of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// Ticks of the epoch in which a guest computed, after which it is the guest that has used
/// its time up. Our components compute through two or three; a guest that shares the
/// processors with many still has its own share counted, and nobody else's.
const AT_LENGTH: u32 = 20;

/// How long a guest has computed itself, by ticks of the epoch. What it waits for, a host
/// call or a processor, is not counted.
#[derive(Debug, Clone, Default)]
pub struct Computed(Arc<AtomicU32>);

// === impl Computed ===

impl Computed {
    /// Whether it computed so long that nothing but itself made it late.
    pub fn at_length(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= AT_LENGTH
    }

    fn tick(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

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
    pub fn arm<T: 'static>(self, store: &mut Store<T>) -> Computed {
        let computed = Computed::default();
        let ticks = computed.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            ticks.tick();
            Ok(if self.passed() {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::Yield(1)
            })
        });
        computed
    }
}
