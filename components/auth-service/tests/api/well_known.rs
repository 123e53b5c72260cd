use std::collections::BTreeSet;

use auth_service::{host::TokenError, openapi, problem, router::ROUTES};
use serde_json::{Value, json};

use super::kit::*;

fn openapi() -> Value {
    serde_json::from_str(openapi::DOCUMENT).expect("openapi.json is JSON")
}

#[test]
fn jwks_are_the_hosts_keys() {
    let memory = Memory::new();
    let response = memory.get("/.well-known/jwks.json");
    assert_eq!(
        (response.status, json(&response)),
        (200, json!({"keys": []}))
    );
    assert_eq!(header(&response, "cache-control"), Some("max-age=300"));
    assert_eq!(
        header(&response, "content-type"),
        Some("application/jwk-set+json")
    );
    memory.tokens_fail.set(Some(TokenError::Busy));
    assert_refused(&memory.get("/.well-known/jwks.json"), 503, "busy", "");
}

#[test]
fn related_origins_are_those_of_the_relying_party() {
    let response = Memory::new().get("/.well-known/webauthn");
    let origins = json!(["https://login.example.com", "https://other.example"]);
    assert_eq!(
        (response.status, json(&response)),
        (200, json!({"origins": origins}))
    );
    assert_eq!(header(&response, "cache-control"), Some("max-age=300"));
    assert_eq!(header(&response, "content-type"), Some("application/json"));
}

#[test]
fn passkey_endpoints_are_only_those_that_are_known() {
    let response = Memory::new().get("/.well-known/passkey-endpoints");
    let expected = json!({"enroll": "https://login.example.com/enroll"});
    assert_eq!((response.status, json(&response)), (200, expected));
    assert_eq!(header(&response, "cache-control"), Some("max-age=300"));
}

#[test]
fn the_api_describes_itself() {
    let response = Memory::new().get("/openapi.json");
    assert_eq!((response.status, json(&response)), (200, openapi()));
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("max-age=300"));
}

#[test]
fn the_description_has_exactly_the_routes() {
    let document = openapi();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
        {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let routes = ROUTES
        .iter()
        .map(|route| format!("{} {}", route.method.as_str(), route.path));
    assert_eq!(described, routes.collect());
}

#[test]
fn the_description_has_every_code() {
    let codes: Vec<_> = problem::CODES
        .iter()
        .map(|code| problem::describe(*code).0)
        .collect();
    assert_eq!(
        openapi()["components"]["schemas"]["Code"]["enum"],
        json!(codes)
    );
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => (),
        }
    }
    let document = openapi();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in &found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    // And no schema or response that nothing refers to.
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(
                found.contains(reference.as_str()),
                "{reference} is not used"
            );
        }
    }
}

/// Schemas against what the API really answers: the same fields, none missing.
#[test]
fn described_answers_have_the_fields_of_real_ones() {
    let document = openapi();
    let properties = |schema: &str| -> BTreeSet<String> {
        let properties = &document["components"]["schemas"][schema]["properties"];
        properties.as_object().unwrap().keys().cloned().collect()
    };
    let fields = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let memory = Memory::with_ada();
    memory.passkeys.borrow_mut()[0].provider = Some("Some manager".into());
    memory.passkeys.borrow_mut()[0].suspended_at = Some(NOW - 1);
    memory.passkeys.borrow_mut()[0].clone_alarm_at = Some(NOW);
    let list = json(&memory.get(&format!("/v1/users/{USER}/passkeys")));
    assert_eq!(fields(&list["passkeys"][0]), properties("Passkey"));
    let user = json!({"user": {"name": "eve", "displayName": "Eve"}});
    let creation = json(&memory.post("/v1/registrations", &user));
    assert_eq!(
        fields(&creation["publicKey"]),
        properties("PublicKeyCredentialCreationOptionsJSON")
    );
    let request = json(&memory.post("/v1/authentications", &json!({})));
    assert_eq!(
        fields(&request["publicKey"]),
        properties("PublicKeyCredentialRequestOptionsJSON")
    );
    let body = json!({"credential": super::fields::authentication_response()});
    let signed_in = json(&memory.post("/v1/authentications/ceremony-2", &body));
    assert_eq!(fields(&signed_in["session"]), properties("Session"));
    assert_eq!(fields(&signed_in["user"]), properties("User"));
    let introspected = json(&memory.form("/v1/sessions/introspect", "token=token-0"));
    assert_eq!(fields(&introspected), properties("Introspection"));
    let problem = json(&memory.get("/nowhere"));
    let mut every = fields(&problem);
    every.insert("signal".into());
    assert_eq!(every, properties("Problem"));
    let signals = json(&memory.get(&format!("/v1/users/{USER}/signals")));
    assert_eq!(fields(&signals), properties("Signals"));
}
