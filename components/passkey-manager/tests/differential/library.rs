//! webauthn-rs-core's verdict on the same response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use passkey_manager::base64url;
use passkey_manager::bindings::registration::Response;
use serde_json::json;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::RegistrationState;
use webauthn_rs_proto::{
    AuthenticatorAttestationResponseRaw, RegisterPublicKeyCredential,
    RegistrationExtensionsClientOutputs,
};

use crate::kit::{ORIGIN, RP};

/// The library's error by its name in the source, or that it panicked.
pub fn verdict(challenge: &[u8], response: &Response) -> Result<(), String> {
    static LIBRARY: OnceLock<WebauthnCore> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let origins = serde_json::from_value(json!([ORIGIN])).unwrap();
        WebauthnCore::new_unsafe_experts_only(RP, RP, origins, Duration::ZERO, None, None)
    });
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
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        library.register_credential(&credential, &state, None)
    }));
    match outcome {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{error:?}")),
        Err(_) => Err("panic".to_owned()),
    }
}
