//! The life of one connection after its handshake: served, then ended.
//!
//! A connection ends when its peer leaves, when the peer's certificate ends,
//! when it overstays, or when the host drains. It is asked to end first (GOAWAY,
//! or `connection: close`), so that answers under way still arrive, and dropped
//! after a grace that depends on the reason. A drain has no grace of its own:
//! the drain's deadline drops the whole task.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::{Activity, Overstayed};
use super::drain::Watcher;
use super::handler::{BodyError, Handler, Peer, ResponseBody};
use super::limits::Limits;
use crate::clock::{Clock, Timestamp};

/// After the peer's certificate ended: answers begun in time may still leave.
const EXPIRED_GRACE: Duration = Duration::from_secs(1);

/// After idleness: nothing should be under way but a closing handshake.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// The code for a connection that outlived its peer's certificate.
pub const EXPIRED: &str = "expired";

/// A hyper connection of either version.
pub(super) trait Serving: Future<Output = hyper::Result<()>> {
    /// Take no more requests, finish those that were taken.
    fn wind_down(self: Pin<&mut Self>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Draining,
    Expired,
    Overstayed(Overstayed),
}

/// Serve until the connection ends by itself or has to.
pub(super) async fn supervise<H: Handler>(
    connection: impl Serving,
    activity: &Activity,
    peer: &Arc<Peer>,
    handler: &H,
    clock: &dyn Clock,
    limits: &Limits,
    drain: &Watcher,
) {
    let mut connection = pin!(connection);
    let ending = tokio::select! {
        biased;
        () = expiry(clock, peer.not_after, limits.recheck_interval) => Ending::Expired,
        () = drain.started() => Ending::Draining,
        overstayed = activity.overstayed(limits) => Ending::Overstayed(overstayed),
        served = connection.as_mut() => return report(peer, served),
    };
    tracing::debug!(peer = %peer.id, ?ending, "ending a connection");
    connection.as_mut().wind_down();
    let grace = match ending {
        Ending::Draining => return report(peer, connection.await),
        Ending::Expired => {
            handler.ended(peer, EXPIRED);
            EXPIRED_GRACE
        }
        Ending::Overstayed(Overstayed::Idle) => IDLE_GRACE,
        Ending::Overstayed(Overstayed::SlowHead) => Duration::ZERO,
    };
    if let Ok(served) = tokio::time::timeout(grace, connection).await {
        report(peer, served);
    }
}

/// Whether a certificate that ends at `not_after` has ended.
pub(super) fn has_expired(now: Timestamp, not_after: Timestamp) -> bool {
    now > not_after
}

/// Ready when the certificate has ended. It looks at the clock again and again
/// instead of sleeping once, for the machine's clock may be set meanwhile.
async fn expiry(clock: &dyn Clock, not_after: Timestamp, interval: Duration) {
    while let Some(left) = time_left(clock.now(), not_after) {
        tokio::time::sleep(left.min(interval)).await;
    }
}

/// Until the first moment at which the certificate has ended; none when it has.
fn time_left(now: Timestamp, not_after: Timestamp) -> Option<Duration> {
    let left = not_after.checked_sub(now)?;
    Some(Duration::from_millis(left.saturating_add(1)))
}

fn report(peer: &Peer, served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(peer = %peer.id, %error, "a connection broke off");
    }
}

// === impl Serving ===

impl<S, I> Serving for http1::Connection<TokioIo<I>, S>
where
    S: HttpService<Incoming, ResBody = ResponseBody>,
    S::Error: Into<BodyError>,
    I: AsyncRead + AsyncWrite + Unpin,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, I> Serving for http2::Connection<TokioIo<I>, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = ResponseBody>,
    S::Future: Send + 'static,
    S::Error: Into<BodyError>,
    I: AsyncRead + AsyncWrite + Unpin,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn certificate_holds_through_its_last_moment_and_no_longer() {
        assert_eq!(time_left(1_000, 3_000), Some(Duration::from_millis(2_001)));
        assert_eq!(time_left(3_000, 3_000), Some(Duration::from_millis(1)));
        assert_eq!(time_left(3_001, 3_000), None);
        assert!(!has_expired(3_000, 3_000));
        assert!(has_expired(3_001, 3_000));
    }
}
