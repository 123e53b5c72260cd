//! A TCP listener with mTLS in front of a [`Handler`].
//!
//! What bounds it ([`Limits`]): connections altogether and of each identity,
//! handshakes at a time, the time of a handshake, of a request head, of a rest, of taking
//! an answer and of a whole connection, streams, requests of each identity in a second and
//! at the same time, and the size and number of header fields. Each request asks anew whether its
//! peer still stands. The protocol is chosen by ALPN, never by sniffing, which hyper does
//! without a timer. HTTP/2 keeps hyper's limits on resets (CVE-2023-44487) and is pinged,
//! so that a dead peer is noticed.
//!
//! What it leaves to the handler: permissions, bodies, the time of a request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, Watched};
use super::connection::{Standing, supervise};
use super::drain::Watcher;
use super::handler::{Handler, Peer, Response};
use super::handshakes::{Handshakes, Place};
use super::held::until_taken;
use super::limits::{Limits, MAX_HEADERS};
use super::problem::problem;
use super::protocols;
use super::refusal::{
    HANDSHAKE_DISPLACED, HANDSHAKE_TIMEOUT, TOO_MANY_CONNECTIONS, TOO_MANY_FOR_IDENTITY,
};
use super::roster::{Present, Roster, UnderWay};
use crate::clock::{Clock, Timestamp};
use crate::identity::refusal::handshake_code;
use crate::identity::standing::IDENTITY_WITHDRAWN;
use crate::identity::tls::{ALPN_HTTP2, InForce};
use crate::identity::{CurrentTls, parse_svid};

/// After the system could not give a socket (files used up, for one).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound listener, not yet accepting.
pub struct Listener<H> {
    socket: TcpListener,
    shared: Arc<Shared<H>>,
}

struct Shared<H> {
    tls: CurrentTls,
    limits: Limits,
    clock: Arc<dyn Clock>,
    handler: Arc<H>,
    handshakes: Handshakes,
    connections: Arc<Semaphore>,
    roster: Roster,
}

/// What the requests of one connection share.
struct Context<H> {
    shared: Arc<Shared<H>>,
    peer: Arc<Peer>,
    standing: Arc<Standing>,
    present: Present,
    activity: Activity,
}

// === impl Listener ===

impl<H: Handler> Listener<H> {
    /// Bind `address`. Connections are accepted once [`serve`](Self::serve) runs.
    ///
    /// # Errors
    /// The address is busy or not of this machine.
    pub async fn bind(
        address: SocketAddr,
        tls: CurrentTls,
        limits: Limits,
        clock: Arc<dyn Clock>,
        handler: Arc<H>,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let shared = Arc::new(Shared {
            handshakes: Handshakes::new(limits.max_handshakes),
            connections: Arc::new(Semaphore::new(limits.max_connections)),
            roster: Roster::new(&limits),
            tls,
            limits,
            clock,
            handler,
        });
        Ok(Self { socket, shared })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// The system does not know the socket any more.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accept until the drain starts. Returns when no more is accepted; the
    /// connections go on as tasks that hold the drain up.
    pub async fn serve(self, drain: Watcher) {
        let _accepting = drain.block();
        let mut stop = pin!(drain.started());
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.as_mut() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((socket, address)) => self.admit(socket, address, &drain),
                // The peer's fault and gone with it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "can't accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream, address: SocketAddr, drain: &Watcher) {
        let place = self.shared.handshakes.enter();
        let blocker = drain.block();
        let drain = drain.clone();
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = drain.forced() => tracing::warn!(%address, "a connection was dropped at the drain's deadline"),
                () = connection(shared, socket, address, place, &drain) => (),
            }
            drop(blocker);
        });
    }
}

async fn connection<H: Handler>(
    shared: Arc<Shared<H>>,
    socket: TcpStream,
    address: SocketAddr,
    mut place: Place,
    drain: &Watcher,
) {
    let since = shared.clock.now();
    let handshake = tokio::select! {
        biased;
        done = handshake(&shared, socket) => done,
        () = place.displaced() => Err(HANDSHAKE_DISPLACED),
        () = tokio::time::sleep(shared.limits.handshake_timeout) => Err(HANDSHAKE_TIMEOUT),
    };
    drop(place);
    let admitted = handshake.and_then(|(stream, in_force)| {
        let (peer, standing) = peer_of(&shared, &stream, &in_force, since, address)?;
        // Shedding beats queueing: a waiting socket costs memory and files.
        let slot = Arc::clone(&shared.connections)
            .try_acquire_owned()
            .map_err(|_| TOO_MANY_CONNECTIONS)?;
        let present = shared.roster.enter(&peer.id).ok_or(TOO_MANY_FOR_IDENTITY)?;
        Ok((stream, peer, standing, slot, present))
    });
    match admitted {
        Ok((stream, peer, standing, _slot, present)) => {
            serve(&shared, stream, peer, standing, present, drain).await;
        }
        Err(code) => shared.handler.refused(address, code),
    }
}

