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
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use crate::clock::Clock;
use crate::identity::{CurrentClientTls, parse_svid};
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
}

/// A connection, and the task that drives it until it ends or falls silent.
pub(super) struct Dialled {
    pub connection: Connection,
    pub driver: JoinHandle<()>,
}

// === impl Dialer ===

impl Dialer {
    /// Connect to this address. Fails after the connect timeout at the latest.
    pub async fn dial(&self, address: &str, tls: Arc<ClientConfig>) -> io::Result<Dialled> {
        tokio::time::timeout(self.connect_timeout, connect(address, tls))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"))?
    }
}

async fn connect(address: &str, tls: Arc<ClientConfig>) -> io::Result<Dialled> {
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
    let connection = Connection::new(sender, not_after);
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
    Ok(Dialled { connection, driver })
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
