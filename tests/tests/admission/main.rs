//! What stands between a component file and traffic: each refusal with its code and
//! its words.
//!
//! Files that don't fit are the shipped components with a few bytes changed, so that
//! nothing but the named difference keeps them out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod fit;
mod probe;
mod readme;
mod stage;
mod trust;
