//! A listener with its own CA, and clients for it.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clock::{Clock as _, FixedClock, SystemClock};
use crate::identity::pki::{Ca, IssueRequest, Issued};
use crate::identity::tls::{client_config, provider, server_config};
use crate::identity::{CurrentTls, Material, MaterialFiles, TrustDomain};
use crate::server::body::collect;
use crate::server::drain::{self, Trigger};
use crate::server::handler::{Handler, Peer, Response, full};
use crate::server::problem::problem;
use crate::server::{Limits, Listener};

const WORKLOAD: &str = "spiffe://td/workload/relying-party";

/// The answer to `/large`, bytes: more than two sockets keep for a peer that does not read.
const LARGE: usize = 32 << 20;

/// A ClientHello that offers TLS 1.2 and nothing later: one cipher suite
/// (ECDHE-ECDSA-AES128-GCM), groups, signature schemes, no supported versions.
pub const TLS_1_2_HELLO: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x41, // record, 65 bytes
    0x01, 0x00, 0x00, 0x3d, // ClientHello, 61 bytes
    0x03, 0x03, // TLS 1.2
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, // random
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,   //
    0x00, // no session id
    0x00, 0x02, 0xc0, 0x2b, // cipher suite
    0x01, 0x00, // no compression
    0x00, 0x12, // extensions, 18 bytes
    0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, // groups: P-256
    0x00, 0x0d, 0x00, 0x06, 0x00, 0x04, 0x04, 0x03, 0x08, 0x04, // signatures
];

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Refused(&'static str),
    Ended(String, &'static str),
    Throttled(String),
    /// `/slow` was taken.
    Began,
    /// `/slow` was dropped before it was done.
    Dropped,
}

pub struct Host {
    pub address: SocketAddr,
    pub clock: Arc<FixedClock>,
    pub tls: CurrentTls,
    /// A proper client.
    pub client: ClientConfig,
    pub gate: Arc<Semaphore>,
    /// The epoch of a policy that admits all but `dropped`.
    pub policy: watch::Sender<u64>,
    pub dropped: Arc<Mutex<HashSet<String>>>,
    pub trigger: Option<Trigger>,
    pub serving: Option<JoinHandle<()>>,
    ca: Ca,
    roots: Arc<RootCertStore>,
    events: mpsc::UnboundedReceiver<Event>,
    _folder: TempDir,
}

pub enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

struct Answers {
    events: mpsc::UnboundedSender<Event>,
    gate: Arc<Semaphore>,
    policy: watch::Sender<u64>,
    dropped: Arc<Mutex<HashSet<String>>>,
}

/// Tells of a request that was dropped half-way.
struct Unfinished(mpsc::UnboundedSender<Event>);

// === impl Host ===

impl Host {
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        let now = SystemClock.now();
        let clock = Arc::new(FixedClock::new(now));
        let trust_domain: TrustDomain = "td".parse().unwrap();
        let (ca, folder) = (
            Ca::new(&trust_domain, now).unwrap(),
            tempfile::tempdir().unwrap(),
        );
        let load = |id: &str| {
            let mut request = IssueRequest::workload(id, now);
            request.dns = vec!["localhost".to_owned()];
            let issued = ca.issue(&request).unwrap();
            let write = |name, text: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).unwrap();
                path
            };
            let files = MaterialFiles {
                certificate: write("leaf.pem", &issued.certificate),
                key: write("leaf.key", &issued.key),
                roots: write("ca.pem", ca.pem()),
                crls: Vec::new(),
                trust_domains: vec![trust_domain.clone()],
            };
            Material::load(&files, now).unwrap()
        };
        let (host, workload) = (load("spiffe://td/host"), load(WORKLOAD));
        let tls = CurrentTls::new(server_config(&host, clock.clone()).unwrap());
        let (sender, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let (policy, dropped) = (watch::Sender::new(1), Arc::default());
        let handler = Arc::new(Answers {
            events: sender,
            gate: Arc::clone(&gate),
            policy: policy.clone(),
            dropped: Arc::clone(&dropped),
        });
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(any, tls.clone(), limits, clock.clone(), handler)
            .await
            .unwrap();
        let (trigger, watcher) = drain::channel();
        Self {
            address: listener.local_address().unwrap(),
            client: client_config(&workload).unwrap(),
            serving: Some(tokio::spawn(listener.serve(watcher))),
            trigger: Some(trigger),
            roots: workload.roots(),
            _folder: folder,
            policy,
            dropped,
            clock,
            tls,
            gate,
            ca,
            events,
        }
    }

    pub async fn event(&mut self) -> Event {
        self.events.recv().await.unwrap()
    }

    pub async fn refusal(&mut self) -> &'static str {
        match self.event().await {
            Event::Refused(code) => code,
            other => panic!("{other:?}"),
        }
    }

    pub fn issue(&self, change: impl FnOnce(&mut IssueRequest)) -> Issued {
        let mut request = IssueRequest::workload(WORKLOAD, self.clock.now());
        change(&mut request);
        self.ca.issue(&request).unwrap()
    }

    pub fn client_with(&self, issued: &Issued) -> ClientConfig {
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(vec![certificate], key)
            .unwrap()
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn dial(&self, client: &ClientConfig) -> TlsStream<TcpStream> {
        self.try_dial(client).await.unwrap()
    }

    /// Dial with a certificate that will be refused. In TLS 1.3 the client's
    /// handshake is over before the server judges, so it learns when it reads.
    pub async fn dial_with(&self, issued: &Issued) {
        self.dial_refused(&self.client_with(issued)).await;
    }

    pub async fn dial_anonymously(&self) {
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        self.dial_refused(&client).await;
    }

    pub async fn dial_refused(&self, client: &ClientConfig) {
        if let Ok(mut stream) = self.try_dial(client).await {
            stream.read(&mut [0; 1]).await.unwrap_err();
        }
    }

    async fn try_dial(&self, client: &ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client.clone()))
            .connect(name, self.connect().await)
            .await
    }

    pub async fn http1(&self) -> Sender {
        self.http1_as(&self.client).await
    }

    pub async fn http2(&self) -> Sender {
        self.http2_as(&self.client).await
    }

    pub async fn http1_as(&self, client: &ClientConfig) -> Sender {
        let mut client = client.clone();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream = TokioIo::new(self.dial(&client).await);
        let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Sender::Http1(sender)
    }

    pub async fn http2_as(&self, client: &ClientConfig) -> Sender {
        self.http2_with_window(client, 65_535).await
    }

    /// A client that takes no more than `window` bytes of an answer before it is asked for.
    pub async fn http2_with_window(&self, client: &ClientConfig, window: u32) -> Sender {
        let mut client = client.clone();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TokioIo::new(self.dial(&client).await);
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        Sender::Http2(sender)
    }
}

