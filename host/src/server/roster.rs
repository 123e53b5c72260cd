//! Who is connected, and how much each identity takes.
//!
//! One identity can neither use up the connections of a listener nor its
//! attention: connections and requests under way are counted per SPIFFE id, requests
//! are limited per SPIFFE id. Ids come from verified certificates only, so the tables are bounded
//! by those that the authority issued; what has been quiet is forgotten.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limits::Limits;
use crate::identity::SpiffeId;

/// After so many requests the limiter forgets those who have been quiet.
const FORGET_EVERY: u64 = 65_536;

/// The counts of one listener.
pub(super) struct Roster {
    present: Arc<Mutex<HashMap<SpiffeId, Taken>>>,
    most: usize,
    most_at_once: usize,
    requests: Option<DefaultKeyedRateLimiter<SpiffeId>>,
    asked: AtomicU64,
    clock: DefaultClock,
}

/// What one identity takes.
#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    /// Requests under way on all of them.
    under_way: Arc<AtomicUsize>,
}

/// A counted connection, as long as this value lives.
#[derive(Debug)]
pub(super) struct Present {
    present: Arc<Mutex<HashMap<SpiffeId, Taken>>>,
    id: SpiffeId,
    under_way: Arc<AtomicUsize>,
    /// None for no limit.
    most_at_once: Option<usize>,
}

/// A counted request, as long as this value lives: until its answer was taken.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<AtomicUsize>);

// === impl Roster ===

impl Roster {
    /// Nobody is there yet.
    pub(super) fn new(limits: &Limits) -> Self {
        let requests = NonZeroU32::new(limits.identity_rate).map(|rate| {
            let burst = NonZeroU32::new(limits.identity_burst).unwrap_or(rate);
            RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst))
        });
        Self {
            present: Arc::default(),
            most: limits.identity_connections,
            most_at_once: limits.identity_requests,
            requests,
            asked: AtomicU64::new(0),
            clock: DefaultClock::default(),
        }
    }

    /// One more connection of `id`; none when it has as many as it may.
    pub(super) fn enter(&self, id: &SpiffeId) -> Option<Present> {
        let mut present = lock(&self.present);
        let taken = present.entry(id.clone()).or_default();
        if taken.connections >= self.most {
            return None;
        }
        taken.connections += 1;
        Some(Present {
            present: Arc::clone(&self.present),
            id: id.clone(),
            under_way: Arc::clone(&taken.under_way),
            most_at_once: (self.most_at_once > 0).then_some(self.most_at_once),
        })
    }

    /// One more request of `id`.
    ///
    /// # Errors
    /// It is too many; after this time another one may be answered.
    pub(super) fn ask(&self, id: &SpiffeId) -> Result<(), Duration> {
        let Some(requests) = &self.requests else {
            return Ok(());
        };
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            requests.retain_recent();
        }
        requests
            .check_key(id)
            .map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

impl Present {
    /// One more request of this identity under way; none when there are as many as it may
    /// have, on whichever connections.
    pub(super) fn begin(&self) -> Option<UnderWay> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        // From here on it is given back, whatever comes.
        let under_way = UnderWay(Arc::clone(&self.under_way));
        self.most_at_once
            .is_none_or(|most| before < most)
            .then_some(under_way)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut present = lock(&self.present);
        if let Some(taken) = present.get_mut(&self.id) {
            taken.connections = taken.connections.saturating_sub(1);
            if taken.connections == 0 {
                present.remove(&self.id);
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://td/{name}")).unwrap()
    }

    fn roster(connections: usize, rate: u32, burst: u32) -> Roster {
        Roster::new(&Limits {
            identity_connections: connections,
            identity_rate: rate,
            identity_burst: burst,
            ..Limits::default()
        })
    }

    #[test]
    fn connections_are_counted_for_each_identity_and_forgotten() {
        let roster = roster(2, 0, 0);
        let first = roster.enter(&id("a")).unwrap();
        let _second = roster.enter(&id("a")).unwrap();
        assert!(roster.enter(&id("a")).is_none());
        let other = roster.enter(&id("b")).unwrap();
        drop(first);
        assert!(roster.enter(&id("a")).is_some());
        drop(other);
        assert!(!lock(&roster.present).contains_key(&id("b")));
    }

    #[test]
    fn requests_under_way_are_counted_over_all_connections_of_an_identity() {
        let roster = Roster::new(&Limits {
            identity_requests: 2,
            ..Limits::default()
        });
        let (one, two) = (
            roster.enter(&id("a")).unwrap(),
            roster.enter(&id("a")).unwrap(),
        );
        let first = one.begin().unwrap();
        let _second = two.begin().unwrap();
        assert!(one.begin().is_none() && two.begin().is_none());
        assert!(roster.enter(&id("b")).unwrap().begin().is_some());
        drop(first);
        assert!(two.begin().is_some());
    }

    #[test]
    fn requests_over_the_burst_wait_and_others_do_not() {
        let roster = roster(1, 1, 3);
        for _ in 0..3 {
            assert_eq!(roster.ask(&id("a")), Ok(()));
        }
        let wait = roster.ask(&id("a")).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(roster.ask(&id("b")), Ok(()));
    }

    #[test]
    fn rate_of_nought_means_no_limit() {
        let roster = roster(1, 0, 0);
        for _ in 0..10_000 {
            assert_eq!(roster.ask(&id("a")), Ok(()));
        }
    }
}
