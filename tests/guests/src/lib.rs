//! What the hostile guests have in common: each is an auth-service as far as its
//! exports go, answers requests for the user `ok` as a good component would, and
//! does its worst on any other request.
//!
//! `/v1/users/ok/...` is answered at once, `/v1/users/ok/later` after a short wait in
//! a host call, so that a test can have a good request under way beside a bad one.
//!
//! `/openapi.json` is answered as the host's probe wants it: what gets past the probe
//! is what the tests are about.
//!
//! The guests of [`passkeys`] are passkey-managers in the same way: `authentication.begin`
//! is where they do their worst.
//!
//! A guest is an example of this package: one file, one behaviour.

#[cfg(target_family = "wasm")]
pub mod passkeys;
#[cfg(target_family = "wasm")]
mod serve;

#[cfg(target_family = "wasm")]
pub use serve::{answer, path, serve};

/// Makes a component of a function that misbehaves.
#[macro_export]
macro_rules! guest {
    ($misbehave:expr) => {
        struct Hostile;

        impl wasip2::exports::http::incoming_handler::Guest for Hostile {
            fn handle(
                request: wasip2::http::types::IncomingRequest,
                outparam: wasip2::http::types::ResponseOutparam,
            ) {
                $crate::serve(request, outparam, $misbehave);
            }
        }

        wasip2::http::proxy::export!(Hostile with_types_in wasip2);
    };
}

/// Makes a passkey-manager of what happens before `authentication.begin` is answered well.
#[macro_export]
macro_rules! passkeys {
    ($misbehave:expr) => {
        struct Hostile;

        impl $crate::passkeys::Misbehaves for Hostile {
            fn misbehave() -> Result<(), $crate::passkeys::Rejection> {
                let misbehave: fn() -> Result<(), $crate::passkeys::Rejection> = $misbehave;
                misbehave()
            }
        }

        $crate::passkeys::export!(Hostile with_types_in $crate::passkeys);
    };
}
