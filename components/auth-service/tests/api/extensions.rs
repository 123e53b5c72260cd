//! Extensions on their way through.

use serde_json::{Value, json};

use super::{
    fields::{authentication_response, registration_response},
    kit::*,
};

/// A credential whose client says this of its extensions.
fn with_results(mut credential: Value, results: &Value) -> Value {
    credential["clientExtensionResults"] = results.clone();
    json!({"credential": credential})
}

#[test]
fn inputs_travel_as_they_are() {
    let memory = Memory::with_ada();
    let asked = json!({"prf": {"eval": {"first": "AAEC"}}});
    let body = json!({"extensions": asked});
    assert_eq!(memory.post("/v1/authentications", &body).status, 201);
    let user = json!({"name": "bob", "displayName": "Bob"});
    let body = json!({"user": user, "extensions": asked});
    assert_eq!(memory.post("/v1/registrations", &body).status, 201);
    let sent: Vec<Value> = memory
        .extensions
        .borrow()
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(sent, [asked.clone(), asked]);
    let body = json!({"extensions": ["prf"]});
    let refused = memory.post("/v1/authentications", &body);
    assert_refused(&refused, 400, "malformed", "extensions: not an object");
}

#[test]
fn secrets_of_prf_go_no_further() {
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYzE";
    let results = json!({
        "credProps": {"rk": true},
        "prf": {"enabled": true, "results": {"first": secret, "second": secret}},
    });
    let memory = Memory::with_ada();
    let body = with_results(authentication_response(), &results);
    let response = memory.post("/v1/authentications/ceremony-2", &body);
    assert_eq!(response.status, 200);
    let seen = memory.authentication.borrow().clone().unwrap();
    let seen: Value = serde_json::from_str(&seen.client_extension_results).unwrap();
    assert_eq!(
        seen,
        json!({"credProps": {"rk": true}, "prf": {"enabled": true}})
    );

    memory.post(
        "/v1/registrations",
        &json!({"user": {"name": "bob", "displayName": "Bob"}}),
    );
    let body = with_results(registration_response(), &results);
    let response = memory.post("/v1/registrations/ceremony-1", &body);
    assert_eq!(response.status, 201);
    let seen = memory.registration.borrow().clone().unwrap();
    assert!(!seen.client_extension_results.contains(secret));
}

#[test]
fn outputs_come_back_when_there_are_any() {
    let memory = Memory::with_ada();
    let body = json!({"credential": authentication_response()});
    let finish = || json(&memory.post("/v1/authentications/ceremony-2", &body));
    assert!(finish().get("extensions").is_none());
    *memory.outputs.borrow_mut() = r#"{"largeBlob":{"written":true}}"#.into();
    assert_eq!(
        finish()["extensions"],
        json!({"largeBlob": {"written": true}})
    );
}
