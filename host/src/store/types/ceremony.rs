//! Ceremonies, and what they demand.

use std::fmt;

use super::words::words;
use crate::clock::Timestamp;

words! {
    /// What a ceremony is for.
    CeremonyKind {
        /// WebAuthn L3 section 7.1.
        Registration = "registration",
        /// WebAuthn L3 section 7.2.
        Authentication = "authentication",
    }
}

words! {
    /// WebAuthn L3 section 5.8.6.
    UserVerification {
        /// No ceremony without it.
        Required = "required",
        /// Wanted where possible.
        Preferred = "preferred",
        /// Not wanted.
        Discouraged = "discouraged",
    }
}

words! {
    /// WebAuthn L3 section 5.4.6.
    ResidentKey {
        /// Only a discoverable credential will do.
        Required = "required",
        /// Wanted where possible.
        Preferred = "preferred",
        /// Not wanted.
        Discouraged = "discouraged",
    }
}

words! {
    /// WebAuthn L3 section 5.4.7.
    AttestationConveyance {
        /// No statement wanted.
        None = "none",
        /// A statement, possibly anonymised.
        Indirect = "indirect",
        /// The authenticator's own statement.
        Direct = "direct",
        /// A statement that names the device.
        Enterprise = "enterprise",
    }
}

/// The account that a ceremony is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyUser {
    /// A UUID; its 16 bytes are the user handle.
    pub id: String,
    /// 1 to 64 characters.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
}

/// A ceremony between its two requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// 128 random bits or more, in base64url. Who has it may finish it.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// What it is for.
    pub kind: CeremonyKind,
    /// 16 random bytes or more.
    pub challenge: Vec<u8>,
    /// From this moment on it can't be finished.
    pub expires_at: Timestamp,
    /// None in a discoverable sign-in.
    pub user: Option<CeremonyUser>,
    /// What the ceremony demands of user verification.
    pub user_verification: UserVerification,
    /// What it demands of discoverability.
    pub resident_key: ResidentKey,
    /// What it demands of attestation.
    pub attestation: AttestationConveyance,
    /// COSE algorithms offered; registration only.
    pub algorithms: Vec<i32>,
    /// Excluded or allowed credential ids.
    pub credentials: Vec<Vec<u8>>,
    /// Identifiers of the extensions asked for.
    pub extensions: Vec<String>,
}

// === impl Ceremony ===

/// Leaves out the id and the challenge, which are secrets until they are used.
impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremony")
            .field("rp_id", &self.rp_id)
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at)
            .field("user_verification", &self.user_verification)
            .finish_non_exhaustive()
    }
}
