//! Ids of accounts and credentials.

use uuid::Uuid;

use super::object::{Malformed, Object};

/// A user's UUID, in its usual spelling only.
pub(super) fn uuid(object: &Object<'_>, field: &str) -> Result<Option<Uuid>, Malformed> {
    object
        .optional_string(field)?
        .map(|text| parse_uuid(text).ok_or_else(|| object.fault(field, "not a UUID")))
        .transpose()
}

/// A UUID of 36 characters with hyphens (RFC 9562 section 4), in either case.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    // The library also reads braces, URNs and bare digits: other spellings of
    // one id, which compare unequal elsewhere.
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// `id` as it stands, and `rawId` decoded, of a public key credential. That they
/// are one is for the ceremony to check.
pub(super) fn credential_id(credential: &Object<'_>) -> Result<(String, Vec<u8>), Malformed> {
    let id = credential.string("id")?.to_owned();
    let raw_id = credential.bytes("rawId")?;
    if credential.string("type")? != "public-key" {
        return Err(credential.fault("type", "expected public-key"));
    }
    Ok((id, raw_id))
}
