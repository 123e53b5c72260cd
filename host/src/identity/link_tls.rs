//! How components speak TLS to each other: as listeners do, and only to one peer.
//!
//! Version 1.3, HTTP/2 alone, nothing remembered between connections, and each side
//! takes no other peer than the one that it expects ([`PinnedVerifier`]). Both ends
//! change their configuration as a whole, as listeners do; a connection that was
//! made with an older one is replaced by the link.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error as TlsError, ServerConfig};
use tokio::sync::watch;

use super::material::Material;
use super::pinned::PinnedVerifier;
use super::spiffe::SpiffeId;
use super::tls::{ALPN_HTTP2, ClockTime, provider};
use crate::clock::Clock;

/// The configuration that new link connections are made with.
///
/// Clones share one cell; [`publish`](Self::publish) changes it for all.
#[derive(Clone)]
pub struct CurrentClientTls(Arc<watch::Sender<Arc<ClientConfig>>>);

/// The serving end of a link: `material` is the component's own, `caller` the
/// component that may call it.
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn link_server_config(
    material: &Material,
    caller: &SpiffeId,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let verifier = PinnedVerifier::new(material.verifier(), caller.clone());
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(identity));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    Ok(Arc::new(config))
}

/// The calling end of a link: `material` is the component's own, `callee` the
/// component that must answer.
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn link_client_config(
    material: &Material,
    callee: &SpiffeId,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let verifier = PinnedVerifier::new(material.verifier(), callee.clone());
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        // Not dangerous here: what replaces the check of a DNS name is stricter.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(identity));
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    Ok(Arc::new(config))
}

// === impl CurrentClientTls ===

impl CurrentClientTls {
    /// A cell that holds `config`.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self(Arc::new(watch::Sender::new(config)))
    }

    /// Let all later connections use `config`; links replace those that stand.
    pub fn publish(&self, config: Arc<ClientConfig>) {
        self.0.send_replace(config);
    }

    /// Follow the configuration.
    pub fn watch(&self) -> watch::Receiver<Arc<ClientConfig>> {
        self.0.subscribe()
    }
}

impl fmt::Debug for CurrentClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentClientTls").finish_non_exhaustive()
    }
}
