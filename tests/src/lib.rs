//! What the tests of zeropass share, and what platform teams test their own
//! components with.

pub mod browser;
pub mod deployment;
pub mod fido;
pub mod isolation;
pub mod postgres;
pub mod registry;
pub mod rollout;
pub mod signing;
