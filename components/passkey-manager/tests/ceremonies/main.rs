//! The ceremonies, driven by a software authenticator against an in-memory host.
//! Every refusal is pinned to its code.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod attestation;
mod authentication;
mod authenticators;
mod devices;
mod extensions;
mod kit;
mod known_vulnerabilities;
mod lifecycle;
mod names;
mod policies;
mod registration;
