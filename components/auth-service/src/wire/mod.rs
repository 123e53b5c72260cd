//! The JSON and form bodies: read strictly into the contract's types, written
//! as WebAuthn Level 3's JSON forms have them.

pub mod authentication;
pub mod extensions;
pub mod form;
pub mod id;
pub mod object;
pub mod passkey;
pub mod registration;
pub mod signal;
pub mod text;
pub mod user;
mod words;
