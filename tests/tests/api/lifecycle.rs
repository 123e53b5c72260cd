//! The life of a passkey after its registration.

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{ORIGIN, Person};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_listed_oldest_first() {
    let (_deployment, client, laptop) = scene().await;
    let first = laptop.register(&client, "ada").await.expect(201);
    let user = json!({"id": first["user"]["id"], "name": "ada", "displayName": "ada"});
    let second = Person::at(ORIGIN)
        .register_as(&client, &user)
        .await
        .expect(201);

    let listed = client.get(&passkeys(&first)).await.expect(200);
    assert_eq!(
        listed["passkeys"],
        json!([first["passkey"], second["passkey"]])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_is_renamed() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let renamed = client
        .patch(&passkey(&registered), &json!({"label": "Büro"}))
        .await
        .expect(200);
    assert_eq!(renamed["passkey"]["label"], "Büro");
    let listed = client.get(&passkeys(&registered)).await.expect(200);
    assert_eq!(listed["passkeys"][0]["label"], "Büro");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_passkey_does_not_sign_in_until_it_is_resumed() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);

    let suspended = client
        .patch(&passkey(&registered), &json!({"status": "suspended"}))
        .await
        .expect(200);
    assert_eq!(suspended["passkey"]["status"], "suspended");
    assert_eq!(
        ada.sign_in(&client, "ada").await.problem(),
        (403, "credential-suspended".into())
    );
    assert_eq!(
        ada.sign_in_discoverable(&client).await.problem(),
        (403, "credential-suspended".into())
    );

    let resumed = client
        .patch(&passkey(&registered), &json!({"status": "active"}))
        .await
        .expect(200);
    assert_eq!(resumed["passkey"]["status"], "active");
    ada.sign_in(&client, "ada").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_passkey_is_unknown() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await
        .expect(201);

    let revoked = client.delete(&passkey(&registered)).await;
    assert_eq!((revoked.status(), revoked.body().len()), (204, 0));

    // Neither in a ceremony that began before, nor in a new one, nor by itself.
    let credential = ada.get(&begun["publicKey"]).await.unwrap();
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let refused = client.post(&path, &json!({"credential": credential})).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
    assert_eq!(
        ada.sign_in_discoverable(&client).await.problem(),
        (422, "credential-unknown".into())
    );
    let listed = client.get(&passkeys(&registered)).await.expect(200);
    assert_eq!(listed["passkeys"], json!([]));
    assert_eq!(
        client.delete(&passkey(&registered)).await.problem(),
        (404, "not-found".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_is_changed_only_under_its_own_user() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let other = Person::at(ORIGIN)
        .register(&client, "bob")
        .await
        .expect(201);
    let wrong = format!(
        "{}/{}",
        passkeys(&other),
        text(&registered["passkey"]["id"])
    );
    let refused = client.patch(&wrong, &json!({"status": "suspended"})).await;
    assert_eq!(refused.problem(), (404, "not-found".into()));
    assert_eq!(
        client.delete(&wrong).await.problem(),
        (404, "not-found".into())
    );
    ada.sign_in(&client, "ada").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_that_does_not_exist_has_no_list() {
    let (_deployment, client, _) = scene().await;
    for user in ["00000000-0000-4000-8000-000000000000", "no-uuid"] {
        let refused = client.get(&format!("/v1/users/{user}/passkeys")).await;
        assert_eq!(refused.problem(), (404, "not-found".into()));
    }
}

fn passkeys(registered: &Value) -> String {
    format!("/v1/users/{}/passkeys", text(&registered["user"]["id"]))
}

fn passkey(registered: &Value) -> String {
    format!(
        "{}/{}",
        passkeys(registered),
        text(&registered["passkey"]["id"])
    )
}
