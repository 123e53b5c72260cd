//! How audit records name what a call acted upon: by ids, never by names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// For calls that have no target, or none that may be written down.
pub const NONE: &str = "-";

/// Enough to find a ceremony's records, too little to finish it.
const CEREMONY_PREFIX: usize = 8;

/// The longest credential id (WebAuthn L3 section 4); of a longer one the beginning.
const CREDENTIAL_ID: usize = 1023;

/// A credential by its id, in base64url.
pub fn credential(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id.get(..CREDENTIAL_ID).unwrap_or(id))
}

/// A ceremony by the first characters of its id: who has it all may finish it.
pub fn ceremony(id: &str) -> String {
    let mut prefix: String = id.chars().take(CEREMONY_PREFIX).collect();
    prefix.push('…');
    prefix
}
