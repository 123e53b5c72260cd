use auth_service::host::{AccountStatus, Code, StoreError, TokenError};
use serde_json::{Value, json};

use super::{fields::authentication_response, kit::*};

fn finish(memory: &Memory) -> auth_service::response::Response {
    let body = json!({"credential": authentication_response()});
    memory.post("/v1/authentications/ceremony-2", &body)
}

#[test]
fn begin_answers_with_request_options() {
    let memory = Memory::with_ada();
    let response = memory.post(
        "/v1/authentications",
        &json!({
            "user": {"name": "ada"},
            "rpId": RP,
            "userVerification": "discouraged",
            "hints": ["hybrid", "brand-new"],
        }),
    );
    assert_eq!(response.status, 201);
    assert_eq!(
        header(&response, "location"),
        Some("/v1/authentications/ceremony-2")
    );
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(
        json(&response),
        json!({
            "ceremony": "ceremony-2",
            "expiresAt": "2023-11-14T22:18:20.123Z",
            "publicKey": {
                "challenge": "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
                "timeout": 300_000,
                "rpId": RP,
                "allowCredentials": [
                    {"type": "public-key", "id": "AQID-g", "transports": ["internal"]},
                ],
                "userVerification": "discouraged",
                "hints": ["hybrid", "brand-new"],
                "extensions": {},
            },
        })
    );
    assert!(memory.called(&format!(
        "authentication.begin {RP} {:?}",
        auth_service::host::Subject::Account(USER.into())
    )));
}

#[test]
fn without_user_the_sign_in_is_discoverable() {
    let memory = Memory::with_ada();
    let response = memory.post("/v1/authentications", &json!({}));
    assert_eq!(response.status, 201);
    assert_eq!(json(&response)["publicKey"]["allowCredentials"], json!([]));
}

#[test]
fn known_and_unknown_names_look_alike() {
    let memory = Memory::with_ada();
    // Shape, keys and lengths: every string by its length.
    fn shape(value: &Value) -> Value {
        match value {
            Value::String(text) => json!(text.len()),
            Value::Array(values) => values.iter().map(shape).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), shape(value)))
                .collect(),
            other => other.clone(),
        }
    }
    for (known, unknown) in [
        (json!({"name": "ada"}), json!({"name": "eve"})),
        (
            json!({"id": USER}),
            json!({"id": "0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6b"}),
        ),
    ] {
        let known = memory.post("/v1/authentications", &json!({"user": known}));
        let unknown = memory.post("/v1/authentications", &json!({"user": unknown}));
        assert_eq!(known.status, unknown.status);
        assert_eq!(known.body.len(), unknown.body.len());
        let names = |response: &auth_service::response::Response| {
            response
                .headers
                .iter()
                .map(|(name, value)| (*name, value.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&known), names(&unknown));
        assert_eq!(shape(&json(&known)), shape(&json(&unknown)));
    }
    let unknown = auth_service::host::Subject::UnknownName("eve".into());
    assert!(memory.called(&format!("authentication.begin {RP} {unknown:?}")));
}

#[test]
fn a_pending_name_is_an_unknown_name() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Pending));
    memory.post("/v1/authentications", &json!({"user": {"name": "ada"}}));
    let unknown = auth_service::host::Subject::UnknownName("ada".into());
    assert!(memory.called(&format!("authentication.begin {RP} {unknown:?}")));
}

#[test]
fn finish_opens_a_session() {
    let memory = Memory::with_ada();
    let response = finish(&memory);
    assert_eq!(response.status, 200);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let body = json(&response);
    assert_eq!(
        body["user"],
        json!({"id": USER, "name": "ada", "displayName": "Ada L."})
    );
    assert_eq!(body["passkey"]["id"], "AQID-g");
    assert_eq!(
        body["session"],
        json!({"token": "token-0", "expiresAt": "2023-11-14T23:13:20.123Z"})
    );
    let session = memory.sessions.borrow()[0].clone();
    assert_eq!(
        (session.user_id.as_str(), session.credential_id.as_slice()),
        (USER, CREDENTIAL)
    );
    assert!(session.user_verified);
    let claims = memory.tokens.borrow()[0].claims.clone();
    assert_eq!((claims.rp_id.as_str(), claims.user_id.as_str()), (RP, USER));
    assert_eq!(claims.session_id, "session-0");
    assert_eq!((claims.issued_at, claims.authenticated_at), (NOW, NOW));
    assert_eq!(claims.expires_at, NOW + 3_600_000);
    assert_eq!(claims.methods, ["pop", "user", "mfa"]);
    let sent = memory.authentication.borrow().clone().unwrap();
    assert_eq!(sent.id, "AQID-g");
    assert_eq!(sent.raw_id, CREDENTIAL);
    assert_eq!(sent.client_data_json, b"{}");
    assert_eq!(sent.authenticator_data, [1]);
    assert_eq!(sent.signature, [2]);
    assert_eq!(sent.user_handle, Some(vec![3]));
    assert_eq!(sent.client_extension_results, "{}");
}

