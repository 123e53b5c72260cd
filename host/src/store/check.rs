//! The forms and sizes that `zeropass:store` documents, and bounds where it is
//! silent, so that no component can fill the store with a single value.
//!
//! Messages name sizes, never values: those may be personal or secret.

use uuid::Uuid;

use super::{
    AccountChange, Ceremony, CeremonyKind, Credential, CredentialChange, CredentialUse, Error,
    NewAccount, NewSession, RateLimit,
};

/// WebAuthn L3 section 7.1 step 25.
const CREDENTIAL_ID_BYTES: usize = 1023;
/// Names and labels.
const NAME_CHARS: usize = 64;
/// The largest ML-DSA public key is under 3 KiB.
const PUBLIC_KEY_BYTES: usize = 8 * 1024;
const AAGUID_BYTES: usize = 16;
/// 22 characters of base64url carry 128 bits.
const CEREMONY_ID_CHARS: std::ops::RangeInclusive<usize> = 22..=128;
/// WebAuthn L3 section 13.4.3.
const CHALLENGE_BYTES: std::ops::RangeInclusive<usize> = 16..=1024;
/// Items in a list of short words: transports, algorithms, extensions.
const LIST_ITEMS: usize = 64;
/// Excluded or allowed credentials of a ceremony.
const CEREMONY_CREDENTIALS: usize = 256;
/// The longest SPIFFE id (SPIFFE-ID section 2.3).
const IDENTITY_BYTES: usize = 2048;
/// In which a whole burst is earned, nanoseconds: ten years of 366 days.
const WHOLE_BURST: u64 = 10 * 366 * 24 * 60 * 60 * 1_000_000_000;
/// Times that fit a signed 64-bit column.
const LATEST: u64 = i64::MAX as u64;

/// A UUID in its canonical form.
pub(super) fn uuid(what: &str, id: &str) -> Result<String, Error> {
    Uuid::try_parse(id)
        .map(|id| id.hyphenated().to_string())
        .map_err(|_| malformed(format!("{what} is not a UUID")))
}

pub(super) fn credential_id(id: &[u8]) -> Result<(), Error> {
    size("credential id", id.len(), 1..=CREDENTIAL_ID_BYTES, "bytes")
}

/// A name or label that a person chose.
pub(super) fn name(what: &str, name: &str) -> Result<(), Error> {
    size(what, name.chars().count(), 1..=NAME_CHARS, "characters")?;
    // PostgreSQL's text can't hold it, and both stores must answer alike.
    if name.contains('\0') {
        return Err(malformed(format!("{what} contains a NUL character")));
    }
    Ok(())
}

/// As [`name`], or nothing.
fn name_or_none(what: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Ok(());
    }
    name(what, text)
}

pub(super) fn ceremony_id(id: &str) -> Result<(), Error> {
    size("ceremony id", id.len(), CEREMONY_ID_CHARS, "characters")?;
    let base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if id.bytes().all(base64url) {
        Ok(())
    } else {
        Err(malformed("ceremony id is not base64url".into()))
    }
}

/// What may be asked of the count of an identity's requests.
pub(super) fn taking(identity: &str, limit: RateLimit, cells: u32) -> Result<(), Error> {
    size("identity", identity.len(), 1..=IDENTITY_BYTES, "bytes")?;
    if identity.contains('\0') {
        return Err(malformed("identity contains a NUL character".into()));
    }
    let burst = u64::from(limit.burst);
    let whole = limit.interval.checked_mul(burst);
    if whole.is_none_or(|whole| !(1..=WHOLE_BURST).contains(&whole)) {
        return Err(malformed("limit is nothing, or takes decades".into()));
    }
    if !(1..=limit.burst).contains(&cells) {
        return Err(malformed("cells are none, or more than a burst".into()));
    }
    Ok(())
}

