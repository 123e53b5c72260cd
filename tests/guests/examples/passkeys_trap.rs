//! A passkey-manager that executes `unreachable` when a sign-in begins.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

guests::passkeys!(|| core::arch::wasm32::unreachable());