#[test]
fn an_unverified_user_has_no_second_factor() {
    let memory = Memory::with_ada();
    memory.user_verified.set(false);
    assert_eq!(finish(&memory).status, 200);
    assert_eq!(memory.tokens.borrow()[0].claims.methods, ["pop", "user"]);
    assert!(!memory.sessions.borrow()[0].user_verified);
}

#[test]
fn a_user_handle_may_be_null_empty_or_absent() {
    let memory = Memory::with_ada();
    let mut body = json!({"credential": authentication_response()});
    for nothing in [Value::Null, json!("")] {
        body["credential"]["response"]["userHandle"] = nothing;
        assert_eq!(
            memory.post("/v1/authentications/ceremony-2", &body).status,
            200
        );
        assert_eq!(
            memory.authentication.borrow().clone().unwrap().user_handle,
            None
        );
    }
    body["credential"]["response"]
        .as_object_mut()
        .unwrap()
        .remove("userHandle");
    assert_eq!(
        memory.post("/v1/authentications/ceremony-2", &body).status,
        200
    );
}

#[test]
fn a_pending_account_is_healed_by_a_sign_in() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Pending));
    assert_eq!(finish(&memory).status, 200);
    assert_eq!(memory.accounts.borrow()[0].status, AccountStatus::Active);
}

#[test]
fn a_passkey_without_usable_account_is_unknown() {
    // No account at all.
    assert_refused(&finish(&Memory::new()), 422, "credential-unknown", "");
    // A pending one that lost its name, or is gone.
    for error in [StoreError::Exists, StoreError::NotFound] {
        let memory = Memory::new();
        memory
            .accounts
            .borrow_mut()
            .push(account(AccountStatus::Pending));
        memory.fail_store("accounts.activate", error);
        assert_refused(&finish(&memory), 422, "credential-unknown", "");
        assert!(memory.sessions.borrow().is_empty());
    }
}

#[test]
fn rejected_finish_opens_no_session() {
    let memory = Memory::with_ada();
    *memory.rejection.borrow_mut() = Some(rejection(Code::CredentialSuspended));
    assert_refused(
        &finish(&memory),
        403,
        "credential-suspended",
        "from the link",
    );
    assert!(memory.sessions.borrow().is_empty());
    assert!(memory.tokens.borrow().is_empty());
}

#[test]
fn store_and_signer_failures_keep_their_codes() {
    for (function, error, status, code) in [
        ("accounts.find-by-id", StoreError::Busy, 503, "busy"),
        (
            "accounts.find-by-id",
            StoreError::NotPermitted,
            403,
            "not-permitted",
        ),
        ("sessions.create", StoreError::Busy, 503, "busy"),
        ("sessions.create", StoreError::Conflict, 503, "busy"),
    ] {
        let memory = Memory::with_ada();
        memory.fail_store(function, error);
        assert_refused(&finish(&memory), status, code, "");
    }
    let memory = Memory::with_ada();
    memory.tokens_fail.set(Some(TokenError::Busy));
    assert_refused(&finish(&memory), 503, "busy", "");
}

#[test]
fn a_busy_store_at_begin_is_not_an_unknown_name() {
    let memory = Memory::with_ada();
    memory.fail_store("accounts.find-by-name", StoreError::Busy);
    let response = memory.post("/v1/authentications", &json!({"user": {"name": "ada"}}));
    assert_refused(&response, 503, "busy", "");
}