async fn handshake<H>(
    shared: &Shared<H>,
    socket: TcpStream,
) -> Result<(TlsStream<TcpStream>, Arc<InForce<ServerConfig>>), &'static str> {
    let in_force = shared.tls.load();
    let tls = in_force.tls.as_ref().ok_or(IDENTITY_WITHDRAWN)?;
    // Answers are written whole; waiting to fill a packet only delays them.
    socket
        .set_nodelay(true)
        .map_err(|error| handshake_code(&error))?;
    let stream = TlsAcceptor::from(tls.config())
        .accept(socket)
        .await
        .map_err(|error| handshake_code(&error))?;
    Ok((stream, in_force))
}

fn peer_of<H>(
    shared: &Shared<H>,
    stream: &TlsStream<TcpStream>,
    in_force: &InForce<ServerConfig>,
    since: Timestamp,
    address: SocketAddr,
) -> Result<(Peer, Standing), &'static str> {
    let (_, tls) = stream.get_ref();
    let chain = tls.peer_certificates().unwrap_or_default();
    let leaf = chain.first().ok_or("no-certificate")?;
    let svid = parse_svid(leaf).map_err(|error| error.code())?;
    let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
    let standing = Standing::new(
        shared.tls.clone(),
        Arc::clone(&shared.clock),
        chain,
        svid.not_after,
        in_force,
        since,
    );
    let peer = Peer {
        id: svid.id,
        thumbprint: svid.thumbprint,
        not_after: svid.not_after,
        address,
    };
    Ok((peer, standing))
}

async fn serve<H: Handler>(
    shared: &Arc<Shared<H>>,
    stream: TlsStream<TcpStream>,
    peer: Peer,
    standing: Standing,
    present: Present,
    drain: &Watcher,
) {
    let (peer, standing) = (Arc::new(peer), Arc::new(standing));
    let activity = Activity::new();
    let context = Arc::new(Context {
        shared: Arc::clone(shared),
        peer: Arc::clone(&peer),
        standing: Arc::clone(&standing),
        present,
        activity: activity.clone(),
    });
    let service = service_fn(move |request| {
        let context = Arc::clone(&context);
        async move { Ok::<_, Infallible>(context.answer(request).await) }
    });
    let Shared {
        limits, handler, ..
    } = &**shared;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
    if http2 {
        let stream = TokioIo::new(Watched::http2(stream, activity.clone()));
        let connection = protocols::http2(limits).serve_connection(stream, service);
        supervise(
            connection, &activity, &peer, &standing, &**handler, limits, drain,
        )
        .await;
    } else {
        let stream = TokioIo::new(Watched::http1(stream, activity.clone()));
        let connection = protocols::http1(limits).serve_connection(stream, service);
        supervise(
            connection, &activity, &peer, &standing, &**handler, limits, drain,
        )
        .await;
    }
}

// === impl Context ===

impl<H: Handler> Context<H> {
    async fn answer(&self, request: http::Request<Incoming>) -> Response {
        let mut working = self.activity.begin();
        let (answer, under_way) = match self.accept(&request).await {
            Ok(under_way) => {
                let peer = Arc::clone(&self.peer);
                let answer = self.shared.handler.handle(peer, request).await;
                (answer, Some(under_way))
            }
            Err(refusal) => (*refusal, None),
        };
        working.answered();
        until_taken(answer, (working, under_way))
    }

    /// Count a request that may be handled, before its body is read: who sends it slowly
    /// takes from his own share only.
    async fn accept(&self, request: &http::Request<Incoming>) -> Result<UnderWay, Box<Response>> {
        if let Err(code) = self.standing.check() {
            let detail =
                format!("the client certificate does not hold any more ({code}): connect again");
            let refusal = refuse(StatusCode::FORBIDDEN, "not-permitted", &detail);
            return Err(Box::new(refusal));
        }
        if let Err(wait) = self.shared.roster.ask(&self.peer.id) {
            self.shared.handler.throttled(&self.peer);
            return Err(Box::new(too_many(wait)));
        }
        let Some(under_way) = self.present.begin() else {
            self.shared.handler.throttled(&self.peer);
            return Err(Box::new(too_many(Duration::ZERO)));
        };
        // While it is under way, so that whoever waits for the count is counted here.
        if let Err(wait) = self.shared.handler.count(&self.peer).await {
            self.shared.handler.throttled(&self.peer);
            return Err(Box::new(too_many(wait)));
        }
        if request.headers().len() > MAX_HEADERS {
            let detail = format!("a request has at most {MAX_HEADERS} header fields");
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Err(Box::new(refuse(status, "too-large", &detail)));
        }
        Ok(under_way)
    }
}

fn refuse(status: StatusCode, code: &str, detail: &str) -> Response {
    problem(status, code, detail, &uuid::Uuid::now_v7().to_string())
}

/// Whole seconds, rounded up (RFC 9110 section 10.2.3).
fn too_many(wait: Duration) -> Response {
    let mut answer = refuse(
        StatusCode::TOO_MANY_REQUESTS,
        "rate-limited",
        "this identity sends too many requests",
    );
    let seconds = wait.as_millis().div_ceil(1000).max(1).to_string();
    if let Ok(seconds) = HeaderValue::from_str(&seconds) {
        answer.headers_mut().insert(RETRY_AFTER, seconds);
    }
    answer
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
