//! Bad input over the whole way, each kind pinned to its status and code. None is
//! ever a 500, and none does harm to what comes after it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod assertions;
mod attestations;
mod bodies;
mod ceremonies;
mod credentials;
mod known_vulnerabilities;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Client, Deployment, ORIGIN, WORKLOAD};
use zeropass_tests::isolation::Authenticator;

/// A ceremony that has begun: where it is finished, and its options.
struct Ceremony {
    path: String,
    options: Value,
}

/// A deployment with one relying party, and its client.
async fn scene() -> (Deployment, Client) {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    (deployment, client)
}

/// Begin a ceremony.
async fn begin(client: &Client, path: &str, body: &Value) -> Ceremony {
    let begun = client.post(path, body).await.expect(201);
    Ceremony {
        path: format!("{path}/{}", text(&begun["ceremony"])),
        options: begun["publicKey"].clone(),
    }
}

/// Begin a registration of an account of this name.
async fn begin_registration(client: &Client, name: &str) -> Ceremony {
    let body = json!({"user": {"name": name, "displayName": name}});
    begin(client, "/v1/registrations", &body).await
}

/// Begin a sign-in of the account of this name.
async fn begin_sign_in(client: &Client, name: &str) -> Ceremony {
    begin(
        client,
        "/v1/authentications",
        &json!({"user": {"name": name}}),
    )
    .await
}

/// An account of this name and its passkey.
async fn registered(client: &Client, name: &str) -> (Authenticator, Value) {
    let mut key = Authenticator::new();
    let ceremony = begin_registration(client, name).await;
    let credential = key.create_json(&ceremony.options, ORIGIN);
    let answer = ceremony.finish(client, &credential).await.expect(201);
    (key, answer)
}

/// A proper sign-in by name succeeds: nothing was harmed.
async fn assert_signs_in(client: &Client, name: &str, key: &Authenticator) {
    let ceremony = begin_sign_in(client, name).await;
    let credential = key.get_json(&ceremony.options, ORIGIN);
    ceremony.finish(client, &credential).await.expect(200);
}

/// The answer is a problem of this status and code.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str, what: &str) {
    let found = answer.problem();
    let body = String::from_utf8_lossy(answer.body());
    assert_eq!(found, (status, code.to_owned()), "{what}: {body}");
}

/// Base64url of bytes.
fn encode(bytes: impl AsRef<[u8]>) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// The bytes of a base64url text.
fn decode(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).unwrap()
}

impl Ceremony {
    /// Send what the authenticator answered.
    async fn finish(&self, client: &Client, credential: &Value) -> Answer {
        client
            .post(&self.path, &json!({"credential": credential}))
            .await
    }
}
