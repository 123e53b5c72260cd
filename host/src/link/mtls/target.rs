//! One host at the other end: its connection, and what is known of its health.
//!
//! A task of its own makes the connection and replaces it when it ends, when the
//! configuration changes and when the peer's certificate ends. A connection is used
//! only after it has answered a first request: in TLS 1.3 a server that refuses the
//! client's certificate says so after the client has finished its handshake.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::clock::{Clock, Timestamp};
use crate::identity::{CurrentClientTls, parse_svid};
use crate::link::wire;

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection that is replaced may finish what it carries.
const REPLACED_GRACE: Duration = Duration::from_secs(2);

/// How long a host that let a call run into its deadline is the last choice.
const SUSPICION: Duration = Duration::from_secs(1);

/// HTTP/2 pings: how often, and how long until silence means dead.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the clock is asked whether a certificate still holds.
const RECHECK: Duration = Duration::from_secs(1);

/// The largest answer, bytes: a long list of passkeys.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A host at the other end of the link.
pub(super) struct Target {
    address: String,
    state: watch::Sender<State>,
    in_flight: AtomicUsize,
    suspect_until: Mutex<Option<Instant>>,
}

/// What a target is doing.
#[derive(Clone)]
pub(super) enum State {
    /// A connection is being made, and there was no failure since the last one.
    Dialling,
    /// There is one.
    Up(Connection),
    /// The last attempt failed.
    Down,
}

/// A connection that has answered. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    sender: http2::SendRequest<Full<Bytes>>,
    not_after: Timestamp,
    /// No two connections have the same.
    pub number: u64,
}

/// Makes connections.
pub(super) struct Dialer {
    pub tls: CurrentClientTls,
    pub clock: Arc<dyn Clock>,
    pub connect_timeout: Duration,
}

/// Why an exchange brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The other end has not begun the call.
    Unbegun,
    /// The other end may have begun it, or even finished.
    Lost,
}

struct Dialled {
    connection: Connection,
    driver: JoinHandle<()>,
}

/// Counts a call for as long as it lives.
struct InFlight<'a>(&'a AtomicUsize);

// === impl Target ===

impl Target {
    pub fn new(address: String) -> Self {
        Self {
            address,
            state: watch::Sender::new(State::Dialling),
            in_flight: AtomicUsize::new(0),
            suspect_until: Mutex::new(None),
        }
    }

    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Ready when no first connection is being made any more.
    pub async fn settled(&self) {
        let mut state = self.state.subscribe();
        // `self` holds the sender: there is no error to come.
        let _ = state
            .wait_for(|state| !matches!(state, State::Dialling))
            .await;
    }

