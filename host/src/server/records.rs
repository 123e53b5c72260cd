//! Audit records about connections: refused, ended, throttled.
//!
//! A flood of refusals must not become a flood of writes: so many records wait for
//! the store at a time, the rest are counted and told in one record. An identity
//! that asks too often leaves a record now and then, not one for each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use super::handler::Peer;
use crate::audit::{Actor, Origin, Outcome, Record, Trail};
use crate::capabilities::Services;
use crate::identity::SpiffeId;

/// Records that wait for the store at the same time.
const PENDING: usize = 1_024;

/// One record of a throttled identity in this time.
const THROTTLED_EVERY: Duration = Duration::from_secs(10);

/// Identities whose throttling is remembered before the quiet ones are forgotten.
const THROTTLED_REMEMBERED: usize = 4_096;

/// Writes what happens to the connections of one listener.
pub struct ConnectionRecords {
    services: Arc<Services>,
    /// The listener's name: the target of its records.
    listener: &'static str,
    pending: Arc<Semaphore>,
    uncounted: AtomicU64,
    throttled: Option<DefaultKeyedRateLimiter<SpiffeId>>,
}

// === impl ConnectionRecords ===

impl ConnectionRecords {
    /// For the listener of this name, such as `service`.
    pub fn new(services: Arc<Services>, listener: &'static str) -> Self {
        Self {
            services,
            listener,
            pending: Arc::new(Semaphore::new(PENDING)),
            uncounted: AtomicU64::new(0),
            throttled: Quota::with_period(THROTTLED_EVERY).map(RateLimiter::keyed),
        }
    }

    /// A connection was refused before its peer could ask anything.
    pub fn refused(&self, address: SocketAddr, code: &'static str) {
        tracing::warn!(listener = self.listener, %address, code, "connection refused");
        self.write(address, "-", "connection.accept", code);
    }

    /// A verified peer's connection was ended.
    pub fn ended(&self, peer: &Peer, code: &'static str) {
        tracing::warn!(listener = self.listener, address = %peer.address, workload = %peer.id, code, "connection ended");
        self.write(peer.address, peer.id.as_str(), "connection.keep", code);
    }

    /// A request was refused because its peer asks too often.
    pub fn throttled(&self, peer: &Peer) {
        let Some(throttled) = &self.throttled else {
            return;
        };
        if throttled.check_key(&peer.id).is_err() {
            return;
        }
        if throttled.len() > THROTTLED_REMEMBERED {
            throttled.retain_recent();
        }
        tracing::warn!(listener = self.listener, address = %peer.address, workload = %peer.id, "requests refused: too many");
        self.write(
            peer.address,
            peer.id.as_str(),
            "request.accept",
            "rate-limited",
        );
    }

    /// Written on a task of its own: a refused peer waits for nothing.
    fn write(&self, address: SocketAddr, workload: &str, action: &'static str, code: &'static str) {
        let Ok(place) = Arc::clone(&self.pending).try_acquire_owned() else {
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let trail = Trail::new();
        let target = self.listener.to_owned();
        trail.push(self.record(address.to_string(), workload, action, target, code));
        let more = self.uncounted.swap(0, Ordering::Relaxed);
        if more > 0 {
            let target = format!("{}: {more} more, not recorded singly", self.listener);
            trail.push(self.record("-".into(), "-", "connection.accept", target, "overload"));
        }
        let services = Arc::clone(&self.services);
        runtime.spawn(async move {
            services.store.owe(&trail).await;
            drop(place);
        });
    }

    fn record(
        &self,
        address: String,
        workload: &str,
        action: &'static str,
        target: String,
        code: &'static str,
    ) -> Record {
        let actor = Actor {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: workload.to_owned(),
                address,
            }),
            component: None,
        };
        let outcome = Outcome::Failed(code);
        Record::plain(self.services.clock.now(), actor, action, target, outcome)
    }
}
