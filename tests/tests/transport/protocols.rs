//! What is spoken: TLS 1.3, and HTTP by ALPN.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeropass_tests::deployment::{Deployment, Protocol, WORKLOAD, certificates};

#[tokio::test(flavor = "multi_thread")]
async fn alpn_chooses_http_2_before_http_1() {
    let deployment = Deployment::start().await;
    for (protocol, version) in [
        (Protocol::Any, http::Version::HTTP_2),
        (Protocol::Http2, http::Version::HTTP_2),
        (Protocol::Http1, http::Version::HTTP_11),
    ] {
        let client = deployment.client_speaking(WORKLOAD, protocol);
        let answer = client.get("/.well-known/jwks.json").await;
        assert_eq!((answer.status(), answer.version()), (200, version));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_that_is_not_http_is_refused() {
    let deployment = Deployment::start().await;
    let mut config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    config.alpn_protocols = vec![b"spdy/3".to_vec()];
    assert!(connect(&deployment, config).await.is_err());
    assert_recorded(&deployment, "no-protocol").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_3_with_a_hybrid_key_exchange_is_spoken() {
    let deployment = Deployment::start().await;
    let config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    let stream = connect(&deployment, config).await.unwrap();
    let (_, tls) = stream.get_ref();
    assert_eq!(
        tls.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    let group = tls.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_refused() {
    let deployment = Deployment::start().await;
    certificates::install_provider();
    let mut roots = RootCertStore::empty();
    roots.add(deployment.ca().certificate().clone()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    assert!(connect(&deployment, config).await.is_err());
    assert_recorded(&deployment, "tls-version").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_not_answered() {
    let deployment = Deployment::start().await;
    let mut stream = TcpStream::connect(deployment.address()).await.unwrap();
    stream
        .write_all(b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // A reset says the same as an end.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_recorded(&deployment, "malformed-handshake").await;
}

async fn connect(
    deployment: &Deployment,
    config: ClientConfig,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(deployment.address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn assert_recorded(deployment: &Deployment, code: &str) {
    let outcome = format!("failed:{code}");
    let record = deployment
        .record_where(|record| record.action == "connection.accept")
        .await;
    assert_eq!(record.outcome, outcome);
}

/// The leaf that the host shows now.
pub async fn shown_certificate(deployment: &Deployment) -> CertificateDer<'static> {
    let config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    let stream = connect(deployment, config).await.unwrap();
    let (_, tls) = stream.get_ref();
    tls.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_not_resumed_though_the_client_would() {
    let deployment = Deployment::start().await;
    // rustls's default: a store of sessions, shared by all connections of one configuration.
    let mut config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    config.alpn_protocols = Protocol::Http1.alpn();
    for _ in 0..2 {
        let mut stream = connect(&deployment, config.clone()).await.unwrap();
        stream
            .write_all(b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
        let (_, tls) = stream.get_ref();
        assert_eq!(tls.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert_eq!(tls.tls13_tickets_received(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hybrid_key_exchange_can_be_required() {
    let deployment = Deployment::builder()
        .set("service", "key-exchange", "\"hybrid-only\"")
        .start()
        .await;
    let config = deployment.client_config(Some(&deployment.certificate(WORKLOAD)));
    let stream = connect(&deployment, config).await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);

    let mut roots = RootCertStore::empty();
    roots.add(deployment.ca().certificate().clone()).unwrap();
    let classical = rustls::crypto::CryptoProvider {
        kx_groups: vec![rustls::crypto::aws_lc_rs::kx_group::X25519],
        ..rustls::crypto::aws_lc_rs::default_provider()
    };
    let config = ClientConfig::builder_with_provider(Arc::new(classical))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth();
    assert!(connect(&deployment, config).await.is_err());
    assert_recorded(&deployment, "key-exchange").await;
}
