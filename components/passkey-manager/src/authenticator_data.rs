//! Authenticator data (WebAuthn L3 section 6.1): parsed to the last byte.
//!
//! The flags must agree with what is there: attested credential data exactly when
//! AT is set, extensions exactly when ED is set, no reserved bit, and nothing left
//! over.

use sha2::{Digest as _, Sha256};

use crate::bindings::relying_party::UserVerification;
use crate::bindings::{Code, Rejection};
use crate::cbor::{self, Value};
use crate::rejection::{malformed, reject};

/// rpIdHash, flags and signCount.
const MIN_LENGTH: usize = 37;

/// The longest credential id (section 7.1 step 25).
pub const MAX_CREDENTIAL_ID_LENGTH: usize = 1023;

const UP: u8 = 1;
const UV: u8 = 1 << 2;
const BE: u8 = 1 << 3;
const BS: u8 = 1 << 4;
const AT: u8 = 1 << 6;
const ED: u8 = 1 << 7;
const RESERVED: u8 = !(UP | UV | BE | BS | AT | ED);

/// Authenticator data after its parse.
pub struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    user_present: bool,
    /// The authenticator verified the user.
    pub user_verified: bool,
    /// The passkey may be copied to other devices.
    pub backup_eligible: bool,
    /// The passkey is copied now.
    pub backup_state: bool,
    /// The signature counter.
    pub sign_count: u32,
    /// There exactly when AT is set.
    pub attested: Option<AttestedCredential<'a>>,
    /// There exactly when ED is set: a map by extension identifiers.
    pub extensions: Option<Value<'a>>,
}

/// Attested credential data (section 6.5.1).
pub struct AttestedCredential<'a> {
    /// 16 bytes.
    pub aaguid: &'a [u8],
    /// 1 to 1023 bytes.
    pub credential_id: &'a [u8],
    /// The COSE_Key, as it stands.
    pub public_key: &'a [u8],
}

// === impl AuthenticatorData ===

impl<'a> AuthenticatorData<'a> {
    /// Parse the structure.
    ///
    /// # Errors
    /// `malformed`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let too_short = || {
            malformed(format!(
                "authenticator data has {} bytes and ends inside its structure",
                bytes.len()
            ))
        };
        if bytes.len() < MIN_LENGTH {
            return Err(too_short());
        }
        let (rp_id_hash, rest) = bytes.split_at_checked(32).ok_or_else(too_short)?;
        let (&flags, rest) = rest.split_first().ok_or_else(too_short)?;
        let (&sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or_else(too_short)?;
        if flags & RESERVED != 0 {
            return Err(malformed(format!(
                "authenticator data sets reserved flags ({flags:#010b})"
            )));
        }

        let mut attested = None;
        if flags & AT != 0 {
            let (found, after) = AttestedCredential::parse(rest)?;
            attested = Some(found);
            rest = after;
        }
        let mut extensions = None;
        if flags & ED != 0 {
            let (found, after) = cbor::decode_prefix(rest)
                .map_err(|error| malformed(format!("authenticator extensions: {error}")))?;
            let named = found
                .as_map()
                .is_some_and(|map| map.iter().all(|(key, _)| matches!(key, Value::Text(_))));
            if !named {
                return Err(malformed("authenticator extensions are not a map by name"));
            }
            extensions = Some(found);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(malformed(format!(
                "authenticator data is followed by {} bytes",
                rest.len()
            )));
        }

        let data = AuthenticatorData {
            rp_id_hash,
            user_present: flags & UP != 0,
            user_verified: flags & UV != 0,
            backup_eligible: flags & BE != 0,
            backup_state: flags & BS != 0,
            sign_count: u32::from_be_bytes(sign_count),
            attested,
            extensions,
        };
        Ok(data)
    }

    /// Sections 7.1 steps 14 to 17, 7.2 steps 15 to 18: relying party, user
    /// presence where it is asked for, user verification, and backup flags that make sense.
    ///
    /// # Errors
    /// `rp-id-mismatch`, `user-presence-missing`, `user-verification-missing`,
    /// `malformed` for BS without BE.
    pub fn check(
        &self,
        rp_id: &str,
        user_presence: bool,
        user_verification: UserVerification,
    ) -> Result<(), Rejection> {
        // 7.1 step 14, 7.2 step 15.
        if self.rp_id_hash != Sha256::digest(rp_id.as_bytes()).as_slice() {
            return Err(reject(
                Code::RpIdMismatch,
                format!("the authenticator signed for another relying party than {rp_id:?}"),
            ));
        }
        // 7.1 step 15, 7.2 step 16.
        if user_presence && !self.user_present {
            return Err(reject(
                Code::UserPresenceMissing,
                "the authenticator did not see the user (flag UP)",
            ));
        }
        // 7.1 step 16, 7.2 step 17.
        if user_verification == UserVerification::Required && !self.user_verified {
            return Err(reject(
                Code::UserVerificationMissing,
                "the authenticator did not verify the user (flag UV), as this ceremony requires",
            ));
        }
        // 7.1 step 17, 7.2 step 18.
        if self.backup_state && !self.backup_eligible {
            return Err(malformed(
                "the passkey claims to be backed up (flag BS) but not to be able to (flag BE)",
            ));
        }
        Ok(())
    }
}

// === impl AttestedCredential ===

impl<'a> AttestedCredential<'a> {
    fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Rejection> {
        let too_short = || malformed("attested credential data ends inside its structure");
        let (aaguid, rest) = bytes.split_at_checked(16).ok_or_else(too_short)?;
        let (&length, rest) = rest.split_first_chunk::<2>().ok_or_else(too_short)?;
        let length = usize::from(u16::from_be_bytes(length));
        // 7.1 step 25.
        if !(1..=MAX_CREDENTIAL_ID_LENGTH).contains(&length) {
            return Err(malformed(format!(
                "the credential id has {length} bytes; 1 to {MAX_CREDENTIAL_ID_LENGTH} are allowed"
            )));
        }
        let (credential_id, rest) = rest.split_at_checked(length).ok_or_else(too_short)?;
        let (_, after) = cbor::decode_prefix(rest)
            .map_err(|error| malformed(format!("the credential public key: {error}")))?;
        let (public_key, _) = rest
            .split_at_checked(rest.len().saturating_sub(after.len()))
            .ok_or_else(too_short)?;
        Ok((
            AttestedCredential {
                aaguid,
                credential_id,
                public_key,
            },
            after,
        ))
    }
}
