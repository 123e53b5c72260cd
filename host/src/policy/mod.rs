//! Policy: who may do what, decided by Cedar, answered with a [`Permit`].
//!
//! A [`Bundle`] is a folder of schema, policies and golden tests that has passed
//! all its checks. The [`Gate`] holds the bundle in force together with the facts
//! of the configuration, answers each question from both, and remembers answers
//! until the next reload. Default deny; a question that Cedar can't evaluate
//! without error is a denial; every denial leaves an audit record.
//!
//! This module knows names, not things: nothing here knows of wasm, HTTP or the
//! store. Whoever performs an action takes its [`Permit`] and settles it.

pub mod action;
mod bundle;
mod cache;
mod decision;
mod epoch;
mod error;
mod facts;
mod files;
mod gate;
pub mod golden;
mod interface;
mod permit;
mod rules;
mod signers;
#[cfg(test)]
mod tests;
mod trial;

pub use bundle::{Bundle, Draft};
pub use decision::Decision;
pub use error::{Error, Failure};
pub use gate::{Counts, Denied, Gate};
pub use interface::{Interface, InterfaceError};
pub use permit::Permit;
pub use signers::{Signer, Signers, key_id};

/// How requests, records and policies name "no relying party concerned".
pub const NO_RELYING_PARTY: &str = crate::audit::target::NONE;
