//! Audit records about connections: refused, ended, throttled.
//!
//! A flood of refusals must not become a flood of writes: so many records wait for
//! the store at a time, the rest are counted, and their number is recorded within
//! seconds and at the stop. Why a connection was ended is never left out: there are no more
//! of these than connections. An identity that asks too often leaves a record now and
//! then, not one for each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::handler::Peer;
use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::identity::SpiffeId;

/// Records that wait for the store at the same time.
const PENDING: u32 = 1_024;

/// The most connections that a listener can be configured for.
const ENDINGS: u32 = 1_000_000;

/// How long refusals are counted before their number is recorded.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// How long a stop waits for records that are on their way to the store.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// One record of a throttled identity in this time.
const THROTTLED_EVERY: Duration = Duration::from_secs(10);

/// Identities whose throttling is remembered before the quiet ones are forgotten.
const THROTTLED_REMEMBERED: usize = 4_096;

/// Writes what happens to the connections of one listener.
#[derive(Clone)]
pub struct ConnectionRecords(Arc<Shared>);

struct Shared {
    services: Arc<Services>,
    /// The listener's name: the target of its records.
    listener: &'static str,
    pending: Arc<Semaphore>,
    endings: Arc<Semaphore>,
    uncounted: AtomicU64,
    /// Somebody will record their number.
    counting: AtomicBool,
    throttled: Option<DefaultKeyedRateLimiter<SpiffeId>>,
}

/// Whom a record is about.
struct About<'a> {
    address: String,
    workload: &'a str,
}

// === impl ConnectionRecords ===

impl ConnectionRecords {
    /// For the listener of this name, such as `service`.
    pub fn new(services: Arc<Services>, listener: &'static str) -> Self {
        Self(Arc::new(Shared {
            services,
            listener,
            pending: Arc::new(Semaphore::new(PENDING as usize)),
            endings: Arc::new(Semaphore::new(ENDINGS as usize)),
            uncounted: AtomicU64::new(0),
            counting: AtomicBool::new(false),
            throttled: Quota::with_period(THROTTLED_EVERY).map(RateLimiter::keyed),
        }))
    }

    /// A connection was refused before its peer could ask anything.
    pub fn refused(&self, address: SocketAddr, code: &'static str) {
        tracing::warn!(listener = self.0.listener, %address, code, "connection refused");
        self.write(&About::of(address, "-"), "connection.accept", code);
    }

    /// A verified peer's connection was ended.
    pub fn ended(&self, peer: &Peer, code: &'static str) {
        tracing::warn!(listener = self.0.listener, address = %peer.address, workload = %peer.id, code, "connection ended");
        let about = About::of(peer.address, peer.id.as_str());
        let target = self.0.listener.to_owned();
        // A place only so that a stop can wait: without one it is written all the same.
        let place = Arc::clone(&self.0.endings).try_acquire_owned().ok();
        self.hand_over(self.record(&about, "connection.keep", target, code), place);
    }

    /// A request was refused because its peer asks too often.
    pub fn throttled(&self, peer: &Peer) {
        let Some(throttled) = &self.0.throttled else {
            return;
        };
        if throttled.check_key(&peer.id).is_err() {
            return;
        }
        if throttled.len() > THROTTLED_REMEMBERED {
            throttled.retain_recent();
        }
        tracing::warn!(listener = self.0.listener, address = %peer.address, workload = %peer.id, "requests refused: too many");
        let about = About::of(peer.address, peer.id.as_str());
        self.write(&about, "request.accept", "rate-limited");
    }

    /// Make everything durable that has happened so far, before the store closes.
    pub async fn flush(&self) {
        let written = async {
            let refusals = self.0.pending.acquire_many(PENDING).await;
            let endings = self.0.endings.acquire_many(ENDINGS).await;
            drop((refusals, endings));
        };
        // Whoever waits longer has a store that does not write, and an alarm that says so.
        let _ = tokio::time::timeout(STOP_PATIENCE, written).await;
        if let Some(record) = self.counted() {
            let trail = Trail::new();
            trail.push(record);
            self.0.services.store.owe(&trail).await;
        }
    }

    /// A record that may be left out, and counted instead.
    fn write(&self, about: &About<'_>, action: &'static str, code: &'static str) {
        let Ok(place) = Arc::clone(&self.0.pending).try_acquire_owned() else {
            self.0.uncounted.fetch_add(1, Ordering::Relaxed);
            return self.count();
        };
        let target = self.0.listener.to_owned();
        self.hand_over(self.record(about, action, target, code), Some(place));
    }

    /// Written on a task of its own: a refused peer waits for nothing.
    fn hand_over(&self, record: Record, place: Option<OwnedSemaphorePermit>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let trail = Trail::new();
        trail.push(record);
        let services = Arc::clone(&self.0.services);
        runtime.spawn(async move {
            services.store.owe(&trail).await;
            drop(place);
        });
    }

    /// Let the number of what was left out be recorded soon.
    fn count(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.0.counting.swap(true, Ordering::Relaxed) {
            return;
        }
        let records = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(COUNTED_FOR).await;
            // Before the look, so that what comes after it is counted by the next one.
            records.0.counting.store(false, Ordering::Relaxed);
            if let Some(record) = records.counted() {
                records.hand_over(record, None);
            }
        });
    }

    /// How many were left out since the last time. The host tells it of itself: they came
    /// from many places.
    fn counted(&self) -> Option<Record> {
        let more = self.0.uncounted.swap(0, Ordering::Relaxed);
        let about = About {
            address: "local".to_owned(),
            workload: "host",
        };
        let target = format!("{}: {more} more, not recorded singly", self.0.listener);
        (more > 0).then(|| self.record(&about, "connection.accept", target, "overload"))
    }

    fn record(
        &self,
        about: &About<'_>,
        action: &'static str,
        target: String,
        code: &'static str,
    ) -> Record {
        let actor = Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: about.workload.to_owned(),
                address: about.address.clone(),
            }),
            component: None,
        };
        let (time, outcome) = (self.0.services.clock.now(), Outcome::Failed(code));
        Record::plain(time, actor, action, target, outcome)
    }
}

// === impl About ===

impl<'a> About<'a> {
    fn of(address: SocketAddr, workload: &'a str) -> Self {
        Self {
            address: address.to_string(),
            workload,
        }
    }
}
