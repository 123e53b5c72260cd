//! Component revisions: what is loaded, and which one serves.
//!
//! A [`Revision`] is an exact component file, compiled and linked against no more
//! than policy grants. A [`Slot`] says which revision serves whom; a call holds
//! its revision until it ends, so that replacing one never pulls code from under a
//! running request. How revisions get into slots and out of them again is told in
//! [`rollout`].

mod call;
mod grants;
mod load;
mod revision;
pub mod rollout;

pub use call::CallError;
pub use grants::{Refused, interface_id};
pub use load::{LoadError, Loader};
pub use revision::{AuthService, PasskeyManager, Revision};
pub use rollout::{Routes, Slot};
