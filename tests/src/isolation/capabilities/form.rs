//! The documented forms and sizes of values.

use uuid::Uuid;

use super::super::StoreError;

pub fn check(condition: bool) -> Result<(), StoreError> {
    if condition {
        Ok(())
    } else {
        Err(StoreError::Malformed)
    }
}

/// A UUID in its canonical form.
pub fn uuid(id: &str) -> Result<String, StoreError> {
    match Uuid::try_parse(id) {
        Ok(id) => Ok(id.hyphenated().to_string()),
        Err(_) => Err(StoreError::Malformed),
    }
}

/// 1 to 64 characters.
pub fn name(name: &str) -> Result<(), StoreError> {
    check((1..=64).contains(&name.chars().count()) && !name.contains('\0'))
}

/// 1 to 1023 bytes (WebAuthn L3 section 7.1 step 25).
pub fn credential_id(id: &[u8]) -> Result<(), StoreError> {
    check((1..=1023).contains(&id.len()))
}

/// 128 bits or more, in base64url.
pub fn ceremony_id(id: &str) -> Result<(), StoreError> {
    let base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    check((22..=128).contains(&id.len()) && id.bytes().all(base64url))
}
