//! User handles: the 16 bytes of the account's UUID (WebAuthn L3 section 5.4.3
//! allows up to 64 bytes and wants them to say nothing about the person).

use uuid::Uuid;

use crate::bindings::Rejection;
use crate::rejection::malformed;

/// The handle of an account.
///
/// # Errors
/// `malformed` when `user_id` is not a UUID in its hyphenated form.
pub fn of(user_id: &str) -> Result<[u8; 16], Rejection> {
    if user_id.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(malformed("the user id is not a hyphenated UUID"));
    }
    match Uuid::try_parse(user_id) {
        Ok(id) => Ok(*id.as_bytes()),
        Err(error) => Err(malformed(format!("the user id is not a UUID: {error}"))),
    }
}
