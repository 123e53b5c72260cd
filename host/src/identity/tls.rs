//! How the host speaks TLS: version 1.3 only, aws-lc-rs, X25519MLKEM768 first.
//!
//! Nothing is remembered between connections: no tickets, no session store, no
//! early data. So each connection is a full handshake in which the peer's
//! certificate is verified again, and nothing can be replayed.
//!
//! Trust roots, revocation lists and the host's own certificate change
//! together: a [`CurrentTls`] swaps the whole configuration. A connection keeps
//! the configuration that it was accepted with.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error as TlsError, ServerConfig};

use super::material::Material;
use crate::clock::Clock;

/// HTTP/2 by ALPN (RFC 9113 section 3.2).
pub const ALPN_HTTP2: &[u8] = b"h2";

/// HTTP/1.1 by ALPN (RFC 7301 section 6).
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        // Written out, so that no feature of a dependency changes the order.
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..default_provider()
    })
});

/// The configuration that new connections are accepted with.
///
/// Clones share one cell; [`publish`](Self::publish) changes it for all.
#[derive(Clone)]
pub struct CurrentTls(Arc<ArcSwap<ServerConfig>>);

/// rustls asks the host's clock, not the system.
pub(super) struct ClockTime(pub(super) Arc<dyn Clock>);

/// The one source of cryptography for TLS.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// The server's side of mTLS with this material; time comes from `clock`.
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn server_config(
    material: &Material,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(material.verifier())
        .with_cert_resolver(Arc::new(identity));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// The client's side of mTLS with this material, for commands and demo parts.
///
/// The server is verified by the material's roots and by the DNS name or
/// address that is dialled. Links between components, which verify the other
/// side's SPIFFE id, are not built with it.
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn client_config(material: &Material) -> Result<ClientConfig, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(material.roots())
        .with_client_cert_resolver(Arc::new(identity));
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    Ok(config)
}

// === impl CurrentTls ===

impl CurrentTls {
    /// A cell that holds `config`.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(ArcSwap::new(config)))
    }

    /// The configuration for a connection that is being accepted now.
    pub fn load(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }

    /// Let all later connections use `config`; those that stand keep theirs.
    pub fn publish(&self, config: Arc<ServerConfig>) {
        self.0.store(config);
    }
}

impl fmt::Debug for CurrentTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentTls").finish_non_exhaustive()
    }
}

// === impl ClockTime ===

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

/// A timestamp in milliseconds as webpki wants it.
pub(super) fn unix_time(now: crate::clock::Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(now))
}
