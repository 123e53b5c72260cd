use auth_service::host::AccountStatus;
use serde_json::json;

use super::kit::*;

const ADA: &str = "/v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a";

#[test]
fn names_change_together_or_one_by_one() {
    let memory = Memory::with_ada();
    let display_name = memory.accounts.borrow()[0].display_name.clone();
    for (body, name, shown) in [
        (json!({"name": "ada2"}), "ada2", display_name.as_str()),
        (json!({"displayName": "Ada King"}), "ada2", "Ada King"),
        (
            json!({"name": "countess", "displayName": "A. K."}),
            "countess",
            "A. K.",
        ),
        // The name that the account has already.
        (json!({"name": "countess"}), "countess", "A. K."),
    ] {
        let response = memory.patch(ADA, &body);
        assert_eq!(response.status, 200, "{body}");
        let answer = json(&response);
        assert_eq!(
            answer["user"],
            json!({"id": USER, "name": name, "displayName": shown})
        );
        assert_eq!(
            answer["signal"]["currentUserDetails"],
            json!({
                "rpId": RP,
                "userId": "AZHTsnpOfFifO18fDC1Oag",
                "name": name,
                "displayName": shown,
            })
        );
        assert_eq!(memory.accounts.borrow()[0].name, name);
    }
}

#[test]
fn name_of_another_account_is_not_permitted() {
    let memory = Memory::with_ada();
    let mut bob = account(AccountStatus::Active);
    bob.id = "0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6b".into();
    bob.name = "bob".into();
    memory.accounts.borrow_mut().push(bob);
    let response = memory.patch(ADA, &json!({"name": "bob"}));
    assert_refused(
        &response,
        403,
        "not-permitted",
        "name: it belongs to another account",
    );
}

#[test]
fn only_active_accounts_have_names_to_change() {
    let memory = Memory::new();
    let mut pending = account(AccountStatus::Pending);
    pending.id = USER.into();
    memory.accounts.borrow_mut().push(pending);
    for user in [
        ADA,
        "/v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6b",
        "/v1/users/ada",
    ] {
        let response = memory.patch(user, &json!({"name": "bob"}));
        assert_refused(&response, 404, "not-found", "there is no such user");
    }
}

#[test]
fn change_of_nothing_is_malformed() {
    let memory = Memory::with_ada();
    let response = memory.patch(ADA, &json!({}));
    assert_refused(
        &response,
        400,
        "malformed",
        "body: neither name nor displayName",
    );
}
