//! Passkeys.

use super::words::words;
use crate::clock::Timestamp;

words! {
    /// Whether a passkey may sign in.
    CredentialStatus {
        /// It may.
        Active = "active",
        /// Kept, but refused until it is resumed.
        Suspended = "suspended",
    }
}

/// A passkey: a public key and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// The account's id, a UUID.
    pub user_id: String,
    /// 1 to 1023 bytes, unique within the relying party.
    pub id: Vec<u8>,
    /// 1 to 64 characters.
    pub label: String,
    /// Whether it may sign in.
    pub status: CredentialStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
    /// COSE_Key in CBOR (RFC 9052 section 7).
    pub public_key: Vec<u8>,
    /// COSE algorithm identifier.
    pub algorithm: i32,
    /// The last signature counter seen.
    pub sign_count: u32,
    /// 16 bytes.
    pub aaguid: Vec<u8>,
    /// WebAuthn L3 section 5.8.4.
    pub transports: Vec<String>,
    /// The BE flag.
    pub backup_eligible: bool,
    /// The BS flag as last seen.
    pub backup_state: bool,
    /// Whether the user was verified at registration.
    pub user_verified: bool,
    /// What credProps said, if anything.
    pub discoverable: Option<bool>,
    /// WebAuthn L3 section 8.
    pub attestation_format: String,
    /// When it was last suspended; sessions that began until then are over.
    pub suspended_at: Option<Timestamp>,
    /// When its counter last gave an alarm.
    pub clone_alarm_at: Option<Timestamp>,
}

/// What may change in a credential, in one step. Nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialChange {
    /// 1 to 64 characters.
    pub label: Option<String>,
    /// Active ends a clone alarm.
    pub status: Option<CredentialStatus>,
    /// Whether a suspension must leave the account another active credential.
    pub keep_last: bool,
}

/// What an assertion changes in a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// The counter that the verification rested on.
    pub previous_sign_count: u32,
    /// The counter to keep.
    pub sign_count: u32,
    /// The BS flag that the verification read.
    pub previous_backup_state: bool,
    /// The BS flag of the assertion.
    pub backup_state: bool,
    /// The BE flag of the assertion.
    pub backup_eligible: bool,
    /// Whether the counter did not grow as it should.
    pub clone_alarm: bool,
    /// When.
    pub at: Timestamp,
}

/// What a credential looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialForm {
    /// Bytes.
    pub id_length: u32,
    /// WebAuthn L3 section 5.8.4.
    pub transports: Vec<String>,
}

// === impl CredentialUse ===

impl CredentialUse {
    /// What the audit record of this use says beyond its success.
    pub fn note(&self) -> Option<&'static str> {
        let backup = match (self.previous_backup_state, self.backup_state) {
            (false, true) => Some("backed-up"),
            (true, false) => Some("not-backed-up"),
            _ => None,
        };
        match (self.clone_alarm, backup) {
            (false, backup) => backup,
            (true, None) => Some("clone-alarm"),
            (true, Some("backed-up")) => Some("clone-alarm,backed-up"),
            (true, Some(_)) => Some("clone-alarm,not-backed-up"),
        }
    }
}
