//! A recording as what passkey-manager is asked: stored ceremonies and responses.
//!
//! What a recording leaves open is settled here:
//! - The account is the one that the user handle names, when that has the 16 bytes
//!   of a UUID, as all user handles of zeropass have. Any other handle belongs to
//!   another system; the account then is [`STAND_IN`], and the handle is translated
//!   to the one of that account.
//! - With a user handle the sign-in is discoverable, without one it is named: for
//!   that account, with the registered passkey as the only one allowed.
//! - The credential's id is the one in the attestation object.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::attestation_object::credential_id;
use crate::recording::{Policy, Recording};

/// The account where the recording names none.
const STAND_IN: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

/// Every COSE algorithm that WebAuthn has a use for (IANA COSE registry): ECDSA,
/// EdDSA, RSA with both paddings, ML-DSA.
const ALGORITHMS: [i32; 19] = [
    -7, -35, -36, -8, -257, -258, -259, -37, -38, -39, -9, -51, -52, -19, -53, -47, -48, -49, -50,
];

/// Both steps of a recording.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The account's id and user handle.
    pub user: Uuid,
    /// Accepted algorithms.
    pub algorithms: Vec<i32>,
    /// The first step.
    pub registration: RegistrationStep,
    /// The second step.
    pub authentication: Option<AuthenticationStep>,
    /// What was not taken from the recording as it stands, for people.
    pub notes: Vec<String>,
}

/// A registration that has begun, and the response that finishes it.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the standard documents each field")]
pub struct RegistrationStep {
    pub challenge: Vec<u8>,
    pub id: String,
    pub raw_id: Vec<u8>,
    pub client_data_json: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// A sign-in that has begun, and the response that finishes it.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the standard documents each field")]
pub struct AuthenticationStep {
    pub challenge: Vec<u8>,
    /// Without one the sign-in is named.
    pub user_handle: Option<Vec<u8>>,
    pub id: String,
    pub raw_id: Vec<u8>,
    pub client_data_json: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

// === impl Steps ===

impl Steps {
    /// The steps of a recording.
    pub fn of(recording: &Recording) -> Self {
        let mut notes = notes(&recording.policy);
        let handle = recording
            .authentication
            .as_ref()
            .and_then(|step| step.user_handle.as_ref());
        let named = handle.map(|handle| Uuid::from_slice(&handle.0));
        if let (Some(Err(_)), Some(handle)) = (&named, handle) {
            notes.push(format!(
                "userHandle has {} bytes and is translated to the 16 of a UUID",
                handle.0.len()
            ));
        }
        let user = named.and_then(Result::ok).unwrap_or(STAND_IN);
        // Nothing has this id, and an object without one is refused before it matters.
        let raw_id =
            credential_id(&recording.registration.attestation_object.0).unwrap_or_else(|| vec![0]);
        let id = URL_SAFE_NO_PAD.encode(&raw_id);
        Self {
            user,
            algorithms: recording
                .policy
                .algorithms
                .clone()
                .unwrap_or_else(|| ALGORITHMS.to_vec()),
            registration: RegistrationStep {
                challenge: recording.registration.challenge.0.clone(),
                id: id.clone(),
                raw_id: raw_id.clone(),
                client_data_json: recording.registration.client_data_json.0.clone(),
                attestation_object: recording.registration.attestation_object.0.clone(),
            },
            authentication: recording
                .authentication
                .as_ref()
                .map(|step| AuthenticationStep {
                    challenge: step.challenge.0.clone(),
                    user_handle: handle.map(|_| user.as_bytes().to_vec()),
                    id,
                    raw_id,
                    client_data_json: step.client_data_json.0.clone(),
                    authenticator_data: step.authenticator_data.0.clone(),
                    signature: step.signature.0.clone(),
                }),
            notes,
        }
    }
}

fn notes(policy: &Policy) -> Vec<String> {
    let mut notes = Vec::new();
    for name in policy.unknown.keys() {
        notes.push(format!("policy.{name} is not known and not applied"));
    }
    notes
}
