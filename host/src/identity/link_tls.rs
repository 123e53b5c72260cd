//! How components speak TLS to each other: as listeners do, and only to one peer.
//!
//! Version 1.3, HTTP/2 alone, nothing remembered between connections, and each side
//! takes no other peer than the one that it expects ([`PinnedVerifier`]). Both ends
//! change their configuration as a whole, as listeners do; a connection that was
//! made with an older one is judged by the new one, and replaced by the link.

use std::sync::Arc;

use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{Error as TlsError, ServerConfig};

use super::crypto::{KeyExchange, provider_for};
use super::material::Material;
use super::pinned::PinnedVerifier;
use super::spiffe::SpiffeId;
use super::tls::{ALPN_HTTP2, ClientTls, ClockTime, ServerTls, pinned_client_config};
use crate::clock::Clock;

/// The serving end of a link: `material` is the component's own, `caller` the
/// component that may call it. The key exchange is [`KeyExchange::Hybrid`].
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn link_server_config(
    material: &Material,
    caller: &SpiffeId,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerTls>, TlsError> {
    link_server_config_with(material, caller, clock, KeyExchange::default())
}

/// The same with a key exchange of one's choice.
///
/// # Errors
/// As [`link_server_config`].
pub fn link_server_config_with(
    material: &Material,
    caller: &SpiffeId,
    clock: Arc<dyn Clock>,
    key_exchange: KeyExchange,
) -> Result<Arc<ServerTls>, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let verifier = PinnedVerifier::new(material.verifier(), caller.clone());
    let provider = provider_for(key_exchange);
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(identity));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    // Who was let in does not turn into somebody else: later, the rest is judged.
    Ok(ServerTls::new(Arc::new(config), material.verifier()))
}

/// The calling end of a link: `material` is the component's own, `callee` the
/// component that must answer. The key exchange is [`KeyExchange::Hybrid`].
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn link_client_config(
    material: &Material,
    callee: &SpiffeId,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ClientTls>, TlsError> {
    link_client_config_with(material, callee, clock, KeyExchange::default())
}

/// The same with a key exchange of one's choice.
///
/// # Errors
/// As [`link_client_config`].
pub fn link_client_config_with(
    material: &Material,
    callee: &SpiffeId,
    clock: Arc<dyn Clock>,
    key_exchange: KeyExchange,
) -> Result<Arc<ClientTls>, TlsError> {
    let config = pinned_client_config(material, callee, clock, key_exchange, ALPN_HTTP2)?;
    Ok(ClientTls::new(Arc::new(config), material.verifier()))
}
