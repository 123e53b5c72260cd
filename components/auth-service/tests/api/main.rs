//! The HTTP API against an in-memory host, natively.
#![allow(missing_docs)]

mod authentications;
mod extensions;
mod fields;
mod kit;
mod passkeys;
mod problems;
mod registrations;
mod relying_parties;
mod sessions;
mod signals;
mod step_up;
mod users;
mod well_known;
