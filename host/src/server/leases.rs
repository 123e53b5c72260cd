//! What each identity may ask of all hosts on one store together, taken from the store in
//! leases: so many requests at a time, so that not each of them costs a round trip.
//!
//! Guarantees:
//! - All hosts together answer no more than was taken from the store, which gives no more than
//!   the limit. What a lease holds is used here and nowhere else, and is forgotten after
//!   [`LIFE`]. So a host wastes a tenth of a second's requests in that time at most, and in
//!   any time an identity can have that much more on each host than rate and burst say.
//! - A lease is a hundredth of the rate, and twice the last one where that was used up
//!   within [`QUICK`], up to a tenth of the rate and of the burst. Where a tenth is less than
//!   one request, each is counted by itself.
//! - Requests of one identity that wait, wait for one question. It takes at least as many as wait.
//! - An identity that has used everything up is refused here until there can be more:
//!   refusing costs the store nothing.
//! - The store has [`PATIENCE`] to answer. Without an answer the listener's own limit is all
//!   there is, and the store is not asked again for [`PAUSE`].
//!
//! Ids come from verified certificates only; who has asked for nothing lately is forgotten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::identity::SpiffeId;
use crate::store::{Error, RateLimit, Store, Taken};

/// What has been taken and not used is forgotten after this.
const LIFE: Duration = Duration::from_secs(10);

/// A lease that is used up within this is followed by a greater one.
const QUICK: Duration = Duration::from_secs(1);

/// For an answer of the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// After the store did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two questions about an identity that has used everything up.
const SPENT: Duration = Duration::from_millis(10);

const SECOND: u64 = 1_000_000_000;

/// Where leases are taken from.
#[async_trait]
pub(super) trait Source: Send + Sync + 'static {
    async fn take(&self, id: &SpiffeId, cells: u32) -> Result<Taken, Error>;
}

/// The count in the store, under this limit.
pub(super) struct Counted {
    pub store: Arc<dyn Store>,
    pub limit: RateLimit,
}

/// The leases of one host.
pub(super) struct Leases {
    source: Box<dyn Source>,
    sizes: Sizes,
    known: Mutex<Known>,
    patience: Duration,
    /// The store did not answer, and is not asked before then.
    away: Mutex<Option<Instant>>,
    /// That has been said.
    told: AtomicBool,
}

/// How much may be asked for at once.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    first: u32,
    most: u32,
    burst: u32,
}

struct Known {
    leases: HashMap<SpiffeId, Arc<Lease>>,
    swept: Instant,
}

/// Of one identity.
#[derive(Default)]
struct Lease {
    /// Requests that wait for a cell just now.
    waiting: AtomicU32,
    held: tokio::sync::Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    cells: u32,
    /// What was asked for the last time, apart from those who waited.
    size: u32,
    /// The last time.
    asked: Option<Instant>,
    /// Everything is used up until then.
    spent: Option<Instant>,
}

/// A request that waits for a cell, as long as this value lives.
struct Waiting<'a>(&'a AtomicU32);

// === impl Counted ===

#[async_trait]
impl Source for Counted {
    async fn take(&self, id: &SpiffeId, cells: u32) -> Result<Taken, Error> {
        let identity = id.as_str().to_owned();
        self.store.take_cells(identity, self.limit, cells).await
    }
}

// === impl Leases ===

impl Leases {
    /// Nobody has any yet.
    pub(super) fn new(source: impl Source, limit: RateLimit) -> Self {
        Self {
            source: Box::new(source),
            sizes: Sizes::of(limit),
            known: Mutex::new(Known {
                leases: HashMap::new(),
                swept: Instant::now(),
            }),
            patience: PATIENCE,
            away: Mutex::new(None),
            told: AtomicBool::new(false),
        }
    }

