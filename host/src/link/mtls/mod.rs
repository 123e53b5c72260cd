//! The link over mutually authenticated TLS 1.3: one HTTP/2 request for each call.
//!
//! It guarantees:
//! - The other end is the component that this one expects, by its SPIFFE id, and its
//!   chain is judged by the roots and revocation lists in force now, at every call and
//!   whenever they change: who does not pass any more is cut off. When the own material
//!   changes, the connection is replaced; none outlives its peer's certificate.
//! - A call takes no longer than its deadline, and what is left of it goes along. A
//!   caller that goes away resets the stream, and the other end drops the call.
//! - A call is made again, on another connection, only if nothing of it was begun or
//!   if it changes nothing ([`Function::REPEATABLE`](wire::Function::REPEATABLE)).
//! - Where no host answers, the call is `busy` at once: connections are made aside, and
//!   a call waits for one only while one is being made.
//!
//! [`dial`] makes a [`connection`], [`target`] keeps one to its host, [`hosts`]
//! chooses among them, [`client`] makes calls, [`notice`] tells what the audit log should
//! know, and [`Mtls`] gives calls their types.

mod client;
mod connection;
mod dial;
mod hosts;
mod notice;
mod passkeys;
mod target;

pub use client::{Failed, LinkClient, LinkOptions};
pub use notice::{Notice, NoticeKind, Notices};
pub use passkeys::Mtls;
