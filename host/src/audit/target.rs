//! How audit records name what a call acted upon: by ids, never by names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// For calls that have no target, or none that may be written down.
pub const NONE: &str = "-";

/// Enough to find a ceremony's records, too little to finish it: behind the time, which ids begin
/// with, 48 random bits of 144.
const CEREMONY_PREFIX: usize = 16;

/// The longest credential id (WebAuthn L3 section 4); of a longer one the beginning.
const CREDENTIAL_ID: usize = 1023;

/// A credential by its id, in base64url.
pub fn credential(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id.get(..CREDENTIAL_ID).unwrap_or(id))
}

/// A ceremony by the first characters of its id, at most half of them: who has it all may
/// finish it.
pub fn ceremony(id: &str) -> String {
    let shown = CEREMONY_PREFIX.min(id.chars().count() / 2);
    let mut prefix: String = id.chars().take(shown).collect();
    prefix.push('…');
    prefix
}
