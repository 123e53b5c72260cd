//! The passkey-manager component of zeropass: the ceremonies of WebAuthn
//! Level 3 (section 7) and the life of a passkey after them.
//!
//! What it guarantees: bytes from a browser are parsed once, strictly and
//! within bounds, and everything later works on what that parse accepted; a
//! refusal names what is wrong by one [`bindings::Code`]; no input makes it
//! panic.
//!
//! What bounds it: every call gets a fresh instance, so nothing is kept here.
//! The policy of a ceremony (challenge, algorithms, user verification, account)
//! lives in the stored ceremony, and another revision can finish what this one
//! began.
//!
//! What it leaves to others: the store, the relying party's configuration, and
//! every signature check are the host's ([`host::Host`]); accounts and sessions
//! belong to auth-service.
//!
//! [`registration`], [`authentication`] and [`lifecycle`] are plain Rust over the
//! `Host` trait, so that tests and fuzzers run them natively; `component`
//! joins them to WIT and exists on wasm alone.

pub mod assertion;
pub mod attestation;
pub mod attestation_object;
pub mod authentication;
pub mod authenticator_data;
pub mod authenticators;
pub mod base64url;
pub mod bindings;
pub mod cbor;
pub mod ceremony;
pub mod client_data;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod cose;
pub mod decoys;
mod distinct;
pub mod extensions;
pub mod host;
pub mod label;
pub mod lifecycle;
pub mod mediation;
pub mod origin;
pub mod passkey;
pub mod provider;
pub mod registration;
pub mod rejection;
pub mod transports;
pub mod user_handle;
