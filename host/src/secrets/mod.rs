//! The host's own keys: token signing, pseudonyms, the compile cache.
//!
//! Each is a file of its own in the keys folder, made on first use with mode 0600
//! and read once at start. No component, log or error ever sees one; `Debug`
//! prints none.

mod files;
mod pseudonyms;
mod tokens;

pub(crate) use files::read_or_create;
pub use files::{Error, random_key};
pub use pseudonyms::Pseudonyms;
pub use tokens::{Claims, Signer, TokenError, Verified};
