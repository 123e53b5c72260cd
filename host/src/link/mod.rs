//! Component-to-component calls.
//!
//! The gate has been asked and the call will be recorded when a link carries it
//! (see `capabilities::passkeys`); a link finds the active revision, gives it a
//! deadline and brings back what it said. [`InProcess`] calls a fresh instance in
//! this process. A link over mutually authenticated TLS takes its place beside it.

mod in_process;
mod lockout;

pub use in_process::InProcess;
