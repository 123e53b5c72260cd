//! Who a workload is, and the material that proves it.
//!
//! - [`spiffe`]: SPIFFE ids as a type that can't be malformed.
//! - [`svid`]: the X.509-SVID profile, read strictly from a certificate.
//! - [`verifier`]: chain, time, revocation, profile and trust domain in one
//!   rustls verifier.
//! - [`pinned`]: the same verdict for a link, whose other end is known by name.
//! - [`material`]: the host's own certificate, key and roots, checked against
//!   themselves before anybody uses them.
//! - [`tls`]: rustls configurations, and the cell from which listeners take
//!   the present one.
//! - [`ca`]: a small certificate authority.
//! - [`pki`]: the development PKI, a folder with material for every role.
//!
//! What a verified peer may do is the business of `policy`, not of this module.

pub mod ca;
mod link_tls;
pub mod material;
pub mod pinned;
pub mod pki;
pub mod spiffe;
pub mod svid;
pub mod tls;
pub mod verifier;

pub use link_tls::{CurrentClientTls, link_client_config, link_server_config};
pub use material::{Material, MaterialError, MaterialFiles, certificates};
pub use pinned::PinnedVerifier;
pub use spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
pub use svid::{Svid, SvidError, parse_svid};
pub use tls::CurrentTls;
pub use verifier::{PeerError, SvidVerifier};
