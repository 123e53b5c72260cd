//! `[service]`: the mTLS listener and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::format::{Choice, Count, List, SOCKET, Size, Time};
use super::identity::IdentitySource;
use super::path::Location;
use super::section::Section;
use super::spiffe::{TRUST_DOMAIN, TrustDomain};

/// The service listener. Every limit holds for every peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the host's certificate, key and trust roots come from.
    pub identity: IdentitySource,
    /// Certificate revocation lists, PEM. Empty: none are configured.
    pub crl: Vec<PathBuf>,
    /// The SPIFFE trust domain of all peers.
    pub trust_domain: TrustDomain,
    /// Which key exchanges are accepted.
    pub key_exchange: KeyExchange,
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
    /// After which a connection is ended, busy or not.
    pub max_connection_age: Duration,
    /// HTTP/2 streams open at the same time on one connection.
    pub max_streams: u32,
    /// Open connections of one identity at the same time.
    pub identity_connections: usize,
    /// Requests of one identity under way at the same time; 0 is no limit.
    pub identity_requests: usize,
    /// Requests of one identity in a second, in the long run; 0 is no limit.
    pub identity_rate: u32,
    /// Requests of one identity at once, after a rest.
    pub identity_burst: u32,
    /// From SIGTERM until what is left is cut off.
    pub drain_deadline: Duration,
}

/// Which key exchanges the listener accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExchange {
    /// X25519MLKEM768 where the peer can, else an elliptic curve alone.
    Hybrid,
    /// X25519MLKEM768 or nothing.
    HybridOnly,
}

const KEY_EXCHANGE: Choice<KeyExchange> = Choice(&[
    ("hybrid", KeyExchange::Hybrid),
    ("hybrid-only", KeyExchange::HybridOnly),
]);

/// `workload_api`: the socket of `[identity]`, which makes files unnecessary.
pub(super) fn read(section: &mut Section<'_>, workload_api: Option<PathBuf>) -> Option<Service> {
    let patience = || Time(Duration::from_millis(10)..=Duration::from_secs(600));

    let listen = section.or("listen", r#""127.0.0.1:8443""#, SOCKET);
    let identity = read_identity(section, workload_api);
    let crl = section.or(
        "crl",
        "[]",
        List {
            of: Location::File("a PEM file with a certificate revocation list"),
            least: 0,
        },
    );
    let trust_domain = section.required("trust-domain", TRUST_DOMAIN);
    let key_exchange = section.or("key-exchange", r#""hybrid""#, KEY_EXCHANGE);
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
    let max_connection_age = section.or(
        "max-connection-age",
        r#""1h""#,
        Time(Duration::from_secs(1)..=Duration::from_secs(24 * 3600)),
    );
    let max_streams = section.or("max-streams", "100", Count(1..=65_536));
    let identity_connections = section.or("identity-connections", "512", Count(1..=1_000_000));
    let identity_requests = section.or("identity-requests", "128", Count(0..=1_000_000));
    let identity_rate = section.or("identity-rate", "5000", Count(0..=10_000_000));
    let identity_burst = section.or("identity-burst", "10000", Count(1..=10_000_000));
    let drain_deadline = section.or("drain-deadline", r#""20s""#, patience());

    Some(Service {
        listen: listen?,
        identity: identity?,
        crl: crl?,
        trust_domain: trust_domain?,
        key_exchange: key_exchange?,
        handshake_timeout: handshake_timeout?,
        max_handshakes: max_handshakes?,
        max_connections: max_connections?,
        header_timeout: header_timeout?,
        body_limit: body_limit?,
        request_timeout: request_timeout?,
        idle_timeout: idle_timeout?,
        max_connection_age: max_connection_age?,
        max_streams: max_streams?,
        identity_connections: identity_connections?,
        identity_requests: identity_requests?,
        identity_rate: identity_rate?,
        identity_burst: identity_burst?,
        drain_deadline: drain_deadline?,
    })
}

/// The files are required unless there is an agent; with one they are left alone.
fn read_identity(
    section: &mut Section<'_>,
    workload_api: Option<PathBuf>,
) -> Option<IdentitySource> {
    let files = [
        (
            "certificate",
            "a PEM file with the host's certificate chain",
        ),
        ("key", "a PEM file with a private key"),
        (
            "client-ca",
            "a PEM file with the authorities of client certificates",
        ),
    ];
    if let Some(socket) = workload_api {
        let read = files.map(|(key, what)| section.optional(key, Location::File(what)));
        return read
            .iter()
            .all(Option::is_some)
            .then_some(IdentitySource::WorkloadApi { socket });
    }
    let [certificate, key, client_ca] =
        files.map(|(key, what)| section.required(key, Location::File(what)));
    Some(IdentitySource::Files {
        certificate: certificate?,
        key: key?,
        client_ca: client_ca?,
    })
}
