//! Answers about names without passkeys, made to look like answers about others
//! (WebAuthn L3 sections 14.6.2 and 14.6.3).
//!
//! A decoy is a credential id that exists nowhere. It follows from the name under
//! a key that stays in the host, so asking twice gives the same id, and it has the
//! length and transports that are usual at the relying party. The ceremony is
//! pinned to a user id that follows from the decoy and belongs to nobody, so
//! nothing can fulfil it; and whoever answers it with an assertion is told what a
//! wrong signature is told.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::bindings::credentials::{Credential, Status};
use crate::bindings::{Descriptor, Typical, relying_party};
use crate::cose;
use crate::host::Host;

/// The purpose of the pseudonym that decoys grow from.
pub const PURPOSE: &str = "decoy-credential";

/// Where a relying party has no credentials yet: what platform passkeys look like.
const USUAL_LENGTH: u32 = 32;
const USUAL_TRANSPORTS: [&str; 2] = ["hybrid", "internal"];

/// Bounds on the length, whatever the store says is typical.
const MIN_LENGTH: u32 = 16;
const MAX_LENGTH: u32 = 1023;

/// The base point of P-256 as a COSE key: a valid key for a stand-in, so that the
/// host does the work of a real verification.
const STAND_IN_KEY: [u8; 77] = [
    0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, //
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x22, 0x58, 0x20, //
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// What the host must be asked for to make a decoy.
pub struct Seed([u8; 32]);

// === impl Seed ===

impl Seed {
    /// The seed of a name (or of an account's id).
    ///
    /// # Errors
    /// Those of the host.
    pub fn of(host: &impl Host, rp_id: &str, name: &str) -> Result<Self, relying_party::Error> {
        let pseudonym = host.pseudonym(rp_id, PURPOSE, name)?;
        Ok(Seed(Sha256::digest(&pseudonym).into()))
    }

    /// The decoy of this seed in the relying party's usual form.
    pub fn descriptor(&self, typical: Typical) -> Descriptor {
        let (length, transports) = if typical.id_length == 0 {
            (USUAL_LENGTH, USUAL_TRANSPORTS.map(str::to_owned).to_vec())
        } else {
            (typical.id_length, typical.transports)
        };
        let length = length.clamp(MIN_LENGTH, MAX_LENGTH) as usize;
        let mut id = Vec::with_capacity(length + 32);
        let mut block: u32 = 0;
        while id.len() < length {
            let digest = Sha256::new()
                .chain_update(self.0)
                .chain_update(block.to_be_bytes())
                .finalize();
            id.extend_from_slice(&digest);
            block += 1;
        }
        id.truncate(length);
        Descriptor { id, transports }
    }
}

/// The user id that a decoy's ceremony is pinned to: a UUID of version 8 (RFC 9562
/// section 5.8) that follows from the decoy's id.
pub fn user_id(decoy: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"zeropass decoy user")
        .chain_update(decoy)
        .finalize()
        .into();
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(digest) {
        *byte = hashed;
    }
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Whether this credential id is the decoy that the pinned user follows from.
pub fn is_decoy(credential_id: &[u8], pinned_user_id: &str) -> bool {
    user_id(credential_id) == pinned_user_id
}

/// A credential to check an assertion against in place of one that does not exist.
/// Its private key is public knowledge: whatever the check says, the answer must
/// be a refusal.
pub fn stand_in(rp_id: &str, decoy: &[u8], backup_eligible: bool) -> Credential {
    Credential {
        rp_id: rp_id.to_owned(),
        user_id: user_id(decoy),
        id: decoy.to_vec(),
        label: String::new(),
        status: Status::Active,
        created_at: 0,
        last_used_at: None,
        public_key: STAND_IN_KEY.to_vec(),
        algorithm: cose::ES256,
        sign_count: 0,
        aaguid: Uuid::nil().as_bytes().to_vec(),
        transports: Vec::new(),
        backup_eligible,
        backup_state: false,
        user_verified: false,
        discoverable: None,
        attestation_format: "none".to_owned(),
        suspended_at: None,
        clone_alarm_at: None,
    }
}
