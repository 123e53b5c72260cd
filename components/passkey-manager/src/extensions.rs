//! Extensions (WebAuthn L3 sections 9 and 10): which ones are asked for, and what
//! their outputs tell.
//!
//! The relying party's list says which extensions are used. `credProps` and
//! `minPinLength` on it are asked for in each registration; `credProtect`, `prf` and
//! `largeBlob` where a request brings inputs for them. An extension off the list is
//! refused in a request.
//!
//! Outputs that nobody asked for are ignored, as sections 7.1 and 7.2 allow: clients
//! add some by themselves. Extensions that were asked for but not answered are never
//! an error, but for a level of `credProtect` that a request demands. The results of `prf` are secrets of the page: they are dropped here.

mod inputs;
mod outputs;
mod protection;

pub use inputs::{Inputs, authentication_inputs, registration_inputs};
pub use outputs::ClientResults;

/// Credential properties (section 10.1.3).
pub const CRED_PROPS: &str = "credProps";
/// Credential protection (CTAP 2.2 section 12.1).
pub const CRED_PROTECT: &str = "credProtect";
/// Minimum PIN length (CTAP 2.2 section 12.5).
pub const MIN_PIN_LENGTH: &str = "minPinLength";
/// Pseudo-random function (section 10.1.4).
pub const PRF: &str = "prf";
/// Large blob storage (section 10.1.5).
pub const LARGE_BLOB: &str = "largeBlob";
