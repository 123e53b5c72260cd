//! What a listener asks of the part that answers requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::identity::SpiffeId;

/// An error while a body is produced; it ends the connection or stream.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// An answer's body: bytes at hand, or a stream of them.
pub type ResponseBody = UnsyncBoxBody<Bytes, BodyError>;

/// An answer.
pub type Response = http::Response<ResponseBody>;

/// The verified other side of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub id: SpiffeId,
    /// SHA-256 over its certificate in DER form (RFC 8705 `x5t#S256`).
    pub thumbprint: [u8; 32],
    /// The end of its certificate, milliseconds since the Unix epoch.
    pub not_after: Timestamp,
    /// Where it connects from.
    pub address: SocketAddr,
}

/// Answers the requests of a listener.
///
/// The listener guarantees that `peer` was verified in the handshake of this
/// very connection and that its certificate is in date, not revoked and of a
/// trusted root as of now. The future is dropped when the peer goes away, when it
/// loses its standing or when a drain reaches its deadline: what must not be left
/// half done has to be a transaction.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answer one request. Bodies are read with [`super::body::collect`].
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response;

    /// Count one more request of this peer together with what other hosts have answered it.
    /// Called for each request that the listener's own limits let pass, before its body
    /// is read; it must answer in bounded time.
    ///
    /// # Errors
    /// It is too many; after this time another one may be answered.
    async fn count(&self, peer: &Peer) -> Result<(), Duration> {
        let _ = peer;
        Ok(())
    }

    /// A connection was refused before it could ask anything; `code` is one of
    /// those in [`super::refusal`]. Called on the connection's task: be quick.
    fn refused(&self, address: SocketAddr, code: &'static str);

    /// A verified peer's connection was ended by the host, for a reason such as
    /// `expired`.
    fn ended(&self, peer: &Peer, code: &'static str);

    /// A request was refused because its peer asks more often than it may. Called
    /// for each such request: be quick, and sparing with records.
    fn throttled(&self, peer: &Peer) {
        let _ = peer;
    }

    /// Whether policy, as of now, allows this peer anything at all here. A
    /// connection of a peer that may do nothing is ended when policy changes.
    fn admits(&self, peer: &Peer) -> bool {
        let _ = peer;
        true
    }

    /// How long requests under way may go on when policy allows their peer nothing any
    /// more. By default they end at once.
    fn farewell(&self) -> Duration {
        Duration::ZERO
    }

    /// Tells when [`admits`](Self::admits) may answer otherwise than before; none
    /// where it never does.
    fn policy_changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// A body of bytes at hand.
pub fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}
