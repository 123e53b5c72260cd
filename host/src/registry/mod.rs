//! Component revisions: what is loaded, and which one serves.
//!
//! A [`Revision`] is an exact component file, compiled and linked against no more
//! than policy grants. A file becomes one through [`Admission`]: its signature and
//! [`Statement`] are verified before it is compiled, what it asks for and offers is
//! compared with this host and its policy, and it must answer a probe.
//!
//! A [`Slot`] says which revision serves whom; a call holds its revision until it
//! ends, so that replacing one never pulls code from under a running request. How
//! revisions get into slots and out of them again is told in [`rollout`].

mod admission;
mod admitted;
mod call;
mod difference;
mod error;
mod exports;
mod grants;
mod load;
pub mod oci;
mod probe;
mod provenance;
mod recheck;
mod refusal;
mod revision;
pub mod rollout;
pub mod signature;
pub mod signing_key;
pub mod statement;
mod step;
mod surface;
mod verify;

pub use admission::{Admission, AdmissionSettings};
pub use admitted::Admitted;
pub use call::{Begun, CallError};
pub use difference::Difference;
pub use error::LoadError;
pub use grants::interface_id;
pub use load::Loader;
pub use probe::PROBE;
pub use provenance::{Callers, NotAdmitted, Provenance};
pub use refusal::{AdmissionError, Refusal};
pub use revision::{AuthService, Linked, PasskeyManager, Revision};
pub use rollout::Slot;
pub use signature::SignedComponent;
pub use signing_key::{SigningKey, SigningKeyError};
pub use statement::{Statement, StatementError};
pub use surface::{Item, Surface};
pub use verify::{Distrust, Verified, sha256, verify, verify_statement};
