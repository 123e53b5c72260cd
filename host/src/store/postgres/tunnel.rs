//! The way to the database: TLS that is ours, under connections that are sqlx's.
//!
//! sqlx would trust every public authority beside the configured one, allow TLS 1.2, and
//! take what the environment says into its sessions. So sqlx speaks plain text to a unix
//! socket in a private folder ([`super::socket`]), which only this process serves and only
//! this process may use (the kernel says who connects). For each connection a tunnel
//!
//! - dials the configured server and asks for TLS; a server that has none is refused;
//! - shakes hands in TLS 1.3 with the role's certificate, trusting the configured authority
//!   alone, for the configured name;
//! - opens the session itself, as its own role, in its own database, with its own
//!   settings. What sqlx says there, which environment variables can change, is dropped;
//! - goes on only if the server wants no password, and then copies both ways.
//!
//! Whatever fails before that reaches the caller as a database error with the reason.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::role::Role;
use super::socket::SocketFolder;
use super::tls::FreshTls;
use super::wire::{self, REJECTED, UNREACHED};

/// From dialling to an open session.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a tunnel leads, and as whom.
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) server_name: ServerName<'static>,
    pub(super) database: String,
    pub(super) role: Role,
    pub(super) tls: FreshTls,
}

/// A socket and what serves it; both end with this value.
pub(super) struct Tunnel {
    folder: SocketFolder,
    serving: AbortHandle,
}

// === impl Tunnel ===

impl Tunnel {
    /// Serve a new socket that leads to `destination`.
    ///
    /// # Errors
    /// The socket can't be made in the folder for temporary files, or others could move it.
    pub(super) fn open(destination: Destination) -> io::Result<Self> {
        let folder = SocketFolder::make()?;
        let listener = UnixListener::bind(folder.socket())?;
        let serving = tokio::spawn(serve(listener, Arc::new(destination))).abort_handle();
        Ok(Self { folder, serving })
    }

    /// The folder of the socket, as PostgreSQL clients take it for a host.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Ends with its task, and every connection with it.
async fn serve(listener: UnixListener, destination: Arc<Destination>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((local, _)) if is_ourselves(&local) => {
                    connections.spawn(connection(local, Arc::clone(&destination)));
                }
                Ok(_) => tracing::error!("another process tried to use a tunnel to the database"),
                Err(error) => {
                    tracing::error!(%error, "a tunnel to the database can't accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

fn is_ourselves(local: &UnixStream) -> bool {
    let us = i32::try_from(std::process::id()).ok();
    local.peer_cred().is_ok_and(|peer| peer.pid() == us)
}

async fn connection(mut local: UnixStream, destination: Arc<Destination>) {
    if wire::skip_startup(&mut local).await.is_err() {
        return;
    }
    let opened = timeout(PATIENCE, open_session(&destination)).await;
    let (code, reason) = match opened {
        Ok(Ok((mut server, answer))) => {
            if local.write_all(&answer).await.is_ok() {
                // Either side may vanish at any time; the other one learns of it.
                let _ = copy_bidirectional(&mut local, &mut server).await;
            }
            return;
        }
        Ok(Err(reason)) => reason,
        Err(_elapsed) => {
            let reason = "no answer in time; is this the database, and is the way open?";
            (UNREACHED, reason.to_owned())
        }
    };
    let Destination { host, port, .. } = &*destination;
    let refusal = wire::refusal(code, &format!("{host}:{port}: {reason}"));
    let _ = local.write_all(&refusal).await;
}

/// A session in which the server has said its first word, which is for sqlx to read; or
/// why there is none, with an SQLSTATE.
async fn open_session(
    destination: &Destination,
) -> Result<(TlsStream<TcpStream>, Vec<u8>), (&'static str, String)> {
    let address = (destination.host.as_str(), destination.port);
    let mut tcp = TcpStream::connect(address)
        .await
        .map_err(|error| (UNREACHED, format!("can't connect: {error}")))?;
    let _ = tcp.set_nodelay(true);
    let broken = |error: io::Error| (UNREACHED, format!("no TLS: {error}"));
    tcp.write_all(&wire::SSL_REQUEST).await.map_err(broken)?;
    // One byte and no more: whatever was put after it in plain text ends in the handshake.
    if tcp.read_u8().await.map_err(broken)? != wire::SSL_YES {
        let reason = "the server offers no TLS; set ssl = on there";
        return Err((REJECTED, reason.to_owned()));
    }
    let mut server = TlsConnector::from(destination.tls.current())
        .connect(destination.server_name.clone(), tcp)
        .await
        .map_err(refused)?;
    let startup = wire::startup(destination.role, &destination.database);
    // In TLS 1.3 a server refuses a client's certificate only after the handshake.
    server.write_all(&startup).await.map_err(refused)?;
    server.flush().await.map_err(refused)?;
    let (kind, answer) = wire::first_answer(&mut server).await.map_err(refused)?;
    if kind == b'E' || wire::is_authenticated(&answer) {
        return Ok((server, answer));
    }
    let reason = format!(
        "the server wants more than the certificate of {}; set the method `cert` for it in pg_hba.conf",
        destination.role
    );
    Err((REJECTED, reason))
}

/// What rustls has against the other end, or it against us, is invalid data.
fn refused(error: io::Error) -> (&'static str, String) {
    let code = match error.kind() {
        io::ErrorKind::InvalidData => REJECTED,
        _ => UNREACHED,
    };
    (code, format!("TLS: {error}"))
}
