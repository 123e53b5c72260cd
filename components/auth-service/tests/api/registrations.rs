use auth_service::host::{AccountStatus, Code, StoreError};
use serde_json::{Value, json};

use super::{fields::registration_response, kit::*};

fn ada() -> Value {
    json!({"user": {"name": "ada", "displayName": "Ada L."}})
}

fn ada_with_id(id: &str) -> Value {
    json!({"user": {"name": "ada", "displayName": "Ada L.", "id": id}})
}

#[test]
fn begin_answers_with_creation_options() {
    let memory = Memory::new();
    let response = memory.post(
        "/v1/registrations",
        &json!({
            "user": {"name": "ada", "displayName": "Ada L.", "id": USER},
            "rpId": RP,
            "userVerification": "required",
            "attestation": "direct",
            "residentKey": "preferred",
            "hints": ["client-device", "brand-new"],
        }),
    );
    assert_eq!(response.status, 201);
    assert_eq!(
        header(&response, "location"),
        Some("/v1/registrations/ceremony-1")
    );
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(
        json(&response),
        json!({
            "ceremony": "ceremony-1",
            "expiresAt": "2023-11-14T22:18:20.123Z",
            "publicKey": {
                "rp": {"id": RP, "name": "Example"},
                "user": {"id": "AZHTsnpOfFifO18fDC1Oag", "name": "ada", "displayName": "Ada L."},
                "challenge": "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
                "pubKeyCredParams": [
                    {"type": "public-key", "alg": -7},
                    {"type": "public-key", "alg": -8},
                ],
                "timeout": 300_000,
                "excludeCredentials": [
                    {"type": "public-key", "id": "AQID-g", "transports": ["usb"]},
                ],
                "authenticatorSelection": {
                    "residentKey": "preferred",
                    "requireResidentKey": false,
                    "userVerification": "required",
                },
                "attestation": "direct",
                "hints": ["client-device", "brand-new"],
                "extensions": {"credProps": true},
            },
        })
    );
}

#[test]
fn a_required_resident_key_is_also_said_in_the_old_way() {
    let body = json(&Memory::new().post("/v1/registrations", &ada()));
    let selection = &body["publicKey"]["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
}

#[test]
fn taken_and_free_names_begin_alike() {
    let free = Memory::new().post("/v1/registrations", &ada());
    let taken_host = Memory::with_ada();
    let taken = taken_host.post("/v1/registrations", &ada());
    assert_eq!(free.status, taken.status);
    assert_eq!(free.body.len(), taken.body.len());
    let keys = |body: &Value| {
        body["publicKey"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&json(&free)), keys(&json(&taken)));
    assert!(taken_host.called(&format!("accounts.create {RP} None ada")));
}

#[test]
fn an_id_without_account_makes_one_with_that_id() {
    let memory = Memory::new();
    // Upper case is another spelling of the same id.
    assert_eq!(
        memory
            .post("/v1/registrations", &ada_with_id(&USER.to_uppercase()))
            .status,
        201
    );
    assert!(memory.called(&format!("accounts.create {RP} Some(\"{USER}\") ada")));
    assert!(memory.called(&format!("registration.begin {RP} {USER}")));
}

#[test]
fn an_id_with_account_adds_a_passkey_to_it() {
    let memory = Memory::with_ada();
    assert_eq!(
        memory.post("/v1/registrations", &ada_with_id(USER)).status,
        201
    );
    assert!(memory.called(&format!("registration.begin {RP} {USER}")));
    assert_eq!(memory.accounts.borrow().len(), 1);
}

#[test]
fn an_id_whose_account_has_another_name_is_refused() {
    for status in [AccountStatus::Active, AccountStatus::Pending] {
        let memory = Memory::new();
        memory.accounts.borrow_mut().push(account(status));
        let body = json!({"user": {"name": "eve", "displayName": "Eve", "id": USER}});
        let response = memory.post("/v1/registrations", &body);
        assert_refused(&response, 403, "not-permitted", "user.name");
        assert!(!memory.called(&format!("registration.begin {RP} {USER}")));
    }
}

#[test]
fn finish_activates_the_account_and_answers_with_passkey_and_user() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Pending));
    let response = memory.post(
        "/v1/registrations/ceremony-1",
        &json!({"credential": registration_response(), "label": "Blue key", "rpId": RP}),
    );
    assert_eq!(response.status, 201);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(
        json(&response),
        json!({
            "passkey": {
                "id": "AQID-g",
                "userId": USER,
                "label": "Blue key",
                "status": "active",
                "createdAt": "2023-11-14T22:13:20.123Z",
                "lastUsedAt": null,
                "algorithm": -7,
                "aaguid": "00010203-0405-0607-0809-0a0b0c0d0e0f",
                "transports": ["internal", "hybrid"],
                "backupEligible": true,
                "backupState": false,
                "signCount": 5,
            },
            "user": {"id": USER, "name": "ada", "displayName": "Ada L."},
        })
    );
    assert!(memory.called(&format!(
        "registration.finish {RP} ceremony-1 Some(\"Blue key\")"
    )));
    assert_eq!(memory.accounts.borrow()[0].status, AccountStatus::Active);
    let sent = memory.registration.borrow().clone().unwrap();
    assert_eq!(sent.id, "AQID-g");
    assert_eq!(sent.raw_id, CREDENTIAL);
    assert_eq!(sent.client_data_json, b"{}");
    assert_eq!(sent.attestation_object, [0xa0]);
    assert_eq!(sent.transports, ["internal", "teleport"]);
    assert_eq!(
        sent.client_extension_results,
        r#"{"credProps":{"rk":true}}"#
    );
}

