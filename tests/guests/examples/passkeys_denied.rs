//! A passkey-manager that lets nobody begin to sign in.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

guests::passkeys!(|| Err(guests::passkeys::denied()));
