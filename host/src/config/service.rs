//! `[service]`: the mTLS listener and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::format::{Count, List, SOCKET, Size, Time};
use super::path::Location;
use super::reader::Section;
use super::spiffe::{TRUST_DOMAIN, TrustDomain};

/// The service listener. Every limit holds for every peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The host's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The private key of the leaf, PEM.
    pub key: PathBuf,
    /// The certificate authorities that client certificates come from, PEM.
    pub client_ca: PathBuf,
    /// Certificate revocation lists, PEM. Empty: none are configured.
    pub crl: Vec<PathBuf>,
    /// The SPIFFE trust domain of all peers.
    pub trust_domain: TrustDomain,
    /// For one TLS handshake, from the first byte to the last.
    pub handshake_timeout: Duration,
    /// Handshakes at the same time.
    pub max_handshakes: usize,
    /// Open connections at the same time.
    pub max_connections: usize,
    /// For the head of one request.
    pub header_timeout: Duration,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// For one request, from its head to the end of its answer.
    pub request_timeout: Duration,
    /// After which a connection without a request is closed.
    pub idle_timeout: Duration,
    /// HTTP/2 streams open at the same time on one connection.
    pub max_streams: u32,
    /// From SIGTERM until what is left is cut off.
    pub drain_deadline: Duration,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Service> {
    let patience = || Time(Duration::from_millis(10)..=Duration::from_secs(600));

    let listen = section.or("listen", r#""127.0.0.1:8443""#, SOCKET);
    let certificate = section.required(
        "certificate",
        Location::File("a PEM file with the host's certificate chain"),
    );
    let key = section.required("key", Location::File("a PEM file with a private key"));
    let client_ca = section.required(
        "client-ca",
        Location::File("a PEM file with the authorities of client certificates"),
    );
    let crl = section.or(
        "crl",
        "[]",
        List {
            of: Location::File("a PEM file with a certificate revocation list"),
            least: 0,
        },
    );
    let trust_domain = section.required("trust-domain", TRUST_DOMAIN);
    let handshake_timeout = section.or("handshake-timeout", r#""5s""#, patience());
    let max_handshakes = section.or("max-handshakes", "256", Count(1..=65_536));
    let max_connections = section.or("max-connections", "4096", Count(1..=1_000_000));
    let header_timeout = section.or("header-timeout", r#""5s""#, patience());
    let body_limit = section.or("body-limit", r#""64KiB""#, Size(1 << 10..=16 << 20));
    let request_timeout = section.or("request-timeout", r#""10s""#, patience());
    let idle_timeout = section.or(
        "idle-timeout",
        r#""60s""#,
        Time(Duration::from_secs(1)..=Duration::from_secs(3600)),
    );
    let max_streams = section.or("max-streams", "100", Count(1..=65_536));
    let drain_deadline = section.or("drain-deadline", r#""20s""#, patience());

    Some(Service {
        listen: listen?,
        certificate: certificate?,
        key: key?,
        client_ca: client_ca?,
        crl: crl?,
        trust_domain: trust_domain?,
        handshake_timeout: handshake_timeout?,
        max_handshakes: max_handshakes?,
        max_connections: max_connections?,
        header_timeout: header_timeout?,
        body_limit: body_limit?,
        request_timeout: request_timeout?,
        idle_timeout: idle_timeout?,
        max_streams: max_streams?,
        drain_deadline: drain_deadline?,
    })
}
