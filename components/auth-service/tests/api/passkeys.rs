use auth_service::host::{AccountStatus, Code, Status};
use serde_json::json;

use super::kit::*;

const PASSKEY: &str = "/v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a/passkeys/AQID-g";
const PASSKEYS: &str = "/v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a/passkeys";

#[test]
fn list_shows_every_passkey() {
    let memory = Memory::with_ada();
    let mut other = passkey();
    other.id = vec![0; 16];
    other.provider = Some("Some manager".into());
    other.last_used_at = Some(NOW + 1);
    other.status = Status::Suspended;
    memory.passkeys.borrow_mut().push(other);
    let response = memory.get(PASSKEYS);
    assert_eq!(response.status, 200);
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let body = json(&response);
    assert_eq!(body["passkeys"].as_array().unwrap().len(), 2);
    assert_eq!(body["passkeys"][0]["lastUsedAt"], json!(null));
    assert!(body["passkeys"][0].get("provider").is_none());
    assert_eq!(body["passkeys"][1]["id"], "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(body["passkeys"][1]["provider"], "Some manager");
    assert_eq!(body["passkeys"][1]["status"], "suspended");
    assert_eq!(
        body["passkeys"][1]["lastUsedAt"],
        "2023-11-14T22:13:20.124Z"
    );
}

#[test]
fn an_account_without_passkeys_has_an_empty_list() {
    let memory = Memory::new();
    memory
        .accounts
        .borrow_mut()
        .push(account(AccountStatus::Active));
    assert_eq!(json(&memory.get(PASSKEYS)), json!({"passkeys": []}));
}

#[test]
fn an_unknown_user_is_not_found() {
    let memory = Memory::with_ada();
    for user in ["0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6b", "ada"] {
        let response = memory.get(&format!("/v1/users/{user}/passkeys"));
        assert_refused(&response, 404, "not-found", "");
    }
}

#[test]
fn rename_answers_with_the_passkey() {
    let memory = Memory::with_ada();
    let response = memory.patch(PASSKEY, &json!({"label": "Laptop"}));
    assert_eq!(response.status, 200);
    assert_eq!(json(&response)["passkey"]["label"], "Laptop");
    assert_eq!(json(&response)["passkey"]["status"], "active");
    assert_eq!(
        *memory.calls.borrow(),
        [format!("lifecycle.rename {RP} Laptop")]
    );
}

#[test]
fn suspend_and_resume_answer_with_the_passkey() {
    let memory = Memory::with_ada();
    let response = memory.patch(PASSKEY, &json!({"status": "suspended"}));
    assert_eq!(json(&response)["passkey"]["status"], "suspended");
    let response = memory.patch(PASSKEY, &json!({"status": "active"}));
    assert_eq!(json(&response)["passkey"]["status"], "active");
    let expected = [
        format!("lifecycle.suspend {RP}"),
        format!("lifecycle.resume {RP}"),
    ];
    assert_eq!(*memory.calls.borrow(), expected);
}

#[test]
fn label_and_status_change_together() {
    let memory = Memory::with_ada();
    let response = memory.patch(PASSKEY, &json!({"label": "Lost", "status": "suspended"}));
    assert_eq!(json(&response)["passkey"]["label"], "Lost");
    assert_eq!(json(&response)["passkey"]["status"], "suspended");
    assert_eq!(
        *memory.calls.borrow(),
        [format!(
            "lifecycle.change {RP} Some(\"Lost\") Some(Status::Suspended)"
        )]
    );
}

#[test]
fn revoke_removes_the_passkey() {
    let memory = Memory::with_ada();
    let response = memory.delete(PASSKEY);
    assert_eq!(response.status, 204);
    assert!(response.body.is_empty());
    assert!(memory.passkeys.borrow().is_empty());
    assert_refused(&memory.delete(PASSKEY), 404, "not-found", "");
}

#[test]
fn an_unknown_passkey_is_not_found() {
    let memory = Memory::with_ada();
    let none = "there is no such passkey";
    for (id, detail) in [
        ("AAAA", "from the link"),
        ("A", none),
        ("%2e", none),
        ("AQID-g==", none),
    ] {
        let target = format!("{PASSKEYS}/{id}");
        assert_refused(&memory.delete(&target), 404, "not-found", detail);
        let response = memory.patch(&target, &json!({"label": "Laptop"}));
        assert_refused(&response, 404, "not-found", detail);
    }
    assert_eq!(memory.passkeys.borrow().len(), 1);
}

#[test]
fn a_rejected_change_keeps_its_code() {
    let memory = Memory::with_ada();
    *memory.rejection.borrow_mut() = Some(rejection(Code::RateLimited));
    let response = memory.patch(PASSKEY, &json!({"label": "Laptop"}));
    assert_refused(&response, 429, "rate-limited", "from the link");
}
