//! Component revisions: what is loaded, and which one serves.
//!
//! A [`Revision`] is an exact component file, compiled and linked against no more
//! than policy grants. A [`Slot`] points to the revision that serves; a call holds
//! its revision until it ends, so that replacing one never pulls code from under a
//! running request. Signatures, canaries and rollbacks come on top of this seam.

mod call;
mod grants;
mod load;
mod revision;

pub use call::CallError;
pub use grants::{Refused, interface_id};
pub use load::{LoadError, Loader};
pub use revision::{AuthService, PasskeyManager, Revision, Slot};
