//! webauthn-rs-core's verdict on the same responses.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use passkey_manager::base64url;
use passkey_manager::bindings::authentication;
use passkey_manager::bindings::registration::Response;
use serde_json::json;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticationState, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType,
    COSERSAKey, Credential, ECDSACurve, ParsedAttestation, RegisteredExtensions, RegistrationState,
    UserVerificationPolicy,
};
use webauthn_rs_proto::{
    AuthenticationExtensionsClientOutputs, AuthenticatorAssertionResponseRaw,
    AuthenticatorAttestationResponseRaw, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationExtensionsClientOutputs,
};

use crate::kit::{ORIGIN, RP, TestKey};

fn library() -> &'static WebauthnCore {
    static LIBRARY: OnceLock<WebauthnCore> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let origins = serde_json::from_value(json!([ORIGIN])).unwrap();
        WebauthnCore::new_unsafe_experts_only(RP, RP, origins, Duration::ZERO, None, None)
    })
}

/// The library's error by its name in the source, or that it panicked.
fn verdict<T>(run: impl FnOnce() -> Result<T, WebauthnError>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{error:?}")),
        Err(_) => Err("panic".to_owned()),
    }
}

/// The verdict on a registration.
pub fn registration(challenge: &[u8], response: &Response) -> Result<(), String> {
    // Its fields are private, but it is made to be stored.
    let state: RegistrationState = serde_json::from_value(json!({
        "policy": "preferred",
        "exclude_credentials": [],
        "challenge": base64url::encode(challenge),
        "credential_algorithms": ["ES256", "ES384", "ES521", "RS256"],
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    }))
    .unwrap();
    let credential = RegisterPublicKeyCredential {
        id: response.id.clone(),
        raw_id: response.raw_id.clone(),
        response: AuthenticatorAttestationResponseRaw {
            attestation_object: response.attestation_object.clone(),
            client_data_json: response.client_data_json.clone(),
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: RegistrationExtensionsClientOutputs::default(),
    };
    verdict(|| library().register_credential(&credential, &state, None))
}

/// The verdict on a sign-in with this key, which has this counter.
pub fn authentication(
    challenge: &[u8],
    key: &TestKey,
    id: &[u8],
    counter: u32,
    response: &authentication::Response,
) -> Result<(), String> {
    let (type_, cose) = match key.algorithm {
        -7 | -35 => {
            let (x, y) = key.point();
            let (type_, curve) = match key.algorithm {
                -7 => (COSEAlgorithm::ES256, ECDSACurve::SECP256R1),
                _ => (COSEAlgorithm::ES384, ECDSACurve::SECP384R1),
            };
            let (x, y) = (x.to_vec(), y.to_vec());
            (type_, COSEKeyType::EC_EC2(COSEEC2Key { curve, x, y }))
        }
        _ => {
            let (n, e) = key.numbers();
            let e = e.try_into().unwrap();
            (COSEAlgorithm::RS256, COSEKeyType::RSA(COSERSAKey { n, e }))
        }
    };
    let credential = Credential {
        cred_id: id.to_vec(),
        cred: COSEKey { type_, key: cose },
        counter,
        transports: None,
        // It would demand again what was given once.
        user_verified: false,
        backup_eligible: true,
        backup_state: false,
        registration_policy: UserVerificationPolicy::Preferred,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    };
    // Its fields are private, but it is made to be stored.
    let mut state: AuthenticationState = serde_json::from_value(json!({
        "credentials": [],
        "policy": "preferred",
        "challenge": base64url::encode(challenge),
        "appid": null,
        "allow_backup_eligible_upgrade": false,
    }))
    .unwrap();
    state.set_allowed_credentials(vec![credential]);
    let credential = PublicKeyCredential {
        id: response.id.clone(),
        raw_id: response.raw_id.clone(),
        response: AuthenticatorAssertionResponseRaw {
            authenticator_data: response.authenticator_data.clone(),
            client_data_json: response.client_data_json.clone(),
            signature: response.signature.clone(),
            user_handle: response.user_handle.clone(),
        },
        extensions: AuthenticationExtensionsClientOutputs::default(),
        type_: "public-key".to_owned(),
    };
    verdict(|| library().authenticate_credential(&credential, &state))
}
