//! The HTTP API against an in-memory host, natively.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod authentications;
mod extensions;
mod fields;
mod kit;
mod passkeys;
mod problems;
mod registrations;
mod relying_parties;
mod sessions;
mod signals;
mod step_up;
mod users;
mod well_known;
