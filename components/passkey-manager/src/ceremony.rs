//! What both ceremonies share: identifiers, challenges, taking a stored ceremony
//! once, and the form of a credential's id.

use crate::authenticator_data::MAX_CREDENTIAL_ID_LENGTH;
use crate::base64url;
use crate::bindings::ceremonies::{Ceremony, Kind};
use crate::bindings::relying_party::Profile;
use crate::bindings::{Code, Rejection, store};
use crate::host::Host;
use crate::rejection::{malformed, reject};

/// Random bytes in a challenge; section 13.4.3 asks for 16 at least.
pub const CHALLENGE_LENGTH: usize = 32;

/// Random bytes in a ceremony's id.
pub const ID_RANDOM: usize = 18;

/// A new id for a ceremony.
pub fn new_id(host: &impl Host) -> String {
    id(host.now(), &host.random(ID_RANDOM))
}

/// The id of a ceremony that begins now, in milliseconds since the Unix epoch: 48 bits of that
/// time, then random bytes, in base64url. Ceremonies that begin together lie side by side in a
/// store's index, which then writes few pages for many of them (RFC 9562 section 6.11, of UUIDs).
pub fn id(now: u64, random: &[u8]) -> String {
    let [_, _, time @ ..] = now.to_be_bytes();
    base64url::encode(&[&time, random].concat())
}

/// A new challenge.
pub fn new_challenge(host: &impl Host) -> Vec<u8> {
    host.random(CHALLENGE_LENGTH)
}

/// When a ceremony that begins now is over.
pub fn expiry(host: &impl Host, profile: &Profile) -> u64 {
    host.now()
        .saturating_add(u64::from(profile.ceremony_timeout))
}

/// Take a stored ceremony. It is spent from here on, whatever comes of it: a
/// challenge is good for one answer (section 13.4.3).
///
/// # Errors
/// `not-found`, `ceremony-expired`, `ceremony-used`, and those of the store.
pub fn take(host: &impl Host, rp_id: &str, id: &str, kind: Kind) -> Result<Ceremony, Rejection> {
    host.take_ceremony(rp_id, id, kind)
        .map_err(|error| match error {
            // An id that no ceremony can have is one that does not exist.
            store::Error::NotFound | store::Error::Malformed => reject(
                Code::NotFound,
                "no such ceremony of this kind at this relying party",
            ),
            other => other.into(),
        })
}

/// The id that the browser gave in two forms: `id` must be the text of `raw_id`,
/// and that of an allowed size.
///
/// # Errors
/// `malformed`.
pub fn check_credential_id(id: &str, raw_id: &[u8]) -> Result<(), Rejection> {
    if !(1..=MAX_CREDENTIAL_ID_LENGTH).contains(&raw_id.len()) {
        return Err(malformed(format!(
            "rawId has {} bytes; 1 to {MAX_CREDENTIAL_ID_LENGTH} are allowed",
            raw_id.len()
        )));
    }
    if id != base64url::encode(raw_id) {
        return Err(malformed("id is not rawId in base64url"));
    }
    Ok(())
}
