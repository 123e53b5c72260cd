//! Listeners: from an accepted socket to a request with a verified peer.
//!
//! - [`listener`]: accepts, shakes hands, serves HTTP/1.1 or HTTP/2 by ALPN.
//! - [`connection`]: what ends a connection: idleness, slow heads, age, a peer that
//!   lost its standing, a drain.
//! - [`roster`]: what each identity takes: connections and requests.
//! - [`leases`]: what each identity takes of all hosts on one store together.
//! - [`activity`]: what a connection is doing, for the rules above.
//! - [`frames`]: whether a head of HTTP/2 is under way.
//! - [`handshakes`]: those under way, bounded.
//! - [`held`]: an answer counts until its peer has taken it.
//! - [`handler`]: what a listener asks of those who answer.
//! - [`front_door`]: from a verified request to auth-service and back.
//! - [`admin`]: what operators ask of the host.
//! - [`link_door`]: from a component on another host, or on this one, to passkey-manager.
//! - [`records`]: audit records about connections.
//! - [`refusal`]: why a connection is turned away, as stable codes.
//! - [`body`]: request bodies with a limit on bytes and time.
//! - [`problem`]: answers that the host itself gives when it refuses.
//! - [`protocols`]: hyper's own limits.
//! - [`drain`]: stopping without losing an accepted request.
//! - [`health`]: `/livez` and `/readyz`, on loopback or a unix socket only.
//! - [`limits`]: every limit of the above, in one place.
//!
//! It decides nothing about permissions: the handler does, with `policy`.

pub mod activity;
pub mod admin;
pub mod body;
mod codes;
pub mod connection;
pub mod drain;
mod frames;
pub mod front_door;
pub mod handler;
mod handshakes;
pub mod health;
mod held;
mod leases;
pub mod limits;
pub mod link_door;
pub mod listener;
mod owed;
pub mod problem;
mod protocols;
pub mod records;
pub mod refusal;
mod roster;
mod sticky;

pub use handler::{Handler, Peer, Response, ResponseBody};
pub use limits::Limits;
pub use listener::Listener;
