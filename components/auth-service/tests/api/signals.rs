//! The payloads of the Signal API (WebAuthn L3 section 5.1.10).

use auth_service::host::{Code, Rejection, Remedy};
use serde_json::json;

use super::{fields::authentication_response, kit::*};

#[test]
fn an_account_has_its_signals() {
    let memory = Memory::with_ada();
    let response = memory.get(&format!("/v1/users/{USER}/signals"));
    assert_eq!(response.status, 200);
    // The user handle is the 16 bytes of the account's id.
    let user_id = "AZHTsnpOfFifO18fDC1Oag";
    assert_eq!(
        json(&response),
        json!({
            "allAcceptedCredentials": {
                "rpId": RP,
                "userId": user_id,
                "allAcceptedCredentialIds": ["AQID-g"],
            },
            "currentUserDetails": {
                "rpId": RP,
                "userId": user_id,
                "name": "ada",
                "displayName": "Ada L.",
            },
        })
    );
    let nobody = memory.get("/v1/users/00000000-0000-4000-8000-000000000000/signals");
    assert_refused(&nobody, 404, "not-found", "");
}

#[test]
fn a_passkey_that_is_not_stored_is_signalled() {
    let memory = Memory::with_ada();
    let unknown = |remedy| Rejection {
        remedy,
        ..rejection(Code::CredentialUnknown)
    };
    let body = json!({"credential": authentication_response()});
    let finish = || memory.post("/v1/authentications/ceremony-2", &body);
    *memory.rejection.borrow_mut() = Some(unknown(Some(Remedy::SignalUnknownCredential)));
    let response = finish();
    assert_refused(&response, 422, "credential-unknown", "");
    assert_eq!(
        json(&response)["signal"],
        json!({"unknownCredential": {
            "rpId": RP,
            "credentialId": body["credential"]["rawId"],
        }})
    );
    // Somebody else's passkey is stored, and its provider must keep it.
    *memory.rejection.borrow_mut() = Some(unknown(None));
    assert!(json(&finish()).get("signal").is_none());
}

#[test]
fn a_remedy_of_time_is_retry_after() {
    let memory = Memory::with_ada();
    *memory.rejection.borrow_mut() = Some(Rejection {
        remedy: Some(Remedy::RetryAfter(1_742)),
        ..rejection(Code::RateLimited)
    });
    let body = json!({"credential": authentication_response()});
    let response = memory.post("/v1/authentications/ceremony-2", &body);
    assert_refused(&response, 429, "rate-limited", "");
    assert_eq!(header(&response, "retry-after"), Some("1742"));
}
