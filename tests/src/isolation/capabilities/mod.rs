//! The capabilities in memory, one file per duty. Their behaviour is that of the
//! WIT documentation; where the host's stores check more, they check values
//! against bounds of their own.

mod accounts;
mod ceremonies;
mod credentials;
mod form;
mod host;
mod passkeys;
mod sessions;
mod tokens;

use super::state::State;

// Interfaces that hold nothing but types still have a marker trait.
impl zeropass::capabilities::bindings::store::Host for State {}
impl zeropass::capabilities::bindings::passkeys::Host for State {}
