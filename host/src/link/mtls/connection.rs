//! One HTTP/2 connection to the other end, and an exchange over it.
//!
//! It stands on `h2` itself. hyper's client puts a task between a caller and its
//! connection and another one behind each answer, and on a busy machine every
//! hand-over between tasks costs a call its time. Here a caller puts head and
//! body into the connection in one go, so that they leave in one TLS record, and is
//! woken by the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use rustls::ClientConfig;

use crate::identity::standing::Standing;

/// The largest answer, bytes: a long list of passkeys.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A connection that has answered. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    standing: Arc<Standing<ClientConfig>>,
    /// No two connections have the same.
    pub number: u64,
}

/// Why an exchange brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The other end has not begun the call.
    Unbegun,
    /// The other end may have begun it, or even finished.
    Lost,
}

// === impl Connection ===

impl Connection {
    /// Over this sender, to a peer of this standing.
    pub fn new(sender: SendRequest<Bytes>, standing: Standing<ClientConfig>) -> Self {
        Self {
            sender,
            standing: Arc::new(standing),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether its peer is still trusted.
    pub fn standing(&self) -> &Arc<Standing<ClientConfig>> {
        &self.standing
    }

    /// Whether neither end has begun to close it.
    pub fn takes_requests(&self) -> bool {
        let ready = self.sender.clone().ready().now_or_never();
        matches!(ready, None | Some(Ok(_)))
    }

    /// One request with this body, none if it is empty, and its answer. Dropped
    /// before its end, it resets the stream (CANCEL).
    pub async fn exchange(
        &self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Fault> {
        let sender = self.sender.clone().ready().await;
        let mut sender = sender.map_err(|error| broke_off(&error, Fault::Unbegun))?;
        let (answer, mut stream) = sender
            .send_request(request, body.is_empty())
            .map_err(|error| broke_off(&error, Fault::Unbegun))?;
        let sent = match body.is_empty() {
            true => Ok(()),
            false => stream.send_data(body, true),
        };
        // The head may have left by itself, and whoever refuses it need not wait for the
        // body: an answer counts, however the sending ended. Without one, half a request
        // is none.
        let answer = answer.await.map_err(|error| match &sent {
            Ok(()) => broke_off(&error, Fault::of(&error)),
            Err(sending) => broke_off(sending, Fault::Unbegun),
        })?;
        let status = answer.status();
        let body = collect(answer.into_body()).await?;
        Ok((status, body))
    }
}

/// A whole body; without a copy where it came in one piece.
async fn collect(mut body: h2::RecvStream) -> Result<Bytes, Fault> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(piece) = body.data().await {
        // The head has come: the call was begun.
        let piece = piece.map_err(|error| broke_off(&error, Fault::Lost))?;
        // Fails for a stream that has ended, whose window nobody needs.
        let _ = body.flow_control().release_capacity(piece.len());
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
            continue;
        }
        pieces.extend_from_slice(&std::mem::take(&mut whole));
        pieces.extend_from_slice(&piece);
        if pieces.len() > MAX_ANSWER {
            tracing::debug!("link: an answer is too large");
            return Err(Fault::Lost);
        }
    }
    Ok(if pieces.is_empty() {
        whole
    } else {
        pieces.freeze()
    })
}

fn broke_off(error: &h2::Error, fault: Fault) -> Fault {
    tracing::debug!(%error, ?fault, "link: a call broke off");
    fault
}

// === impl Fault ===

impl Fault {
    /// The other end says that it has not looked at the request: it refused the stream,
    /// or went away before it (RFC 9113 sections 6.8 and 8.7).
    fn of(error: &h2::Error) -> Self {
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        if error.is_remote() && (refused || error.is_go_away()) {
            Self::Unbegun
        } else {
            Self::Lost
        }
    }
}
