//! A person signs in.

use serde_json::{Value, json};
use zeropass_tests::deployment::{Answer, Client, ORIGIN, Person};

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
async fn unknown_name_is_answered_like_a_known_one() {
    let (_deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    // Names of one length, so that nothing differs for another reason.
    let known = begin(&client, "ada").await;
    let unknown = begin(&client, "bob").await;
    let (a, b) = (known.expect(201), unknown.expect(201));

    assert_eq!(shape(&a), shape(&b), "the same members of the same types");
    assert_eq!(known.body().len(), unknown.body().len());
    let without_id = |answer: &Answer| {
        let headers = ["content-type", "cache-control", "content-length"];
        headers.map(|name| answer.header(name).to_owned())
    };
    assert_eq!(without_id(&known), without_id(&unknown));
    assert_ne!(
        a["publicKey"]["allowCredentials"],
        b["publicKey"]["allowCredentials"]
    );

    // Asked again, a stranger's list is the same again, as a known one's is.
    let again = begin(&client, "bob").await.expect(201);
    assert_eq!(
        again["publicKey"]["allowCredentials"],
        b["publicKey"]["allowCredentials"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_name_makes_the_same_mediated_calls() {
    let (deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let mut calls = Vec::new();
    for name in ["ada", "bob"] {
        let answer = begin(&client, name).await;
        answer.expect(201);
        let records = deployment.records_of(answer.request_id()).await;
        calls.push(
            records
                .iter()
                .map(|record| record.action.clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(calls[0], calls[1]);
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

async fn begin(client: &Client, name: &str) -> Answer {
    client
        .post("/v1/authentications", &json!({"user": {"name": name}}))
        .await
}

/// The document with every value replaced by its type, and texts by their length.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::String(text) => format!("text of {}", text.len()).into(),
        other => other.clone(),
    }
}
