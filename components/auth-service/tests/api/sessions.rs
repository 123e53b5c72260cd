use auth_service::{
    host::{AccountStatus, Code, Status, StoreError, TokenError},
    response::Response,
};
use serde_json::json;

use super::{fields::authentication_response, kit::*};

const INTROSPECT: &str = "/v1/sessions/introspect";
const REVOKE: &str = "/v1/sessions/revoke";

/// Somebody who has signed in, with `token-0`.
fn signed_in() -> Memory {
    let memory = Memory::with_ada();
    let body = json!({"credential": authentication_response()});
    assert_eq!(
        memory.post("/v1/authentications/ceremony-2", &body).status,
        200
    );
    memory
}

fn introspect(memory: &Memory) -> Response {
    memory.form(INTROSPECT, "token=token-0&token_type_hint=access_token")
}

#[track_caller]
fn assert_inactive(memory: &Memory) {
    let response = introspect(memory);
    assert_eq!(response.status, 200);
    assert_eq!(json(&response), json!({"active": false}));
}

#[test]
fn a_good_token_is_active_with_its_claims() {
    let memory = signed_in();
    let response = introspect(&memory);
    assert_eq!(response.status, 200);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(
        json(&response),
        json!({
            "active": true,
            "iss": "https://zeropass.example",
            "sub": USER,
            "aud": RP,
            "jti": "session-0",
            "iat": 1_700_000_000,
            "exp": 1_700_003_600,
            "auth_time": 1_700_000_000,
            "amr": ["pop", "user", "mfa"],
            "uv": true,
            "username": "ada",
            "client_id": "spiffe://example.com/shop",
            "token_type": "Bearer",
            "cnf": {"x5t#S256": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"},
        })
    );
}

#[test]
fn a_token_that_the_host_refuses_is_inactive() {
    let memory = signed_in();
    memory.tokens_fail.set(Some(TokenError::Invalid));
    assert_inactive(&memory);
}

#[test]
fn a_token_outlives_the_certificate_but_not_the_workload() {
    let memory = signed_in();
    memory.identity.borrow_mut().certificate_thumbprint = vec![8; 32];
    let renewed = json(&introspect(&memory));
    assert_eq!(renewed["active"], true);
    // That of the sign-in.
    let thumbprint = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    assert_eq!(renewed["cnf"]["x5t#S256"], thumbprint);
    memory.identity.borrow_mut().workload = "spiffe://example.com/thief".into();
    assert_inactive(&memory);
}

#[test]
fn a_token_of_another_relying_party_is_inactive() {
    let memory = signed_in();
    memory.identity.borrow_mut().relying_parties = vec![party("other.example.com")];
    assert_inactive(&memory);
}

#[test]
fn a_token_without_session_is_inactive() {
    let memory = signed_in();
    memory.sessions.borrow_mut().clear();
    assert_inactive(&memory);
}

#[test]
fn a_token_of_another_users_session_is_inactive() {
    let memory = signed_in();
    memory.sessions.borrow_mut()[0].user_id = "somebody".into();
    assert_inactive(&memory);
}

#[test]
fn a_revoked_session_is_inactive() {
    let memory = signed_in();
    memory.sessions.borrow_mut()[0].revoked_at = Some(NOW);
    assert_inactive(&memory);
}

#[test]
fn an_expired_session_is_inactive() {
    let memory = signed_in();
    memory.now.set(NOW + 3_600_000 - 1);
    assert_eq!(json(&introspect(&memory))["active"], true);
    memory.now.set(NOW + 3_600_000);
    assert_inactive(&memory);
}

#[test]
fn a_token_without_active_account_is_inactive() {
    let memory = signed_in();
    memory.accounts.borrow_mut()[0].status = AccountStatus::Pending;
    assert_inactive(&memory);
    memory.accounts.borrow_mut().clear();
    assert_inactive(&memory);
}

#[test]
fn a_suspended_or_revoked_passkey_makes_its_sessions_inactive() {
    let memory = signed_in();
    memory.passkeys.borrow_mut()[0].status = Status::Suspended;
    assert_inactive(&memory);
    memory.passkeys.borrow_mut()[0].status = Status::Active;
    assert_eq!(json(&introspect(&memory))["active"], true);
    memory.passkeys.borrow_mut().clear();
    assert_inactive(&memory);
}

#[test]
fn a_suspension_ends_the_sessions_before_it_for_good() {
    let memory = signed_in();
    memory.passkeys.borrow_mut()[0].suspended_at = Some(NOW);
    assert_inactive(&memory);
    // One that was over when the session began.
    memory.passkeys.borrow_mut()[0].suspended_at = Some(NOW - 1);
    assert_eq!(json(&introspect(&memory))["active"], true);
}

#[test]
fn introspection_notes_the_use_and_an_idle_session_is_inactive() {
    let memory = signed_in();
    assert_eq!(json(&introspect(&memory))["active"], true);
    assert!(memory.called(&format!("sessions.touch {RP} session-0")));
    memory.fail_store("sessions.touch", StoreError::Expired);
    assert_inactive(&memory);
}

#[test]
fn a_component_that_is_not_permitted_to_look_does_not_call_a_token_inactive() {
    for function in ["sessions.touch", "accounts.find-by-id"] {
        let memory = signed_in();
        memory.fail_store(function, StoreError::NotPermitted);
        assert_refused(&introspect(&memory), 503, "busy", "token");
    }
    let memory = signed_in();
    memory.tokens_fail.set(Some(TokenError::NotPermitted));
    assert_refused(&introspect(&memory), 503, "busy", "token");
    let memory = signed_in();
    *memory.rejection.borrow_mut() = Some(rejection(Code::NotPermitted));
    assert_refused(&introspect(&memory), 503, "busy", "token");
}

#[test]
fn busy_is_not_inactive() {
    for function in ["sessions.touch", "accounts.find-by-id"] {
        let memory = signed_in();
        memory.fail_store(function, StoreError::Busy);
        assert_refused(&introspect(&memory), 503, "busy", "");
    }
    let memory = signed_in();
    memory.tokens_fail.set(Some(TokenError::Busy));
    assert_refused(&introspect(&memory), 503, "busy", "");
    for (code, status, name) in [
        (Code::Busy, 503, "busy"),
        (Code::RateLimited, 429, "rate-limited"),
    ] {
        let memory = signed_in();
        *memory.rejection.borrow_mut() = Some(rejection(code));
        assert_refused(&introspect(&memory), status, name, "");
    }
}

#[test]
fn a_revoked_token_is_inactive_from_then_on() {
    let memory = signed_in();
    let response = memory.form(REVOKE, "token=token-0");
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert!(memory.called(&format!("sessions.revoke {RP} session-0")));
    assert_inactive(&memory);
    assert_eq!(memory.form(REVOKE, "token=token-0").status, 200);
}

#[test]
fn revoking_a_worthless_token_is_no_error() {
    let memory = signed_in();
    let response = memory.form(REVOKE, "token=nonsense");
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert!(memory.sessions.borrow()[0].revoked_at.is_none());
}

#[test]
fn another_relying_partys_token_is_not_revoked() {
    let memory = signed_in();
    memory.identity.borrow_mut().relying_parties = vec![party("other.example.com")];
    assert_eq!(memory.form(REVOKE, "token=token-0").status, 200);
    assert!(memory.sessions.borrow()[0].revoked_at.is_none());
}

#[test]
fn a_new_certificate_can_still_sign_out() {
    let memory = signed_in();
    memory.identity.borrow_mut().certificate_thumbprint = vec![8; 32];
    assert_eq!(memory.form(REVOKE, "token=token-0").status, 200);
    assert_eq!(memory.sessions.borrow()[0].revoked_at, Some(NOW));
}

#[test]
fn a_session_that_could_not_be_revoked_is_an_error() {
    for (error, status, code) in [
        (StoreError::Busy, 503, "busy"),
        (StoreError::NotPermitted, 403, "not-permitted"),
    ] {
        let memory = signed_in();
        memory.fail_store("sessions.revoke", error);
        assert_refused(&memory.form(REVOKE, "token=token-0"), status, code, "");
    }
}

#[test]
fn forms_need_one_token() {
    let memory = signed_in();
    for target in [INTROSPECT, REVOKE] {
        for (form, detail) in [
            ("", "token: missing"),
            ("Token=token-0", "token: missing"),
            ("token=", "token: empty"),
            ("token=token-0&token=token-0", "token: more than once"),
        ] {
            assert_refused(&memory.form(target, form), 400, "malformed", detail);
        }
        let response = memory.post(target, &json!({"token": "token-0"}));
        assert_refused(
            &response,
            415,
            "malformed",
            "application/x-www-form-urlencoded",
        );
    }
}
