use auth_service::{
    host::{Code, StoreError},
    http::{BODY_LIMIT, Body, Method},
    problem::{CODES, describe},
};
use serde_json::json;

use super::kit::*;

#[test]
fn every_code_has_its_status() {
    let table = [
        ("malformed", 400),
        ("too-large", 413),
        ("not-permitted", 403),
        ("not-found", 404),
        ("ceremony-expired", 410),
        ("ceremony-used", 409),
        ("origin-mismatch", 422),
        ("rp-id-mismatch", 422),
        ("challenge-mismatch", 422),
        ("user-presence-missing", 422),
        ("user-verification-missing", 422),
        ("signature-invalid", 422),
        ("counter-regressed", 422),
        ("credential-unknown", 422),
        ("credential-suspended", 403),
        ("credential-exists", 409),
        ("user-handle-mismatch", 422),
        ("algorithm-not-allowed", 422),
        ("attestation-invalid", 422),
        ("attestation-untrusted", 422),
        ("rate-limited", 429),
        ("busy", 503),
    ];
    assert_eq!(CODES.len(), table.len());
    for (code, (name, status)) in CODES.into_iter().zip(table) {
        assert_eq!(describe(code).0, name);
        let memory = Memory::new();
        *memory.rejection.borrow_mut() = Some(rejection(code));
        let response = memory.post("/v1/authentications", &json!({}));
        assert_refused(&response, status, name, "from the link");
        let retry = matches!(code, Code::RateLimited | Code::Busy).then_some("1");
        assert_eq!(header(&response, "retry-after"), retry);
        assert_eq!(header(&response, "allow"), None);
    }
}

#[test]
fn every_store_error_has_its_code() {
    for (error, status, code) in [
        (StoreError::NotPermitted, 403, "not-permitted"),
        (StoreError::NotFound, 404, "not-found"),
        (StoreError::Exists, 409, "credential-exists"),
        (StoreError::Expired, 410, "ceremony-expired"),
        (StoreError::Used, 409, "ceremony-used"),
        (StoreError::Conflict, 503, "busy"),
        (StoreError::Malformed, 400, "malformed"),
        (StoreError::Busy, 503, "busy"),
    ] {
        let memory = Memory::with_ada();
        memory.fail_store("accounts.find-by-id", error);
        let response = memory.get(&format!("/v1/users/{USER}/passkeys"));
        assert_refused(&response, status, code, "");
    }
}

#[test]
fn unknown_paths_are_not_found() {
    let memory = Memory::new();
    for target in [
        "",
        "/",
        "/v1",
        "/v1/registrations/",
        "/v1/registrations/a/b",
        "/v1//registrations",
        "/V1/registrations",
        "/v1/users//passkeys",
        "/openapi.json/",
        "//openapi.json",
        "?rpId=x",
    ] {
        assert_refused(&memory.get(target), 404, "not-found", "path");
    }
}

#[test]
fn another_method_on_a_known_path_is_named() {
    let memory = Memory::new();
    for (method, target, allow) in [
        (Method::Get, "/v1/registrations", "POST"),
        (Method::Delete, "/v1/authentications/ceremony-2", "POST"),
        (Method::Post, "/openapi.json", "GET"),
        (Method::Other, "/.well-known/jwks.json", "GET"),
        (Method::Get, "/v1/users/a/passkeys/b", "PATCH, DELETE"),
    ] {
        let response = memory.send(&request(method, target, "application/json", b"{}"));
        assert_refused(&response, 405, "malformed", allow);
        assert_eq!(header(&response, "allow"), Some(allow));
    }
}

#[test]
fn another_content_type_is_refused() {
    let memory = Memory::new();
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/jsonp"),
        Some(";"),
    ] {
        let mut request = request(Method::Post, "/v1/authentications", "", b"{}");
        request.content_type = content_type.map(str::to_owned);
        assert_refused(&memory.send(&request), 415, "malformed", "application/json");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let request = request(Method::Post, "/v1/authentications", content_type, b"{}");
        assert_eq!(memory.send(&request).status, 201);
    }
}

#[test]
fn bodies_that_are_not_json_are_malformed() {
    let memory = Memory::new();
    let deep = "[".repeat(BODY_LIMIT);
    for body in [
        "",
        "{",
        "{}{}",
        "{'a':1}",
        "{\"a\":1,}",
        "\u{feff}{}",
        "NaN",
        &deep,
    ] {
        let request = request(
            Method::Post,
            "/v1/authentications",
            "application/json",
            body.as_bytes(),
        );
        assert_refused(&memory.send(&request), 400, "malformed", "body: not JSON");
    }
    let request = request(
        Method::Post,
        "/v1/authentications",
        "application/json",
        b"{\"\xff\":1}",
    );
    assert_refused(&memory.send(&request), 400, "malformed", "body: not JSON");
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    let memory = Memory::new();
    let padded = |length: usize| {
        let mut body = b"{}".to_vec();
        body.resize(length, b' ');
        request(
            Method::Post,
            "/v1/authentications",
            "application/json",
            &body,
        )
    };
    assert_eq!(memory.send(&padded(BODY_LIMIT)).status, 201);
    assert_refused(
        &memory.send(&padded(BODY_LIMIT + 1)),
        413,
        "too-large",
        "65536 bytes",
    );
    let mut cut = padded(2);
    cut.body = Body::TooLarge;
    assert_refused(&memory.send(&cut), 413, "too-large", "65536 bytes");
}

#[test]
fn a_body_that_broke_off_is_malformed() {
    let mut cut = request(Method::Post, "/v1/authentications", "application/json", b"");
    cut.body = Body::Incomplete;
    assert_refused(&Memory::new().send(&cut), 400, "malformed", "broke off");
}

#[test]
fn refusals_never_repeat_what_was_sent() {
    let memory = Memory::with_ada();
    let secret = "c2VjcmV0LWNoYWxsZW5nZQ==";
    let mut body = json!({"credential": super::fields::authentication_response()});
    body["credential"]["response"]["signature"] = json!(secret);
    let response = memory.post("/v1/authentications/ceremony-2", &body);
    assert_refused(&response, 400, "malformed", "credential.response.signature");
    assert!(!String::from_utf8(response.body).unwrap().contains(secret));
    let response = memory.form(
        "/v1/sessions/revoke",
        &format!("token={secret}&token={secret}"),
    );
    assert!(!String::from_utf8(response.body).unwrap().contains(secret));
}
