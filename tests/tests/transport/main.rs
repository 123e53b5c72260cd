//! Connections: who may have one, what is spoken on it, and how they end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod agent;
mod attacks;
mod certificates;
mod drain;
mod health;
mod protocols;
mod records;
mod reload;
mod revocation;
mod standing;

use zeropass_tests::deployment::Protocol;
