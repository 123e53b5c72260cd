//! Recorded ceremonies: the file format, the two steps of each recording as plain
//! values, and the lines that tell what came of them.
//!
//! The `replay` binary runs the steps through a passkey-manager under the isolation
//! kit; the command beside this library (`main.rs`) does the same as a wasm
//! component, composed with a passkey-manager and an in-memory store. Both print
//! the same lines for the same file.

mod attestation_object;
mod recording;
mod steps;
mod values;
mod verdict;

pub use recording::{
    Attestation, Authentication, FileError, Policy, Recording, Registration, Setting,
    UserVerification, parse,
};
pub use steps::{AuthenticationStep, RegistrationStep, Steps};
pub use values::Wrong;
pub use verdict::{Tally, Verdict};
