//! What the tests of zeropass share, and what platform teams test their own
//! components with.

pub mod deployment;
pub mod isolation;
