//! Component revisions change while people sign in: pushed, activated, tried on a few,
//! rolled back, by hand and by themselves, through the admin listener.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod abandoned;
mod activation;
mod breaker;
mod canary;
mod commands;
mod docker_registry;
mod lying_registry;
mod operators;
mod session;
mod swap;
mod withdrawal;

use serde_json::{Value, json};
use zeropass_tests::deployment::{Answer, Client, Deployment, ORIGIN, Person, WORKLOAD};
use zeropass_tests::rollout::{OPERATOR, activate, operated, push, push_signed, release, variant};

async fn roll_back(admin: &Client, component: &str) -> Answer {
    admin
        .post(&format!("/v1/components/{component}/rollback"), &json!({}))
        .await
}

async fn component(admin: &Client, name: &str) -> Value {
    admin
        .get(&format!("/v1/components/{name}"))
        .await
        .expect(200)
}

/// `what why` of each change, oldest first.
async fn history(admin: &Client, name: &str) -> Vec<(String, String)> {
    let answer = admin
        .get(&format!("/v1/components/{name}/history"))
        .await
        .expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut changes: Vec<_> = answer["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (text(&change["what"]), text(&change["why"])))
        .collect();
    changes.reverse();
    changes
}

/// The version of the component that serves, as its audit records name it.
async fn serving(deployment: &Deployment, name: &str) -> String {
    let client = deployment.client(WORKLOAD);
    let person = Person::at(ORIGIN);
    let account = format!("ada-{}", uuid::Uuid::new_v4().simple());
    let answer = person.register(&client, &account).await;
    answer.expect(201);
    let records = deployment.records_of(answer.request_id()).await;
    let record = records.iter().find(|record| record.component_name == name);
    record
        .expect("a record of the component")
        .component_revision
        .clone()
}

/// The operator's certificate in files, and the options that name them and the host.
fn access(deployment: &Deployment) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let pki = deployment.pki();
    let certificate =
        deployment.issue(&zeropass_tests::deployment::certificates::of_path(OPERATOR));
    std::fs::write(pki.join("operator.pem"), certificate.pem()).unwrap();
    std::fs::write(pki.join("operator.key"), certificate.key_pem()).unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(pki.join("operator.key"), private).unwrap();
    let file = |name: &str| pki.join(name).to_str().unwrap().to_owned();
    [
        ("--admin", deployment.admin_url()),
        ("--ca", file("ca.pem")),
        ("--cert", file("operator.pem")),
        ("--key", file("operator.key")),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}

/// Run a command of the line `words` as this operator: whether it exits with 0, and what
/// it says.
async fn command(access: &[String], words: &[&str]) -> (bool, String) {
    let words: Vec<String> = ["zeropass"]
        .iter()
        .chain(words)
        .map(|&word| word.to_owned())
        .chain(access.iter().cloned())
        .collect();
    let ran = tokio::task::spawn_blocking(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut out = Vec::new();
        let well = zeropass::cli::execute(&words, &mut out).expect("a command");
        (well, String::from_utf8(out).unwrap())
    });
    ran.await.unwrap()
}
