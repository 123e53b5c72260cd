//! Who a workload is, and the material that proves it.
//!
//! - [`spiffe`]: SPIFFE ids as a type that can't be malformed.
//! - [`svid`]: the X.509-SVID profile, read strictly from a certificate.
//! - [`verifier`]: chain, time, revocation, profile and trust domain in one
//!   rustls verifier.
//! - [`roots`]: trusted roots, each for its time.
//! - [`lists`]: which revocation list speaks about whom.
//! - [`pinned`]: the same verdict for a link, whose other end is known by name.
//! - [`parts`]: the host's own certificate, key, roots and lists as they were found.
//! - [`material`]: the same, checked against themselves before anybody uses them.
//! - [`source`]: where material comes from: files that are looked at again, or
//! - [`workload_api`]: a SPIFFE agent.
//! - [`current`]: the identity in force, renewed by a source.
//! - [`tls`]: rustls configurations, and the cell from which listeners and links take
//!   the present one.
//! - [`standing`]: whether the peer of a connection that stands is still trusted.
//! - [`refusal`]: failed handshakes as stable codes.
//! - [`inspect`]: every rule about a certificate, explained.
//! - [`ca`]: a small certificate authority.
//! - [`pki`]: the development PKI, a folder with material for every role.
//!
//! What a verified peer may do is the business of `policy`, not of this module.

pub mod ca;
mod crypto;
pub mod current;
mod error;
pub mod inspect;
mod link_tls;
pub mod lists;
pub mod material;
pub mod parts;
pub mod pinned;
pub mod pki;
pub mod refusal;
pub mod roots;
pub mod source;
pub mod spiffe;
pub mod standing;
pub mod svid;
pub mod tls;
pub mod verifier;
pub mod workload_api;

pub use current::Identity;
pub use error::MaterialError;
pub use link_tls::{
    link_client_config, link_client_config_with, link_server_config, link_server_config_with,
};
pub use material::{Material, Trust};
pub use parts::{MaterialFiles, Parts, certificates};
pub use pinned::PinnedVerifier;
pub use roots::Roots;
pub use source::{FileSource, Source, SourceError};
pub use spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
pub use svid::{Svid, SvidError, parse_svid};
pub use tls::{ClientTls, CurrentClientTls, CurrentTls, KeyExchange, ServerTls};
pub use verifier::{PeerError, SvidVerifier};
pub use workload_api::WorkloadApiSource;
