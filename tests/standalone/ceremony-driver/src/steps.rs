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
//! - A step whose values can't be used is none, and what is wrong with it stands in its
//!   place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::attestation_object::credential_id;
use crate::recording::{Authentication, Recording, Registration, Setting};
use crate::values::Wrong;

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
    pub registration: Result<RegistrationStep, Wrong>,
    /// The second step.
    pub authentication: Option<Result<AuthenticationStep, Wrong>>,
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
    ///
    /// # Errors
    /// [`Wrong`], where what both steps rest on can't be used.
    pub fn of(recording: &Recording) -> Result<(&Setting, Self), Wrong> {
        let setting = recording.setting.as_ref().map_err(Clone::clone)?;
        let policy = &setting.policy;
        let unknown = policy.unknown.iter();
        let mut notes: Vec<_> = unknown
            .map(|what| format!("{what} is not known and not applied"))
            .collect();
        let handle = match &recording.authentication {
            Some(Ok(step)) => step.user_handle.as_deref(),
            _ => None,
        };
        let named = handle.map(Uuid::from_slice);
        if let (Some(Err(_)), Some(handle)) = (&named, handle) {
            notes.push(format!(
                "userHandle has {} bytes and is translated to the 16 of a UUID",
                handle.len()
            ));
        }
        let user = named.and_then(Result::ok).unwrap_or(STAND_IN);
        // Nothing has this id, and an object without one is refused before it matters.
        let raw_id = match &recording.registration {
            Ok(step) => credential_id(&step.attestation_object),
            Err(_) => None,
        }
        .unwrap_or_else(|| vec![0]);
        let id = URL_SAFE_NO_PAD.encode(&raw_id);
        let registration = |step: &Registration| RegistrationStep {
            challenge: step.challenge.clone(),
            id: id.clone(),
            raw_id: raw_id.clone(),
            client_data_json: step.client_data_json.clone(),
            attestation_object: step.attestation_object.clone(),
        };
        let authentication = |step: &Authentication| AuthenticationStep {
            challenge: step.challenge.clone(),
            user_handle: handle.map(|_| user.as_bytes().to_vec()),
            id: id.clone(),
            raw_id: raw_id.clone(),
            client_data_json: step.client_data_json.clone(),
            authenticator_data: step.authenticator_data.clone(),
            signature: step.signature.clone(),
        };
        let algorithms = policy.algorithms.clone();
        let steps = Self {
            user,
            algorithms: algorithms.unwrap_or_else(|| ALGORITHMS.to_vec()),
            registration: of(&recording.registration, registration),
            authentication: recording
                .authentication
                .as_ref()
                .map(|step| of(step, authentication)),
            notes,
        };
        Ok((setting, steps))
    }
}

fn of<T, S>(read: &Result<T, Wrong>, step: impl FnOnce(&T) -> S) -> Result<S, Wrong> {
    read.as_ref().map(step).map_err(Clone::clone)
}
