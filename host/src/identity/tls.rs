//! How the host speaks TLS: version 1.3 only, aws-lc-rs, X25519MLKEM768 first.
//!
//! Nothing is remembered between connections: no tickets, no session store, no
//! early data. So each connection is a full handshake in which the peer's
//! certificate is verified again, and nothing can be replayed.
//!
//! Trust roots, revocation lists and the host's own certificate change
//! together: a [`Current`] swaps the whole configuration. A connection keeps
//! the keys that it was made with, but its peer is judged by what is in force
//! now ([`super::standing`]), at whichever end of it.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error as TlsError, ServerConfig};
use tokio::sync::watch;

pub use super::crypto::{KeyExchange, provider};
use super::crypto::{provider_for, unix_time};
use super::material::Material;
use super::pinned::PinnedVerifier;
use super::spiffe::SpiffeId;
use super::verifier::SvidVerifier;
use crate::clock::Clock;

/// HTTP/2 by ALPN (RFC 9113 section 3.2).
pub const ALPN_HTTP2: &[u8] = b"h2";

/// HTTP/1.1 by ALPN (RFC 7301 section 6).
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// One side of mTLS, with the verifier that judges its peers: at the handshake and
/// again whenever something changes.
pub struct Tls<C> {
    config: Arc<C>,
    verifier: Arc<SvidVerifier>,
}

/// The side that accepts.
pub type ServerTls = Tls<ServerConfig>;

/// The side that dials.
pub type ClientTls = Tls<ClientConfig>;

/// The configuration that new connections are made with.
///
/// Clones share one cell; [`publish`](Self::publish) changes it for all.
pub struct Current<C>(Arc<Cell<C>>);

/// What a listener accepts connections with.
pub type CurrentTls = Current<ServerConfig>;

/// What a link dials with.
pub type CurrentClientTls = Current<ClientConfig>;

struct Cell<C> {
    in_force: ArcSwap<InForce<C>>,
    changes: watch::Sender<u64>,
}

/// What a [`Current`] holds at a moment.
#[derive(Debug)]
pub struct InForce<C> {
    /// None after the identity was withdrawn: nobody is served or called.
    pub tls: Option<Arc<Tls<C>>>,
    /// Counts the changes, from 1.
    pub generation: u64,
}

/// rustls asks the host's clock, not the system.
pub(super) struct ClockTime(pub(super) Arc<dyn Clock>);

/// The server's side of mTLS with this material; time comes from `clock`. The key
/// exchange is [`KeyExchange::Hybrid`].
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn server_config(
    material: &Material,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerTls>, TlsError> {
    server_config_with(material, clock, KeyExchange::default())
}

/// The same with a key exchange of one's choice.
///
/// # Errors
/// As [`server_config`].
pub fn server_config_with(
    material: &Material,
    clock: Arc<dyn Clock>,
    key_exchange: KeyExchange,
) -> Result<Arc<ServerTls>, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let provider = provider_for(key_exchange);
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(material.verifier())
        .with_cert_resolver(Arc::new(identity));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    Ok(Tls::new(Arc::new(config), material.verifier()))
}

/// The client's side of mTLS with this material, for those who measure.
///
/// The server is verified by the material's roots and by the DNS name or
/// address that is dialled. Links between components and the operators' commands,
/// which verify the other side's SPIFFE id, are not built with it.
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

/// The client's side of mTLS with this material: it takes no server but the one with the
/// SPIFFE id `server`, whatever its names and address are, and speaks `protocol` alone.
///
/// # Errors
/// rustls refuses the combination of provider and version, which would be a defect.
pub fn pinned_client_config(
    material: &Material,
    server: &SpiffeId,
    clock: Arc<dyn Clock>,
    key_exchange: KeyExchange,
    protocol: &[u8],
) -> Result<ClientConfig, TlsError> {
    let identity = SingleCertAndKey::from(material.certified_key());
    let verifier = PinnedVerifier::new(material.verifier(), server.clone());
    let provider = provider_for(key_exchange);
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&TLS13])?
        // Not dangerous here: what replaces the check of a DNS name is stricter.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(identity));
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(config)
}

// === impl Tls ===

impl<C> Tls<C> {
    /// `verifier` judges the standing of those whom `config` has taken.
    pub(super) fn new(config: Arc<C>, verifier: Arc<SvidVerifier>) -> Arc<Self> {
        Arc::new(Self { config, verifier })
    }

    /// What rustls makes connections with.
    pub fn config(&self) -> Arc<C> {
        Arc::clone(&self.config)
    }

    /// Who judges the peers.
    pub fn verifier(&self) -> &SvidVerifier {
        &self.verifier
    }
}

impl<C> fmt::Debug for Tls<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

// === impl Current ===

impl<C> Current<C> {
    /// A cell that holds `tls`.
    pub fn new(tls: Arc<Tls<C>>) -> Self {
        let in_force = InForce {
            tls: Some(tls),
            generation: 1,
        };
        Self(Arc::new(Cell {
            in_force: ArcSwap::from_pointee(in_force),
            changes: watch::Sender::new(1),
        }))
    }

    /// What is in force for a connection that is being made now.
    pub fn load(&self) -> Arc<InForce<C>> {
        self.0.in_force.load_full()
    }

    /// Let all later connections use `tls`; those that stand are judged by it.
    pub fn publish(&self, tls: Arc<Tls<C>>) {
        self.change(Some(tls));
    }

    /// Serve and call nobody any more, until something is published again.
    pub fn withdraw(&self) {
        self.change(None);
    }

    /// Tells of each change, by its generation.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn change(&self, tls: Option<Arc<Tls<C>>>) {
        // Under the lock of the channel, so that no generation is given twice.
        self.0.changes.send_modify(|generation| {
            *generation += 1;
            self.0.in_force.store(Arc::new(InForce {
                tls,
                generation: *generation,
            }));
        });
    }
}

impl<C> Clone for Current<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Current<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current")
            .field("generation", &self.load().generation)
            .finish_non_exhaustive()
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