/// Makes the user id canonical.
pub(super) fn credential(rp_id: &str, mut value: Credential) -> Result<Credential, Error> {
    relying_party(rp_id, &value.rp_id)?;
    value.user_id = uuid("user id", &value.user_id)?;
    credential_id(&value.id)?;
    name("label", &value.label)?;
    time("created-at", value.created_at)?;
    time("last-used-at", value.last_used_at.unwrap_or(0))?;
    time("suspended-at", value.suspended_at.unwrap_or(0))?;
    time("clone-alarm-at", value.clone_alarm_at.unwrap_or(0))?;
    size(
        "public key",
        value.public_key.len(),
        1..=PUBLIC_KEY_BYTES,
        "bytes",
    )?;
    size(
        "aaguid",
        value.aaguid.len(),
        AAGUID_BYTES..=AAGUID_BYTES,
        "bytes",
    )?;
    words("transports", &value.transports)?;
    name("attestation format", &value.attestation_format)?;
    Ok(value)
}

pub(super) fn credential_change(value: &CredentialChange) -> Result<(), Error> {
    match &value.label {
        Some(label) => name("label", label),
        None => Ok(()),
    }
}

pub(super) fn account_change(value: &AccountChange) -> Result<(), Error> {
    let names = [("name", &value.name), ("display name", &value.display_name)];
    names.into_iter().try_for_each(|(what, text)| match text {
        Some(text) => name(what, text),
        None => Ok(()),
    })
}

pub(super) fn credential_use(value: &CredentialUse) -> Result<(), Error> {
    time("at", value.at)
}

/// Makes the user id canonical.
pub(super) fn ceremony(rp_id: &str, mut value: Ceremony) -> Result<Ceremony, Error> {
    relying_party(rp_id, &value.rp_id)?;
    ceremony_id(&value.id)?;
    size("challenge", value.challenge.len(), CHALLENGE_BYTES, "bytes")?;
    time("expires-at", value.expires_at)?;
    if let Some(user) = &mut value.user {
        user.id = uuid("user id", &user.id)?;
        // A sign-in is pinned to an account by its id alone; what else it says is kept.
        let check = match value.kind {
            CeremonyKind::Registration => name,
            CeremonyKind::Authentication => name_or_none,
        };
        check("user name", &user.name)?;
        check("display name", &user.display_name)?;
    }
    size(
        "algorithms",
        value.algorithms.len(),
        0..=LIST_ITEMS,
        "items",
    )?;
    size(
        "credentials",
        value.credentials.len(),
        0..=CEREMONY_CREDENTIALS,
        "items",
    )?;
    value
        .credentials
        .iter()
        .try_for_each(|id| credential_id(id))?;
    words("extensions", &value.extensions)?;
    Ok(value)
}

/// Makes a chosen id canonical.
pub(super) fn new_account(mut value: NewAccount) -> Result<NewAccount, Error> {
    value.id = value.id.map(|id| uuid("account id", &id)).transpose()?;
    name("name", &value.name)?;
    name("display name", &value.display_name)?;
    Ok(value)
}

/// Makes the user id canonical.
pub(super) fn new_session(mut value: NewSession) -> Result<NewSession, Error> {
    value.user_id = uuid("user id", &value.user_id)?;
    credential_id(&value.credential_id)?;
    Ok(value)
}

fn relying_party(permitted: &str, named: &str) -> Result<(), Error> {
    if permitted == named {
        return Ok(());
    }
    Err(malformed(format!(
        "the record names the relying party {named:?}, the call {permitted:?}"
    )))
}

fn words(what: &str, words: &[String]) -> Result<(), Error> {
    size(what, words.len(), 0..=LIST_ITEMS, "items")?;
    words.iter().try_for_each(|word| name(what, word))
}

fn time(what: &str, time: u64) -> Result<(), Error> {
    if time <= LATEST {
        return Ok(());
    }
    Err(malformed(format!(
        "{what} is {time}, at most {LATEST} is possible"
    )))
}

fn size(
    what: &str,
    found: usize,
    allowed: std::ops::RangeInclusive<usize>,
    unit: &str,
) -> Result<(), Error> {
    if allowed.contains(&found) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    Err(malformed(format!(
        "{what} has {found} {unit}, {least} to {most} are allowed"
    )))
}

fn malformed(detail: String) -> Error {
    Error::Malformed(detail)
}
