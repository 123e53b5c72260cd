//! `fresh-sign-in`: who touches passkeys has just signed in.

use auth_service::{http::Method, response::Response};
use serde_json::json;

use super::{fields::authentication_response, kit::*};

const FRESH: u64 = 300_000;

/// Ada, signed in with `token-0`, at a relying party that wants fresh sign-ins.
fn scene() -> Memory {
    let memory = Memory::with_ada();
    memory.identity.borrow_mut().relying_parties[0].fresh_sign_in = Some(FRESH);
    let body = json!({"credential": authentication_response()});
    assert_eq!(
        memory.post("/v1/authentications/ceremony-2", &body).status,
        200
    );
    memory
}

/// Each of the requests that need a fresh sign-in, with a token or without.
fn requests(memory: &Memory, token: Option<&str>) -> [Response; 3] {
    let passkey = format!("/v1/users/{USER}/passkeys/AQID-g");
    let user = json!({"user": {"id": USER, "name": "ada", "displayName": "Ada"}});
    let json = "application/json";
    [
        request(
            Method::Post,
            "/v1/registrations",
            json,
            user.to_string().as_bytes(),
        ),
        request(Method::Patch, &passkey, json, br#"{"label":"Desk"}"#),
        request(Method::Delete, &passkey, json, b""),
    ]
    .map(|mut request| {
        request.session = token.map(str::to_owned);
        memory.send(&request)
    })
}

#[track_caller]
fn assert_all_refused(memory: &Memory, token: Option<&str>, detail: &str) {
    for response in requests(memory, token) {
        assert_refused(&response, 403, "not-permitted", detail);
        assert_refused(&response, 403, "not-permitted", "sign in again");
    }
    assert!(!memory.called(&format!("lifecycle.rename {RP} Desk")));
    assert_eq!(memory.passkeys.borrow().len(), 1);
}

#[test]
fn a_fresh_sign_in_may_add_change_and_remove() {
    let memory = scene();
    memory.now.set(NOW + FRESH);
    let statuses = requests(&memory, Some("token-0")).map(|response| response.status);
    assert_eq!(statuses, [201, 200, 204]);
}

#[test]
fn without_the_setting_the_backends_word_is_enough() {
    let memory = scene();
    memory.identity.borrow_mut().relying_parties[0].fresh_sign_in = None;
    let statuses = requests(&memory, None).map(|response| response.status);
    assert_eq!(statuses, [201, 200, 204]);
    assert!(!memory.called(&format!("sessions.touch {RP} session-0")));
}

#[test]
fn a_missing_stale_foreign_or_weak_sign_in_may_not() {
    assert_all_refused(&scene(), None, "zeropass-session: missing");
    assert_all_refused(&scene(), Some("token-7"), "not the token of a session");

    let stale = scene();
    stale.now.set(NOW + FRESH + 1);
    assert_all_refused(&stale, Some("token-0"), "too long ago");

    let foreign = scene();
    let bob = "0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6b";
    let mut account = foreign.accounts.borrow()[0].clone();
    account.id = bob.into();
    foreign.accounts.borrow_mut().push(account);
    let mut passkey = passkey();
    passkey.user_id = bob.into();
    foreign.passkeys.borrow_mut().push(passkey);
    foreign.tokens.borrow_mut()[0].claims.user_id = bob.into();
    foreign.sessions.borrow_mut()[0].user_id = bob.into();
    for response in requests(&foreign, Some("token-0")) {
        assert_refused(&response, 403, "not-permitted", "another account");
    }

    let weak = scene();
    weak.sessions.borrow_mut()[0].user_verified = false;
    assert_all_refused(&weak, Some("token-0"), "without user verification");

    let ended = scene();
    ended.sessions.borrow_mut()[0].revoked_at = Some(NOW);
    assert_all_refused(&ended, Some("token-0"), "not the token of a session");

    let stolen = scene();
    stolen.identity.borrow_mut().workload = "spiffe://example.com/thief".into();
    assert_all_refused(&stolen, Some("token-0"), "not the token of a session");
}

#[test]
fn an_account_without_passkeys_gets_one_without_a_sign_in() {
    let memory = scene();
    memory.passkeys.borrow_mut().clear();
    // Its sessions ended with its last passkey: such a token is as good as none.
    for (token, detail) in [(None, "missing"), (Some("no.token"), "not the token")] {
        let [added, changed, removed] = requests(&memory, token);
        assert_eq!(added.status, 201);
        for response in [changed, removed] {
            assert_refused(&response, 403, "not-permitted", detail);
        }
    }
}

#[test]
fn a_new_account_needs_no_sign_in() {
    let memory = scene();
    let user = json!({"user": {"name": "bob", "displayName": "Bob"}});
    assert_eq!(memory.post("/v1/registrations", &user).status, 201);
}
