//! Component revisions change while people sign in: pushed, activated, tried on a few,
//! rolled back, by hand and by themselves, through the admin listener.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod activation;
mod canary;
mod operators;
mod session;
mod swap;
mod withdrawal;

use serde_json::{Value, json};
use zeropass_tests::deployment::{Answer, Client, Deployment, ORIGIN, Person, WORKLOAD};
use zeropass_tests::rollout::{OPERATOR, activate, push, push_signed, variant};

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
