//! What a stranger can learn about names: nothing, from answers and from what is done for
//! them.

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Client, Deployment};

use super::lockout::guess;
use super::scene;

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
    let mut traces = Vec::new();
    for name in ["ada", "bob"] {
        let answer = begin(&client, name).await;
        answer.expect(201);
        traces.push(trace(&deployment, &answer).await);
    }
    assert_eq!(traces[0], traces[1]);
}

/// A guess at the answer, with the id that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_answer_for_an_unknown_name_makes_the_same_mediated_calls() {
    let (deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let mut traces = Vec::new();
    let mut answers = Vec::new();
    for name in ["ada", "bob"] {
        let begun = begin(&client, name).await.expect(201);
        let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
        let body = guess(&ada, &begun["publicKey"]).await;
        let answer = client.post(&path, &body).await;
        assert_eq!(answer.problem(), (422, "signature-invalid".into()));
        traces.push(trace(&deployment, &answer).await);
        answers.push((answer.body().len(), shape(&answer.json())));
    }
    assert!(traces[0].contains(&"passkey-manager signatures.verify".to_owned()));
    assert_eq!(traces[0], traces[1]);
    assert_eq!(answers[0], answers[1]);
}

/// A new account each time; who has the name shows only to who can register under it.
#[tokio::test(flavor = "multi_thread")]
async fn taken_name_begins_a_registration_like_a_free_one() {
    let (deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let mut traces = Vec::new();
    let mut answers = Vec::new();
    for name in ["ada", "bob"] {
        let body = json!({"user": {"name": name, "displayName": name}});
        let answer = client.post("/v1/registrations", &body).await;
        answers.push((answer.body().len(), shape(&answer.expect(201))));
        traces.push(trace(&deployment, &answer).await);
    }
    assert_eq!(traces[0], traces[1]);
    assert_eq!(answers[0], answers[1]);
}

/// Who did what for a request, call by call. What came of a call is left out: only the
/// operator sees it.
async fn trace(deployment: &Deployment, answer: &Answer) -> Vec<String> {
    let records = deployment.records_of(answer.request_id()).await;
    records
        .iter()
        .map(|record| format!("{} {}", record.component_name, record.action))
        .collect()
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
