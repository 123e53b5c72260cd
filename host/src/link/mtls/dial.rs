//! How a connection is made: TCP, TLS, HTTP/2, and a first answer.
//!
//! A connection is used only after it has answered: in TLS 1.3 a server that refuses
//! the client's certificate says so after the client has finished its handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use http::{Request, StatusCode};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error as TlsError};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::Connection;
use super::notice::{Notice, NoticeKind, Notices};
use crate::clock::{Clock, Timestamp};
use crate::identity::refusal::handshake_code;
use crate::identity::standing::{IDENTITY_WITHDRAWN, Standing};
use crate::identity::tls::InForce;
use crate::identity::{CurrentClientTls, SpiffeId, parse_svid};
use crate::link::wire;

/// HTTP/2 pings: how often, and how long until silence means dead.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// What the other end may send ahead of being read: one answer, and all together.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Calls at the same time until the other end has said how many it takes.
const FIRST_STREAMS: usize = 100;

/// Makes connections.
pub(super) struct Dialer {
    pub tls: CurrentClientTls,
    pub clock: Arc<dyn Clock>,
    pub connect_timeout: Duration,
    pub notices: Option<Notices>,
}

/// A connection, and the task that drives it until it ends or falls silent.
pub(super) struct Dialled {
    pub connection: Connection,
    pub driver: JoinHandle<()>,
    /// Who is at the other end.
    pub peer: SpiffeId,
    /// Of the material that it was made with.
    pub generation: u64,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct DialError {
    /// Why the handshake failed, where it was one of the two ends that did not want it.
    pub code: Option<&'static str>,
    error: io::Error,
}

// === impl Dialer ===

impl Dialer {
    /// Connect to this address with what is in force. Fails after the connect timeout at
    /// the latest.
    pub async fn dial(&self, address: &str) -> Result<Dialled, DialError> {
        tokio::time::timeout(self.connect_timeout, self.connect(address))
            .await
            .unwrap_or_else(|_| {
                let text = "it did not answer in time";
                Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
            })
    }

    /// Tell that there is no connection because of who is there.
    pub fn refused(&self, address: &str, code: &'static str) {
        self.tell(address, NoticeKind::Refused, code);
    }

    /// Tell that a connection was ended because of who is there.
    pub fn ended(&self, address: &str, peer: &SpiffeId, code: &'static str) {
        tracing::warn!(target = address, %peer, code, "link: connection ended");
        self.tell(address, NoticeKind::Ended(peer.clone()), code);
    }

    fn tell(&self, address: &str, kind: NoticeKind, code: &'static str) {
        if let Some(notices) = &self.notices {
            // Fails when nobody listens any more.
            let _ = notices.send(Notice {
                address: address.to_owned(),
                kind,
                code,
            });
        }
    }

    async fn connect(&self, address: &str) -> Result<Dialled, DialError> {
        let (in_force, since) = (self.tls.load(), self.clock.now());
        let tls = in_force.tls.as_ref().ok_or_else(|| DialError {
            // Told with the change itself.
            code: None,
            error: io::Error::other(IDENTITY_WITHDRAWN),
        })?;
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        // Nobody looks at the name: the peer proves its SPIFFE id. An address is
        // not sent along.
        let name = ServerName::IpAddress(socket.peer_addr()?.ip().into());
        let stream = TlsConnector::from(tls.config())
            .connect(name, socket)
            .await?;
        let (peer, standing) = self.peer_of(&stream, &in_force, since)?;
        let (connection, driver) = converse(stream, standing).await?;
        Ok(Dialled {
            connection,
            driver,
            peer,
            generation: in_force.generation,
        })
    }

    fn peer_of(
        &self,
        stream: &TlsStream<TcpStream>,
        in_force: &InForce<ClientConfig>,
        since: Timestamp,
    ) -> io::Result<(SpiffeId, Standing<ClientConfig>)> {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let svid = chain
            .first()
            .and_then(|leaf| parse_svid(leaf).ok())
            .ok_or_else(|| io::Error::other("the peer has shown no SVID"))?;
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        let standing = Standing::new(
            self.tls.clone(),
            Arc::clone(&self.clock),
            chain,
            svid.not_after,
            in_force,
            since,
        );
        Ok((svid.id, standing))
    }
}

// === impl DialError ===

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        let of_tls = error.get_ref().is_some_and(|inner| inner.is::<TlsError>());
        Self {
            code: of_tls.then(|| handshake_code(&error)),
            error,
        }
    }
}

/// HTTP/2 over a stream, once it has answered.
async fn converse(
    stream: TlsStream<TcpStream>,
    standing: Standing<ClientConfig>,
) -> io::Result<(Connection, JoinHandle<()>)> {
    let (sender, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(FIRST_STREAMS)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(io::Error::other)?;
    let pings = connection.ping_pong();
    let mut driver = Box::pin(connection);
    let connection = Connection::new(sender, standing);
    tokio::select! {
        biased;
        // It knows what TLS said, the exchange only that there was no answer.
        ended = &mut driver => return Err(match ended {
            Ok(()) => io::ErrorKind::ConnectionAborted.into(),
            Err(error) => io::Error::other(with_causes(&error)),
        }),
        answered = hello(&connection) => answered?,
    }
    let driver = tokio::spawn(async move {
        tokio::select! {
            ended = driver => if let Err(error) = ended {
                tracing::debug!(%error, "link: a connection broke off");
            },
            () = silence(pings) => tracing::debug!("link: the other end is silent"),
        }
    });
    Ok((connection, driver))
}

/// The first request: both ends have taken each other, and speak the same.
async fn hello(connection: &Connection) -> io::Result<()> {
    let request = Request::get(wire::HELLO)
        .body(())
        .map_err(io::Error::other)?;
    match connection.exchange(request, Bytes::new()).await {
        Ok((StatusCode::OK, _)) => Ok(()),
        Ok((status, _)) => {
            let status = status.as_u16();
            Err(io::Error::other(format!(
                "it answered with status {status}"
            )))
        }
        Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// What TLS said is in the sources of the errors around it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Ready when a ping is not answered. Pings go on while nothing else does, so that a
/// dead host is known before the next call.
async fn silence(pings: Option<PingPong>) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        let ping = pings.ping(Ping::opaque());
        match tokio::time::timeout(PING_TIMEOUT, ping).await {
            Ok(Ok(_)) => {}
            // The connection itself tells how it ended.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return,
        }
    }
}
