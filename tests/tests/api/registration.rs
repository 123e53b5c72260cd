//! A person gets passkeys.

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{ORIGIN, Person, RP_ID};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn person_registers_a_passkey() {
    let (_deployment, client, ada) = scene().await;
    let body =
        json!({"user": {"name": "ada", "displayName": "Ada Lovelace"}, "residentKey": "required"});
    let answer = client.post("/v1/registrations", &body).await;
    let begun = answer.expect(201);
    let options = &begun["publicKey"];
    assert_eq!(options["rp"]["id"], RP_ID);
    assert_eq!(options["user"]["name"], "ada");
    assert_eq!(options["excludeCredentials"], json!([]));
    assert_eq!(
        answer.header("location"),
        format!("/v1/registrations/{}", text(&begun["ceremony"]))
    );

    let credential = ada.create(options).await.unwrap();
    let finish = json!({"credential": credential, "label": "Laptop"});
    let registered = client
        .post(answer.header("location"), &finish)
        .await
        .expect(201);
    assert_eq!(registered["user"]["name"], "ada");
    assert_eq!(registered["user"]["displayName"], "Ada Lovelace");
    let passkey = &registered["passkey"];
    assert_eq!(passkey["id"], credential["id"]);
    assert_eq!(passkey["userId"], registered["user"]["id"]);
    assert_eq!(passkey["label"], "Laptop");
    assert_eq!(passkey["status"], "active");
    assert_eq!(passkey["algorithm"], -7);
    assert!(passkey["lastUsedAt"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn second_passkey_excludes_the_first() {
    let (_deployment, client, laptop) = scene().await;
    let first = laptop.register(&client, "ada").await.expect(201);
    let user = json!({"id": first["user"]["id"], "name": "ada", "displayName": "ada"});

    let begun = client
        .post("/v1/registrations", &json!({"user": user}))
        .await
        .expect(201);
    let excluded = begun["publicKey"]["excludeCredentials"].as_array().unwrap();
    assert_eq!(excluded.len(), 1);
    assert_eq!(excluded[0]["id"], first["passkey"]["id"]);
    // The device that holds the first one refuses by itself.
    laptop.create(&begun["publicKey"]).await.unwrap_err();

    let phone = Person::at(ORIGIN);
    let second = phone.register_as(&client, &user).await.expect(201);
    assert_eq!(second["user"]["id"], first["user"]["id"]);
    assert_ne!(second["passkey"]["id"], first["passkey"]["id"]);
    for device in [&laptop, &phone] {
        let signed_in = device.sign_in(&client, "ada").await.expect(200);
        assert_eq!(signed_in["user"]["id"], first["user"]["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_id_does_not_register_under_another_name() {
    let (_deployment, client, ada) = scene().await;
    let first = ada.register(&client, "ada").await.expect(201);
    let user = json!({"id": first["user"]["id"], "name": "bob", "displayName": "Bob"});
    let refused = client
        .post("/v1/registrations", &json!({"user": user}))
        .await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_name_is_refused_at_the_end_and_leaves_nothing_behind() {
    let (_deployment, client, ada) = scene().await;
    let first = ada.register(&client, "ada").await.expect(201);

    // The beginning does not tell that the name is taken.
    let other = Person::at(ORIGIN);
    let begun = client
        .post(
            "/v1/registrations",
            &json!({"user": {"name": "ada", "displayName": "Ada"}}),
        )
        .await
        .expect(201);
    let credential = other.create(&begun["publicKey"]).await.unwrap();
    let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
    let refused = client.post(&path, &json!({"credential": credential})).await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));

    // No passkey of the second person is left, neither to sign in with nor listed.
    let refused = other.sign_in_discoverable(&client).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
    let listed = client.get(&passkeys(&first)).await.expect(200);
    assert_eq!(listed["passkeys"].as_array().unwrap().len(), 1);
    ada.sign_in(&client, "ada").await.expect(200);
}

fn passkeys(registered: &serde_json::Value) -> String {
    format!("/v1/users/{}/passkeys", text(&registered["user"]["id"]))
}
