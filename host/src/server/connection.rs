//! The life of one connection after its handshake: served, then ended.
//!
//! A connection ends when its peer leaves, when the peer loses its standing, when
//! policy allows the peer nothing any more, when the connection is too old or
//! overstays, or when the host drains. For most reasons it is asked to end first
//! (GOAWAY, or `connection: close`), so that answers under way still arrive, and
//! dropped after a grace that depends on the reason. Who is revoked, distrusted or
//! forbidden has no grace: the connection is cut, with all that runs on it. A drain
//! has no grace of its own: the drain's deadline drops the whole task.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::activity::{Activity, Overstayed};
use super::drain::Watcher;
use super::handler::{BodyError, Handler, Peer, ResponseBody};
use super::limits::Limits;
use crate::identity::standing::{self, EXPIRED};

/// Of a peer that was accepted.
pub(super) type Standing = standing::Standing<ServerConfig>;

/// After the peer's certificate ended: answers begun in time may still leave.
const EXPIRED_GRACE: Duration = Duration::from_secs(1);

/// After an answer that was not taken: others on the connection may still be.
const UNTAKEN_GRACE: Duration = Duration::from_secs(1);

/// After idleness: nothing should be under way but a closing handshake.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// The code for a connection whose peer policy allows nothing any more.
pub const NOT_PERMITTED: &str = "not-permitted";

/// The code for a connection that reached its greatest age.
pub const MAX_AGE: &str = "max-age";

/// The code for a connection whose peer did not take an answer within `request_timeout`.
pub const ANSWER_NOT_TAKEN: &str = "answer-not-taken";

/// A hyper connection of either version.
pub(super) trait Serving: Future<Output = hyper::Result<()>> {
    /// Take no more requests, finish those that were taken.
    fn wind_down(self: Pin<&mut Self>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Draining,
    /// The peer's certificates do not hold any more, by this code.
    Distrusted(&'static str),
    Forbidden,
    Aged,
    Overstayed(Overstayed),
}

/// Serve until the connection ends by itself or has to. Whoever loses trust or
/// permission while it winds down is cut all the same.
pub(super) async fn supervise<H: Handler>(
    connection: impl Serving,
    activity: &Activity,
    peer: &Arc<Peer>,
    standing: &Standing,
    handler: &H,
    limits: &Limits,
    drain: &Watcher,
) {
    let mut connection = pin!(connection);
    let mut distrusted = pin!(standing.lost(limits.recheck_interval));
    let mut forbidden = pin!(forbidden(handler, peer));
    let mut aged = pin!(tokio::time::sleep(limits.max_connection_age));
    // What is ready stays so, and is not to be asked again.
    let (mut expired, mut barred, mut winding_down) = (false, false, false);
    let mut drop_at: Option<Instant> = None;
    loop {
        let ending = tokio::select! {
            biased;
            code = distrusted.as_mut(), if !expired => Ending::Distrusted(code),
            () = forbidden.as_mut(), if !barred => Ending::Forbidden,
            () = drain.started(), if !winding_down => Ending::Draining,
            () = aged.as_mut(), if !winding_down => Ending::Aged,
            served = connection.as_mut() => return report(peer, served),
            () = moment(drop_at) => return,
            // After the connection, whose bytes it judges.
            overstayed = activity.overstayed(limits), if !winding_down => {
                Ending::Overstayed(overstayed)
            }
        };
        tracing::debug!(peer = %peer.id, ?ending, "ending a connection");
        let grace = match ending {
            // The drain has a deadline of its own.
            Ending::Draining => None,
            Ending::Distrusted(EXPIRED) => {
                handler.ended(peer, EXPIRED);
                expired = true;
                Some(EXPIRED_GRACE)
            }
            // Returning drops the connection and the requests on it.
            Ending::Distrusted(code) => return handler.ended(peer, code),
            Ending::Forbidden => {
                handler.ended(peer, NOT_PERMITTED);
                barred = true;
                match handler.farewell() {
                    Duration::ZERO => return,
                    farewell => Some(farewell),
                }
            }
            Ending::Aged => {
                handler.ended(peer, MAX_AGE);
                Some(limits.request_timeout)
            }
            Ending::Overstayed(Overstayed::Idle) => Some(IDLE_GRACE),
            Ending::Overstayed(Overstayed::SlowHead) => Some(Duration::ZERO),
            Ending::Overstayed(Overstayed::Untaken) => {
                handler.ended(peer, ANSWER_NOT_TAKEN);
                Some(UNTAKEN_GRACE)
            }
        };
        if !winding_down {
            connection.as_mut().wind_down();
            winding_down = true;
        }
        let by_now = grace.map(|grace| Instant::now() + grace);
        drop_at = match (drop_at, by_now) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
    }
}

async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ready when a change of policy has left the peer nothing that it may do.
///
/// It listens before the first request can come. A peer that never could do anything is
/// told so at each request, and keeps its connection.
async fn forbidden<H: Handler>(handler: &H, peer: &Peer) {
    if let Some(mut changes) = handler.policy_changes() {
        while changes.changed().await.is_ok() {
            if !handler.admits(peer) {
                return;
            }
        }
    }
    std::future::pending().await
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
