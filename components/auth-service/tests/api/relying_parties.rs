use auth_service::response::Response;
use serde_json::json;

use super::kit::*;

const OTHER: &str = "other.example.com";

fn serving(ids: &[&str]) -> Memory {
    let memory = Memory::with_ada();
    memory.identity.borrow_mut().relying_parties = ids.iter().map(|id| party(id)).collect();
    memory
}

/// A request of each kind, with this relying party in body or query.
fn requests(memory: &Memory, rp_id: Option<&str>) -> Vec<Response> {
    let body = |mut body: serde_json::Value| {
        if let Some(rp_id) = rp_id {
            body["rpId"] = json!(rp_id);
        }
        body
    };
    let query = rp_id
        .map(|id| format!("?a=b&rpId={id}"))
        .unwrap_or_default();
    let user = format!("/v1/users/{USER}/passkeys");
    let registration = super::fields::registration_response();
    let authentication = super::fields::authentication_response();
    vec![
        memory.post(
            "/v1/registrations",
            &body(json!({"user": {"name": "eve", "displayName": "Eve"}})),
        ),
        memory.post(
            "/v1/registrations/ceremony-1",
            &body(json!({"credential": registration})),
        ),
        memory.post("/v1/authentications", &body(json!({}))),
        memory.post(
            "/v1/authentications/ceremony-2",
            &body(json!({"credential": authentication})),
        ),
        memory.get(&format!("{user}{query}")),
        memory.patch(&format!("{user}/AQID-g{query}"), &json!({"label": "x"})),
        memory.delete(&format!("{user}/AQID-g{query}")),
        memory.get(&format!("/.well-known/webauthn{query}")),
        memory.get(&format!("/.well-known/passkey-endpoints{query}")),
    ]
}

#[test]
fn the_only_relying_party_needs_no_name() {
    for response in requests(&serving(&[RP]), None) {
        assert!(
            matches!(response.status, 200 | 201 | 204),
            "{}",
            response.status
        );
    }
}

#[test]
fn rp_id_chooses_among_several() {
    for response in requests(&serving(&[OTHER, RP]), Some(RP)) {
        assert!(
            matches!(response.status, 200 | 201 | 204),
            "{}",
            response.status
        );
    }
    let memory = serving(&[RP, OTHER]);
    memory.post("/v1/authentications", &json!({"rpId": OTHER}));
    assert!(memory.called(&format!("authentication.begin {OTHER} Subject::Anyone")));
}

#[test]
fn several_without_rp_id_are_malformed() {
    let memory = serving(&[RP, OTHER]);
    for response in requests(&memory, None) {
        assert_refused(&response, 400, "malformed", "rpId: missing");
    }
    assert!(memory.calls.borrow().is_empty());
}

#[test]
fn another_relying_party_is_not_permitted() {
    let memory = serving(&[RP]);
    for response in requests(&memory, Some(OTHER)) {
        assert_refused(&response, 403, "not-permitted", "rpId");
    }
    assert!(memory.calls.borrow().is_empty());
}

#[test]
fn a_workload_without_relying_party_is_not_permitted() {
    for rp_id in [None, Some(RP)] {
        let memory = serving(&[]);
        for response in requests(&memory, rp_id) {
            assert_refused(&response, 403, "not-permitted", "rpId");
        }
        assert!(memory.calls.borrow().is_empty());
    }
}