    /// One more request of `id`.
    ///
    /// # Errors
    /// It is too many; after this time another one may be answered.
    pub(super) async fn ask(&self, id: &SpiffeId) -> Result<(), Duration> {
        let lease = lock(&self.known).of(id, Instant::now());
        let waiting = Waiting::new(&lease.waiting);
        // Whoever holds it longer than a moment asks the store for all who wait.
        let mut held = lease.held.lock().await;
        drop(waiting);
        let now = Instant::now();
        if held.take(now) {
            return Ok(());
        }
        if let Some(wait) = held.wait(now) {
            return Err(wait);
        }
        if lock(&self.away).is_some_and(|until| now < until) {
            return Ok(());
        }
        let size = held.next_size(self.sizes, now);
        let others = lease.waiting.load(Ordering::Relaxed);
        let cells = size.max(others.saturating_add(1)).min(self.sizes.burst);
        match tokio::time::timeout(self.patience, self.source.take(id, cells)).await {
            Ok(Ok(taken)) => {
                self.answered();
                held.keep(size, cells, taken, now);
                if held.take(now) {
                    Ok(())
                } else {
                    Err(taken.wait)
                }
            }
            Ok(Err(_)) | Err(_) => {
                self.unanswered();
                Ok(())
            }
        }
    }

    fn answered(&self) {
        if self.told.swap(false, Ordering::Relaxed) {
            tracing::info!("the store counts the requests of identities again");
        }
    }

    fn unanswered(&self) {
        *lock(&self.away) = Some(Instant::now() + PAUSE);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the store does not count the requests of identities: this host limits them by itself"
            );
        }
    }
}

// === impl Sizes ===

impl Sizes {
    fn of(limit: RateLimit) -> Self {
        let rate = u32::try_from(SECOND / limit.interval.max(1)).unwrap_or(u32::MAX);
        let most = (rate.min(limit.burst) / 10).max(1);
        Self {
            first: (rate / 100).clamp(1, most),
            most,
            burst: limit.burst.max(1),
        }
    }
}

// === impl Known ===

impl Known {
    fn of(&mut self, id: &SpiffeId, now: Instant) -> Arc<Lease> {
        if now.saturating_duration_since(self.swept) >= LIFE {
            self.swept = now;
            self.leases.retain(|_, lease| lease.is_of_use(now));
        }
        if let Some(lease) = self.leases.get(id) {
            return Arc::clone(lease);
        }
        let lease = Arc::<Lease>::default();
        self.leases.insert(id.clone(), Arc::clone(&lease));
        lease
    }
}

// === impl Lease ===

impl Lease {
    /// Asked under the lock of the table, so that nobody takes it into use meanwhile.
    fn is_of_use(self: &Arc<Self>, now: Instant) -> bool {
        Arc::strong_count(self) > 1
            || self.held.try_lock().is_ok_and(|held| {
                let fresh = held.asked.is_some_and(|asked| now < asked + LIFE);
                fresh || held.wait(now).is_some()
            })
    }
}

// === impl Held ===

impl Held {
    /// One of its cells.
    fn take(&mut self, now: Instant) -> bool {
        if self.cells == 0 || self.asked.is_none_or(|asked| now >= asked + LIFE) {
            return false;
        }
        self.cells -= 1;
        true
    }

    /// For how long there is nothing to be had.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let until = self.spent?;
        (now < until).then(|| until - now)
    }

    /// How much to ask for now.
    fn next_size(&self, sizes: Sizes, now: Instant) -> u32 {
        match self.asked {
            Some(asked) if now >= asked + LIFE => sizes.first,
            Some(asked) if now < asked + QUICK => self.size.saturating_mul(2).min(sizes.most),
            Some(_) => self.size,
            None => sizes.first,
        }
    }

    /// The store has given something at `now`.
    fn keep(&mut self, size: u32, cells: u32, taken: Taken, now: Instant) {
        *self = Self {
            cells: taken.cells,
            size,
            asked: Some(now),
            spent: (taken.cells < cells).then(|| now + taken.wait.max(SPENT)),
        };
    }
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "leases_tests.rs"]
mod tests;
