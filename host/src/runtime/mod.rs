//! The sandbox: one engine, a fresh instance for every call, and limits that end
//! a guest before it can hurt anybody.
//!
//! What bounds a call: memory and tables ([`limits`]), CPU and wall clock
//! ([`Deadline`]), bytes passed to the host, bytes of output ([`output`]), and the
//! number of instances that run at once (the registry's semaphore, sized below
//! the pool of [`engine`]). What a component may call is decided in `registry`;
//! what those calls do, in `capabilities`.

mod deadline;
pub mod engine;
pub mod limits;
pub mod output;
pub mod precompiled;
mod wasi;

pub use deadline::{Computed, Deadline};
pub use engine::Runtime;
pub use limits::{Limiter, Limits};
pub use wasi::{LinkInterface, NoOutgoingRequests, Sandbox, interfaces as wasi_interfaces};
