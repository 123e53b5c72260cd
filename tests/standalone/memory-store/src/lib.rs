//! What passkey-manager imports from its host, in the memory of one instance.
//!
//! For trying a passkey-manager without the host: it lives as long as its process,
//! asks no policy, keeps no audit, verifies ES256 alone, and its pseudonyms have no
//! secret key. Nothing for production.
//!
//! On other targets than wasm the crate is empty: what it exports are the names of
//! WIT functions, which no native linker takes.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "the export macro writes the ABI's functions")]

mod ceremonies;
mod credentials;
mod host;
mod memory;

#[allow(missing_docs, clippy::all, clippy::pedantic, rust_2018_idioms)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failure of the test"
)]
#[allow(clippy::indexing_slicing, clippy::unimplemented, clippy::todo)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/host", "../../../wit/store", "../../../wit/passkeys", "../wit"],
        world: "zeropass:standalone/memory-store",
        generate_all,
    });
}

/// The exports; what they share is in [`memory`].
struct Component;

bindings::export!(Component with_types_in bindings);
