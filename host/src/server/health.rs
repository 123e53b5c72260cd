//! `/livez` and `/readyz`: the only thing that answers without mTLS.
//!
//! It answers two words and nothing else, and only to this machine: a TCP
//! address must be loopback, and anything else is refused when the
//! configuration is read. `/livez` says that the process runs its tasks;
//! `/readyz` asks the given check and says no as soon as a drain has started,
//! so that a balancer turns away before the listener closes.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::drain::Watcher;

/// Probes at the same time; more are closed at once.
const MAX_CONNECTIONS: usize = 16;

/// From connection to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The smallest buffer that hyper allows, bytes.
const BUFFER: usize = 8 * 1024;

/// Whether the host can do its work now.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Where health is asked: never reachable from another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthAddress {
    /// A loopback address.
    Tcp(LoopbackAddress),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// A TCP address that only this machine reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopbackAddress(SocketAddr);

/// Why a text is not a health address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HealthAddressError {
    /// Neither an IP address with a port nor `unix:` and a path.
    #[error(
        "`{0}` is no health address: write 127.0.0.1:9090, [::1]:9090 or unix:/run/zeropass/health.sock"
    )]
    Malformed(String),
    /// Reachable from elsewhere.
    #[error(
        "`{0}` is not a loopback address: health has no mTLS and must stay on this machine; use 127.0.0.1, [::1] or unix:PATH"
    )]
    NotLoopback(SocketAddr),
}

/// A bound health listener.
pub struct Health {
    socket: Socket,
    ready: Readiness,
}

enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// Removes the socket's file with the listener.
struct SocketFile(PathBuf);

// === impl HealthAddress ===

impl FromStr for HealthAddress {
    type Err = HealthAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let address: SocketAddr = text
            .parse()
            .map_err(|_| HealthAddressError::Malformed(text.to_owned()))?;
        Ok(Self::Tcp(address.try_into()?))
    }
}

impl fmt::Display for HealthAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(LoopbackAddress(address)) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

// === impl LoopbackAddress ===

impl TryFrom<SocketAddr> for LoopbackAddress {
    type Error = HealthAddressError;

    fn try_from(address: SocketAddr) -> Result<Self, Self::Error> {
        if address.ip().to_canonical().is_loopback() {
            Ok(Self(address))
        } else {
            Err(HealthAddressError::NotLoopback(address))
        }
    }
}

// === impl Health ===

impl Health {
    /// Bind the address. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// The address is busy, or the path can't be used.
    pub async fn bind(address: &HealthAddress, ready: Readiness) -> io::Result<Self> {
        let socket = match address {
            HealthAddress::Tcp(LoopbackAddress(address)) => {
                Socket::Tcp(TcpListener::bind(address).await?)
            }
            HealthAddress::Unix(path) => {
                remove_stale(path).await?;
                Socket::Unix {
                    listener: UnixListener::bind(path)?,
                    _file: SocketFile(path.clone()),
                }
            }
        };
        Ok(Self { socket, ready })
    }

    /// The TCP address that was bound; none for a unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix { .. } => None,
        }
    }

    /// Answer until this future is dropped, which should be after the drain's
    /// end: until then `/livez` says yes and `/readyz` no.
    pub async fn serve(self, drain: Watcher) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        // Dropped with this future, and the probes with it.
        let mut probes = tokio::task::JoinSet::new();
        loop {
            let accepted: io::Result<Box<dyn Stream>> = match &self.socket {
                Socket::Tcp(listener) => listener
                    .accept()
                    .await
                    .map(|(stream, _)| Box::new(stream) as _),
                Socket::Unix { listener, .. } => listener
                    .accept()
                    .await
                    .map(|(stream, _)| Box::new(stream) as _),
            };
            while probes.try_join_next().is_some() {}
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "can't accept health probes");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
                let probe = probe(stream, Arc::clone(&self.ready), drain.clone());
                probes.spawn(async move {
                    let _slot = slot;
                    let _ = tokio::time::timeout(TIMEOUT, probe).await;
                });
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn probe(stream: Box<dyn Stream>, ready: Readiness, drain: Watcher) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (ready, drain) = (Arc::clone(&ready), drain.clone());
        async move {
            Ok::<_, Infallible>(
                answer(request.method(), request.uri().path(), &ready, &drain).await,
            )
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIMEOUT)
        .max_buf_size(BUFFER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a health probe broke off");
    }
}

async fn answer(
    method: &Method,
    path: &str,
    ready: &Readiness,
    drain: &Watcher,
) -> Response<Full<Bytes>> {
    let (status, text) = match path {
        _ if method != Method::GET && method != Method::HEAD => {
            (StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n")
        }
        "/livez" => (StatusCode::OK, "live\n"),
        "/readyz" if !drain.has_started() && ready().await => (StatusCode::OK, "ready\n"),
        "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => (StatusCode::NOT_FOUND, "/livez or /readyz\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}

/// Remove the socket that a host left behind when it was killed; never a file
/// of another kind, and never one on which somebody listens.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            if UnixStream::connect(path).await.is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            std::fs::remove_file(path)
        }
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

// === impl SocketFile ===

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Best effort: the next start replaces a socket that is left behind.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
