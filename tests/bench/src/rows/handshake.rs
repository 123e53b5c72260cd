//! `handshake`: a full mutual handshake with the listener, which judges the client's
//! SVID, beside plain rustls with webpki's own check of a client certificate.
//!
//! Both servers run in this process with the same certificates, the same key exchange
//! and the same client, one connection after the other. A sample ends when the client
//! has read a byte that the server sends after its verdict: in TLS 1.3 the client is
//! done before the server has looked at its certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hyper::body::Incoming;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use zeropass::identity::tls::{client_config, provider, server_config};
use zeropass::identity::{CurrentTls, Material, Parts, pki};
use zeropass::server::{Handler, Limits, Listener, Peer, Response, drain};

use super::Places;
use crate::report::Row;
use crate::sample::{Stats, Variant, in_turns};
use crate::subject::clock;

const ROUNDS: usize = 101;
const BATCH: Duration = Duration::from_millis(5);

/// Never asked anything: the SETTINGS of HTTP/2 come first.
struct Nobody;

#[async_trait]
impl Handler for Nobody {
    async fn handle(&self, _peer: Arc<Peer>, _request: http::Request<Incoming>) -> Response {
        Response::default()
    }

    fn refused(&self, _address: SocketAddr, code: &'static str) {
        tracing::error!(code, "a handshake of the bench was refused");
    }

    fn ended(&self, _peer: &Peer, _code: &'static str) {}
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let folder = places.folder("handshake")?;
    let domain = pki::DEFAULT_TRUST_DOMAIN.parse()?;
    pki::init(&folder, Some(&domain), clock().now())?;
    let files = |name| pki::files_of(&folder, name, &domain);
    let host = Material::load(&files("host"), clock().now())?;
    let client = Material::load(&files("relying-party"), clock().now())?;
    let mut client = client_config(&client)?;
    client.alpn_protocols = vec![b"h2".to_vec()];
    let client = Arc::new(client);

    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let tls = CurrentTls::new(server_config(&host, clock())?);
    let limits = Limits::default();
    let listener = Listener::bind(any, tls, limits, clock(), Arc::new(Nobody)).await?;
    let ours = listener.local_address()?;
    let (trigger, watcher) = drain::channel();
    let serving = tokio::spawn(listener.serve(watcher));

    let plain_listener = TcpListener::bind(any).await?;
    let plain = plain_listener.local_addr()?;
    let acceptor = TlsAcceptor::from(plain_config(Parts::read(&files("host"))?)?);
    let plain_serving = tokio::spawn(async move {
        while let Ok((socket, _)) = plain_listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                socket.set_nodelay(true)?;
                let mut stream = acceptor.accept(socket).await?;
                stream.write_all(b"!").await?;
                stream.flush().await?;
                // Until the client goes.
                stream.read(&mut [0; 64]).await
            });
        }
    });

    let variant = |address| {
        let client = &client;
        Variant::batches(move |times| {
            Box::pin(async move {
                let started = Instant::now();
                for _ in 0..times {
                    shake_hands(address, client).await?;
                }
                Ok(started.elapsed())
            })
        })
    };
    let [ours, plain] = in_turns(ROUNDS, BATCH, [variant(ours), variant(plain)]).await?;
    drop(trigger);
    serving.abort();
    plain_serving.abort();
    Ok(vec![
        Row::new(
            "handshake/full",
            "full mutual handshake on loopback, client and server together",
            "us",
            ours.scaled(1e-3),
        )
        .against("plain rustls", plain.scaled(1e-3)),
        Row::new(
            "handshake/per-second",
            "full mutual handshakes, one after the other",
            "1/s",
            per_second(ours),
        )
        .against("plain rustls", per_second(plain)),
    ])
}

/// From nanoseconds of one.
fn per_second(one: Stats) -> Stats {
    Stats {
        median: 1e9 / one.median,
        min: 1e9 / one.max,
        max: 1e9 / one.min,
    }
}

async fn shake_hands(address: SocketAddr, client: &Arc<ClientConfig>) -> anyhow::Result<()> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let name = rustls::pki_types::ServerName::try_from("localhost")?;
    let mut stream = TlsConnector::from(Arc::clone(client))
        .connect(name, socket)
        .await?;
    stream.read_u8().await?;
    Ok(())
}

/// What one writes with rustls alone: the same version, groups and no resumption, and
/// a client certificate that webpki accepts.
fn plain_config(parts: Parts) -> anyhow::Result<Arc<ServerConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    for root in parts.roots {
        roots.add(root)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
    let key = provider().key_provider.load_private_key(parts.key)?;
    let identity = SingleCertAndKey::from(rustls::sign::CertifiedKey::new(parts.chain, key));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(identity));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}
