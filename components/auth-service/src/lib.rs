//! The HTTP API of zeropass, version 1: the half that faces relying parties.
//!
//! A request becomes calls on the imported capabilities, and their answers
//! become JSON. The logic is plain Rust over the small traits in [`host`], so it
//! runs natively under test; the `component` module is the thin layer that
//! binds it to WIT and to `wasi:http/incoming-handler`.
//!
//! What holds for every request:
//! - it is answered: no input makes it panic or answer with a 500;
//! - nothing survives it: the instance serves one request, and state lives
//!   behind the capabilities;
//! - who calls, and for which relying parties, is the host's word
//!   ([`relying_party`]), never the body's;
//! - a refusal is a problem document whose code says what is wrong
//!   ([`problem`]), and its text has no challenge, token or key in it.
//!
//! WebAuthn itself is left to the passkeys link, authorization and audit to
//! the host.

pub mod authentications;
pub mod base64url;
pub mod bindings;
pub mod call;
#[cfg(target_family = "wasm")]
mod component;
pub mod host;
pub mod http;
pub mod openapi;
pub mod passkeys;
pub mod problem;
pub mod registrations;
pub mod relying_party;
pub mod response;
pub mod router;
pub mod sessions;
pub mod signals;
pub mod step_up;
pub mod time;
pub mod users;
pub mod well_known;
pub mod wire;
