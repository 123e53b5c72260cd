//! What a page tells the provider of a person's passkeys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{ORIGIN, Person, RP_ID};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn revoked_passkey_is_signalled_as_unknown() {
    let (_deployment, client, person) = scene().await;
    let registered = person.register(&client, "ada").await.expect(201);
    let (user, id) = (
        text(&registered["user"]["id"]),
        &registered["passkey"]["id"],
    );
    let handle = uuid::Uuid::parse_str(user).unwrap();
    let handle = URL_SAFE_NO_PAD.encode(handle.as_bytes());

    let signals = format!("/v1/users/{user}/signals");
    let told = client.get(&signals).await.expect(200);
    assert_eq!(
        told["allAcceptedCredentials"],
        json!({"rpId": RP_ID, "userId": handle, "allAcceptedCredentialIds": [id]})
    );
    assert_eq!(
        told["currentUserDetails"],
        json!({"rpId": RP_ID, "userId": handle, "name": "ada", "displayName": "ada"})
    );

    let passkey = format!("/v1/users/{user}/passkeys/{}", text(id));
    client.delete(&passkey).await.expect(204);
    let told = client.get(&signals).await.expect(200);
    let accepted = &told["allAcceptedCredentials"]["allAcceptedCredentialIds"];
    assert_eq!(*accepted, json!([]));
    let refused = person.sign_in_discoverable(&client).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
    assert_eq!(
        refused.json()["signal"],
        json!({"unknownCredential": {"rpId": RP_ID, "credentialId": id}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_person_signs_in_by_the_new_name_and_the_provider_is_told() {
    let (deployment, client, person) = scene().await;
    let registered = person.register(&client, "ada").await.expect(201);
    let id = text(&registered["user"]["id"]);
    let user = format!("/v1/users/{id}");
    let body = json!({"name": "countess", "displayName": "Ada King"});
    let renamed = client.patch(&user, &body).await;
    let answer = renamed.expect(200);
    assert_eq!(
        answer["user"],
        json!({"id": id, "name": "countess", "displayName": "Ada King"})
    );
    let told = client.get(&format!("{user}/signals")).await.expect(200);
    assert_eq!(
        told["currentUserDetails"],
        answer["signal"]["currentUserDetails"]
    );
    assert_eq!(told["currentUserDetails"]["name"], "countess");

    person.sign_in(&client, "countess").await.expect(200);
    // What she gave up is free.
    let other = Person::at(ORIGIN);
    other.register(&client, "ada").await.expect(201);

    let records = deployment.records_of(renamed.request_id()).await;
    let change = records
        .iter()
        .find(|record| record.action == "accounts.change")
        .unwrap();
    assert_eq!(
        (change.target.as_str(), change.outcome.as_str()),
        (id, "success")
    );
    // Names are personal data: no record has one.
    assert!(
        records
            .iter()
            .all(|record| !format!("{record:?}").contains("countess"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_who_want_one_name_one_gets_it() {
    let (_deployment, client, _) = scene().await;
    let mut users = Vec::new();
    for name in ["ada", "bob"] {
        let other = Person::at(ORIGIN);
        let registered = other.register(&client, name).await.expect(201);
        users.push(format!("/v1/users/{}", text(&registered["user"]["id"])));
    }
    let body = json!({"name": "cleo"});
    let (one, other) = tokio::join!(
        client.patch(&users[0], &body),
        client.patch(&users[1], &body)
    );
    let mut statuses = [one.status(), other.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}
