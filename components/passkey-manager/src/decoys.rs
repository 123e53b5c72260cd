//! Answers about names without passkeys, made to look like answers about others
//! (WebAuthn L3 sections 14.6.2 and 14.6.3).
//!
//! A decoy is a credential id that exists nowhere. It follows from the name and the
//! form of decoys under a key that nobody outside has, so asking twice gives the same
//! id, in the form (length and transports) that the relying party's profile names, or
//! its oldest credential has. Should the form change, the decoys are others, as if the
//! people had other passkeys: an old one cut or made longer would give itself away. The ceremony is
//! pinned to a user id that follows from the decoy and belongs to nobody, so
//! nothing can fulfil it; and whoever answers it with an assertion is told what a
//! wrong signature is told, or a wrong user handle, since nobody's handle is right.
//!
//! The last bytes of a decoy are a tag under the same key. By it a registration knows
//! that an id is a decoy, and refuses it as it refuses one that is taken.
//!
//! What a stranger can still tell: a list of two ids or more is no decoy, and neither is
//! an id of another form than the usual one.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::bindings::credentials::{Credential, Status};
use crate::bindings::relying_party::CredentialForm;
use crate::bindings::{Descriptor, relying_party};
use crate::cose;
use crate::host::Host;

/// The purpose of the pseudonym that decoys grow from.
const PURPOSE: &str = "decoy-credential";

/// Where a relying party has no credentials yet: what platform passkeys look like.
const USUAL_LENGTH: u32 = 32;
const USUAL_TRANSPORTS: [&str; 2] = ["hybrid", "internal"];

/// Bounds on the length, whatever the oldest credential has.
const MIN_LENGTH: u32 = 16;
const MAX_LENGTH: u32 = 1023;

/// Bytes of the tag at a decoy's end: no authenticator hits one by chance, and as many
/// are left for the name in the shortest decoy.
const TAG_LENGTH: usize = 8;

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

/// A relying party's key for decoys. It comes from the host, in one question for
/// everything that is done with it.
pub struct Key([u8; 32]);

// === impl Key ===

impl Key {
    /// The key of a relying party.
    ///
    /// # Errors
    /// Those of the host.
    pub fn of(host: &impl Host, rp_id: &str) -> Result<Self, relying_party::Error> {
        let pseudonym = host.pseudonym(rp_id, PURPOSE, "")?;
        Ok(Key(Sha256::digest(&pseudonym).into()))
    }

    /// The decoy of a name in this form, or in that of platform passkeys.
    pub fn decoy(&self, name: &str, form: Option<CredentialForm>) -> Descriptor {
        let (length, transports) = match form {
            Some(form) => (form.id_length, form.transports),
            None => (USUAL_LENGTH, USUAL_TRANSPORTS.map(str::to_owned).to_vec()),
        };
        let length = length.clamp(MIN_LENGTH, MAX_LENGTH);
        let seed = self.seed(name, length, &transports);
        let length = length as usize;
        let mut id = Vec::with_capacity(length + 32);
        let mut block: u32 = 0;
        while id.len() < length - TAG_LENGTH {
            let digest = Sha256::new()
                .chain_update(seed)
                .chain_update(block.to_be_bytes())
                .finalize();
            id.extend_from_slice(&digest);
            block += 1;
        }
        id.truncate(length - TAG_LENGTH);
        let tag = self.tag(&id);
        id.extend_from_slice(&tag);
        Descriptor { id, transports }
    }

    /// Whether a credential id is the decoy of some name.
    pub fn is_decoy(&self, credential_id: &[u8]) -> bool {
        credential_id.len() >= MIN_LENGTH as usize
            && credential_id
                .split_last_chunk::<TAG_LENGTH>()
                .is_some_and(|(body, tag)| self.tag(body) == *tag)
    }

    /// No two different arguments are hashed as the same bytes: what comes before the
    /// name tells its own length.
    fn seed(&self, name: &str, length: u32, transports: &[String]) -> [u8; 32] {
        let mut input = length.to_be_bytes().to_vec();
        for transport in transports {
            input.extend_from_slice(transport.as_bytes());
            input.push(b',');
        }
        input.push(0);
        input.extend_from_slice(name.as_bytes());
        self.derive(b"seed", &input)
    }

    fn tag(&self, body: &[u8]) -> [u8; TAG_LENGTH] {
        let mut tag = [0; TAG_LENGTH];
        for (byte, hashed) in tag.iter_mut().zip(self.derive(b"tag ", body)) {
            *byte = hashed;
        }
        tag
    }

    /// A hash under the key, cut short or hashed again before anybody sees it.
    fn derive(&self, purpose: &[u8; 4], input: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.0)
            .chain_update(purpose)
            .chain_update(input)
            .finalize()
            .into()
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

/// Whether this credential id is the decoy that the pinned user follows from. Enough for
/// a ceremony that was begun here: what it is pinned to, nobody else chooses.
pub fn is_pinned(credential_id: &[u8], pinned_user_id: &str) -> bool {
    user_id(credential_id) == pinned_user_id
}

/// A credential to check an assertion against in place of one that does not exist.
/// Its private key is public knowledge: whatever the check says, the answer must
/// be a refusal.
pub fn stand_in(rp_id: &str, decoy: &[u8]) -> Credential {
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
        backup_eligible: false,
        backup_state: false,
        user_verified: false,
        discoverable: None,
        attestation_format: "none".to_owned(),
        suspended_at: None,
        clone_alarm_at: None,
    }
}
