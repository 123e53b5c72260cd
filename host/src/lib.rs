//! zeropass: a passkey (WebAuthn) authentication backend whose parts are swappable
//! WebAssembly components.
//!
//! The way of a request, by folder: a connection is accepted and its peer verified
//! in [`server`] with what [`identity`] knows; the front door asks [`policy`]; the
//! active revision of auth-service comes from [`registry`] and runs in a fresh
//! instance of [`runtime`]; what it asks for goes through [`link`] to
//! passkey-manager or through [`capabilities`] to the [`store`], each time through
//! the gate of [`policy`]; every decision becomes a record of [`audit`], durable
//! before the answer leaves.
//!
//! The library is usable without a network: every module has its own tests, and the
//! test kit in `tests/` runs single components on it.

pub mod audit;
pub mod capabilities;
pub mod cli;
pub mod clock;
pub mod config;
pub mod hex;
pub mod host;
pub mod identity;
pub mod link;
pub mod metadata;
pub mod policy;
pub mod registry;
pub mod runtime;
pub mod secrets;
pub mod server;
pub mod store;
pub mod telemetry;
