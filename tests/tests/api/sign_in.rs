//! A person signs in.

use serde_json::{Value, json};
use zeropass_tests::deployment::{ORIGIN, Person};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_in_by_name() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let first = ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(first["user"], registered["user"]);
    assert_eq!(first["passkey"]["id"], registered["passkey"]["id"]);
    assert!(first["passkey"]["lastUsedAt"].is_string());

    let second = ada.sign_in(&client, "ada").await.expect(200);
    let count = |answer: &Value| answer["passkey"]["signCount"].as_u64().unwrap();
    assert!(
        count(&first) < count(&second),
        "the counter moves with each sign-in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_of_a_request_reach_the_page() {
    let (_deployment, client, _) = scene().await;
    let body = json!({"hints": ["security-key", "hybrid"]});
    let begun = client.post("/v1/authentications", &body).await.expect(201);
    assert_eq!(begun["publicKey"]["hints"], body["hints"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_in_by_id() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post(
            "/v1/authentications",
            &json!({"user": {"id": registered["user"]["id"]}}),
        )
        .await
        .expect(201);
    let allowed = begun["publicKey"]["allowCredentials"].as_array().unwrap();
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0]["id"], registered["passkey"]["id"]);

    let credential = ada.get(&begun["publicKey"]).await.unwrap();
    let path = format!(
        "/v1/authentications/{}",
        begun["ceremony"].as_str().unwrap()
    );
    let signed_in = client
        .post(&path, &json!({"credential": credential}))
        .await
        .expect(200);
    assert_eq!(signed_in["user"], registered["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_in_without_a_name() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({}))
        .await
        .expect(201);
    assert_eq!(begun["publicKey"]["allowCredentials"], json!([]));
    let signed_in = ada.sign_in_discoverable(&client).await.expect(200);
    assert_eq!(signed_in["user"], registered["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_serves_as_well() {
    use zeropass_tests::deployment::{Protocol, WORKLOAD};
    let (deployment, _, ada) = scene().await;
    let client = deployment.client_speaking(WORKLOAD, Protocol::Http1);
    let registered = ada.register(&client, "ada").await;
    assert_eq!(registered.version(), http::Version::HTTP_11);
    registered.expect(201);
    ada.sign_in(&client, "ada").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stranger_cannot_sign_in_as_somebody_else() {
    let (_deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let eve = Person::at(ORIGIN);
    eve.register(&client, "eve").await.expect(201);

    // Her own passkey, in a ceremony for Ada: the device is told that it is asked for.
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await
        .expect(201);
    let mut options = begun["publicKey"].clone();
    options["allowCredentials"] = json!([]);
    let credential = eve.get(&options).await.unwrap();
    let path = format!(
        "/v1/authentications/{}",
        begun["ceremony"].as_str().unwrap()
    );
    let refused = client.post(&path, &json!({"credential": credential})).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
}