#[test]
fn finish_without_label_leaves_naming_to_the_link() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Pending));
    let body = json!({"credential": registration_response()});
    assert_eq!(
        memory.post("/v1/registrations/ceremony-1", &body).status,
        201
    );
    assert!(memory.called(&format!("registration.finish {RP} ceremony-1 None")));
}

#[test]
fn name_taken_at_finish_revokes_the_new_passkey() {
    let memory = Memory::with_ada();
    memory.passkeys.borrow_mut().clear();
    memory.post("/v1/registrations", &ada());
    let newcomer = memory.accounts.borrow().last().unwrap().id.clone();
    let body = json!({"credential": registration_response()});
    let response = memory.post("/v1/registrations/ceremony-1", &body);
    assert_refused(
        &response,
        403,
        "not-permitted",
        "the name belongs to another account",
    );
    assert!(memory.called(&format!(
        "lifecycle.withdraw {RP} {newcomer} {CREDENTIAL:?}"
    )));
    assert!(memory.passkeys.borrow().is_empty());
}

#[test]
fn account_gone_at_finish_revokes_the_new_passkey() {
    let memory = Memory::with_ada();
    memory.passkeys.borrow_mut().clear();
    memory.fail_store("accounts.activate", StoreError::NotFound);
    let body = json!({"credential": registration_response()});
    let response = memory.post("/v1/registrations/ceremony-1", &body);
    assert_refused(&response, 404, "not-found", "account");
    assert!(memory.passkeys.borrow().is_empty());
}

#[test]
fn busy_store_at_finish_keeps_the_passkey() {
    let memory = Memory::with_ada();
    memory.passkeys.borrow_mut().clear();
    memory.fail_store("accounts.activate", StoreError::Busy);
    let body = json!({"credential": registration_response()});
    let response = memory.post("/v1/registrations/ceremony-1", &body);
    assert_refused(&response, 503, "busy", "");
    assert_eq!(memory.passkeys.borrow().len(), 1);
}

#[test]
fn rejected_finish_activates_nothing() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Pending));
    *memory.rejection.borrow_mut() = Some(rejection(Code::SignatureInvalid));
    let body = json!({"credential": registration_response()});
    let response = memory.post("/v1/registrations/ceremony-1", &body);
    assert_refused(&response, 422, "signature-invalid", "from the link");
    assert_eq!(memory.accounts.borrow()[0].status, AccountStatus::Pending);
}

#[test]
fn impossible_ceremony_ids_are_not_found() {
    let memory = Memory::new();
    let body = json!({"credential": registration_response()});
    for id in ["a%20b".to_owned(), "a.b".to_owned(), "a".repeat(129)] {
        let response = memory.post(&format!("/v1/registrations/{id}"), &body);
        assert_refused(&response, 404, "not-found", "ceremony");
    }
    assert!(memory.calls.borrow().is_empty());
}
