//! The HTTP API with an authenticator that is none of ours, over mutual TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use zeropass_tests::deployment::{Deployment, ORIGIN, Person, WORKLOAD};

#[tokio::test(flavor = "multi_thread")]
async fn person_registers_and_signs_in_by_name() {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    let ada = Person::at(ORIGIN);
    let registered = ada.register(&client, "ada").await.expect(201);
    let signed_in = ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(signed_in["user"], registered["user"]);
    assert_eq!(signed_in["passkey"]["id"], registered["passkey"]["id"]);
}