// === clients ===

/// A sender, and the stream for the time after it was dropped.
pub async fn http1_over(
    stream: TlsStream<TcpStream>,
) -> (Sender, impl Future<Output = TlsStream<TcpStream>>) {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection.without_shutdown());
    let stream = async { connection.await.unwrap().unwrap().io.into_inner() };
    (Sender::Http1(sender), stream)
}

pub fn request(path: &str) -> http::Request<Full<Bytes>> {
    http::Request::get(format!("https://localhost{path}"))
        .body(Full::new(Bytes::new()))
        .unwrap()
}

pub async fn get(sender: &mut Sender, path: &str) -> (u16, String) {
    text(sender.send(request(path)).await.unwrap()).await
}

pub async fn post(sender: &mut Sender, path: &str, body: Vec<u8>) -> (u16, String) {
    let request = http::Request::post(format!("https://localhost{path}"))
        .body(Full::new(body.into()))
        .unwrap();
    text(sender.send(request).await.unwrap()).await
}

pub async fn text(response: http::Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

impl Sender {
    pub async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Ready when the host has closed the connection.
    pub async fn closed(&mut self) {
        while !match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        } {
            tokio::task::yield_now().await;
        }
    }
}

// === impl Answers ===

#[async_trait]
impl Handler for Answers {
    async fn handle(&self, peer: Arc<Peer>, request: http::Request<Incoming>) -> Response {
        match request.uri().path() {
            "/body" => {
                let limits = Limits::default();
                match collect(
                    request.into_body(),
                    limits.max_body_bytes,
                    limits.request_timeout,
                )
                .await
                {
                    Ok(body) => Response::new(full(body.len().to_string())),
                    Err(error) => problem(error.status(), error.code(), &error.to_string(), "r"),
                }
            }
            "/slow" => {
                self.events.send(Event::Began).unwrap();
                let unfinished = Unfinished(self.events.clone());
                self.gate.acquire().await.unwrap().forget();
                std::mem::forget(unfinished);
                Response::new(full("done"))
            }
            "/large" => Response::new(full(vec![0; LARGE])),
            _ => Response::new(full(format!("{} {:?}", peer.id, request.version()))),
        }
    }

    fn refused(&self, _address: SocketAddr, code: &'static str) {
        let _ = self.events.send(Event::Refused(code));
    }

    fn ended(&self, peer: &Peer, code: &'static str) {
        let _ = self.events.send(Event::Ended(peer.id.to_string(), code));
    }

    fn throttled(&self, peer: &Peer) {
        let _ = self.events.send(Event::Throttled(peer.id.to_string()));
    }

    fn admits(&self, peer: &Peer) -> bool {
        !self.dropped.lock().unwrap().contains(peer.id.as_str())
    }

    fn policy_changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.policy.subscribe())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Dropped);
    }
}