    /// What to compare when choosing: the less, the better.
    pub fn load(&self) -> (bool, usize) {
        let suspect = self
            .suspect_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|until| Instant::now() < until);
        (suspect, self.in_flight.load(Ordering::Relaxed))
    }

    /// It let a call run into its deadline.
    pub fn suspect(&self) {
        *self
            .suspect_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SUSPICION);
    }

    /// This connection is of no more use: make another one.
    fn give_up(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let ours = matches!(state, State::Up(connection) if connection.number == number);
            if ours {
                *state = State::Dialling;
            }
            ours
        });
    }

    async fn given_up(&self, number: u64) {
        let mut state = self.state.subscribe();
        let _ = state
            .wait_for(
                |state| !matches!(state, State::Up(connection) if connection.number == number),
            )
            .await;
    }

    /// One request and its answer.
    pub async fn exchange(
        &self,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Fault> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let _in_flight = InFlight(&self.in_flight);
        let answer = match connection.sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut error) => {
                let unbegun = error.take_message().is_some() || refused(error.error());
                tracing::debug!(target = self.address, error = %error.error(), unbegun, "link: a call broke off");
                if connection.sender.is_closed() || unbegun {
                    self.give_up(connection.number);
                }
                return Err(if unbegun { Fault::Unbegun } else { Fault::Lost });
            }
        };
        let status = answer.status();
        match Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => {
                tracing::debug!(target = self.address, %error, "link: an answer broke off");
                Err(Fault::Lost)
            }
        }
    }

    /// Keep a connection, for ever.
    pub async fn keep(self: Arc<Self>, dialer: Arc<Dialer>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut tls = dialer.tls.watch();
            let Some(config) = tls.borrow_and_update().clone() else {
                self.state.send_replace(State::Down);
                if tls.changed().await.is_err() {
                    return;
                }
                continue;
            };
            match dialer.dial(&self.address, config).await {
                Ok(Dialled {
                    connection,
                    mut driver,
                }) => {
                    pause = FIRST_PAUSE;
                    let (number, not_after) = (connection.number, connection.not_after);
                    tracing::info!(target = self.address, "link: connected");
                    self.state.send_replace(State::Up(connection));
                    tokio::select! {
                        _ = &mut driver => self.give_up(number),
                        () = self.given_up(number) => retire(driver),
                        // The old one serves until there is a new one.
                        _ = tls.changed() => retire(driver),
                        () = expiry(&*dialer.clock, not_after) => {
                            self.give_up(number);
                            retire(driver);
                        }
                    }
                }
                Err(error) => {
                    if !matches!(self.state(), State::Down) {
                        tracing::warn!(target = self.address, %error, "link: no connection");
                    }
                    self.state.send_replace(State::Down);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }
}

/// Let a connection finish what it carries, then end it.
fn retire(driver: JoinHandle<()>) {
    tokio::spawn(async move {
        let abort = driver.abort_handle();
        if tokio::time::timeout(REPLACED_GRACE, driver).await.is_err() {
            abort.abort();
        }
    });
}

async fn expiry(clock: &dyn Clock, not_after: Timestamp) {
    while let Some(left) = not_after.checked_sub(clock.now()) {
        let left = Duration::from_millis(left.saturating_add(1));
        tokio::time::sleep(left.min(RECHECK)).await;
    }
}

/// Whether the other end says that it has not looked at the request (RFC 9113
/// sections 6.8 and 8.7).
fn refused(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            return h2.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        source = error.source();
    }
    false
}

// === impl Connection ===

impl Connection {
    /// Whether it may carry a call: it stands, and its peer's certificate holds.
    pub fn is_good(&self, now: Timestamp) -> bool {
        now <= self.not_after && !self.sender.is_closed()
    }
}

// === impl Dialer ===

impl Dialer {
    async fn dial(&self, address: &str, tls: Arc<ClientConfig>) -> io::Result<Dialled> {
        tokio::time::timeout(self.connect_timeout, self.connect(address, tls))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"))?
    }

    async fn connect(&self, address: &str, tls: Arc<ClientConfig>) -> io::Result<Dialled> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        // Nobody looks at the name: the peer proves its SPIFFE id. An address is
        // not sent along.
        let name = ServerName::IpAddress(socket.peer_addr()?.ip().into());
        let stream = TlsConnector::from(tls).connect(name, socket).await?;
        let leaf = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(<[_]>::first);
        let not_after = leaf
            .and_then(|leaf| parse_svid(leaf).ok())
            .ok_or_else(|| io::Error::other("the peer has shown no SVID"))?
            .not_after;
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "link: a connection broke off");
            }
        });
        if let Err(error) = hello(&mut sender).await {
            driver.abort();
            return Err(error);
        }
        Ok(Dialled {
            connection: Connection {
                sender,
                not_after,
                number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            },
            driver,
        })
    }
}

/// The first request: both ends have taken each other, and speak the same.
async fn hello(sender: &mut http2::SendRequest<Full<Bytes>>) -> io::Result<()> {
    let request = Request::get(wire::HELLO)
        .body(Full::default())
        .map_err(io::Error::other)?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| io::Error::other(with_causes(&error)))?;
    if answer.status() == StatusCode::OK {
        Ok(())
    } else {
        let status = answer.status().as_u16();
        Err(io::Error::other(format!(
            "it answered with status {status}"
        )))
    }
}

/// hyper keeps what TLS said in the sources of its errors.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

// === impl InFlight ===

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
