//! Component-to-component calls.
//!
//! The gate has been asked and the call will be recorded when a link carries it
//! (see `capabilities::passkeys`); a link finds the active revision, gives it a
//! deadline and brings back what it said.
//!
//! - [`InProcess`] calls a fresh instance in this process.
//! - [`Mtls`] calls another host, or this one, over HTTP/2 and mutually authenticated
//!   TLS 1.3; [`RemoteStore`] takes accounts and sessions the same way. At the other
//!   end is `server::link_door`.
//! - [`wire`] is what both ends say to each other.

mod in_process;
mod lockout;
mod mtls;
mod remote_store;
pub mod wire;

pub use in_process::InProcess;
pub use mtls::{Failed, LinkClient, LinkOptions, Mtls, Notice, NoticeKind, Notices};
pub use remote_store::RemoteStore;
