//! What another host has put in place is admitted here as well, or said and tried again.

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::{
    Client, Deployment, ORIGIN, Person, WORKLOAD, component_file, guest_file,
};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, push_signed, release, variant};
use zeropass_tests::signing::minisig;

use super::{NAME, PATIENCE, answers, deployment_epoch, problem, reaches, serves, two_hosts};

/// A host whose policy does not trust the signer of what another one activates.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_can_not_admit_a_revision_says_so_and_stays_until_it_can() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let key = SigningKey::generate().unwrap();
    let trust = async |deployment: &Deployment, admin: &Client| {
        let file = deployment.folder().join("signers/next.toml");
        std::fs::write(file, key.signer(&[NAME])).unwrap();
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    };
    trust(&first, &one).await;
    let wasm = variant(NAME, "b");
    let signature = minisig(&key, NAME, "1.1.0", &wasm).unwrap();
    push_signed(&one, NAME, &signature, wasm).await.expect(201);
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);

    second.rollouts().look().await;
    let problem = problem(&one, &second).await;
    assert!(problem.starts_with("signer-unknown: "), "{problem}");
    let ada = Person::at(ORIGIN);
    let client = second.client(WORKLOAD);
    ada.register(&client, "ada").await.expect(201);
    ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(answers(&second).await, "1.0.0");
    assert_eq!(answers(&first).await, "1.1.0");

    trust(&second, &other).await;
    assert_eq!(answers(&second).await, "1.1.0");
    ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(super::problem(&one, &second).await, "");
}

/// Too busy to put it to the probe is no verdict on it.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_was_too_busy_to_admit_a_revision_tries_again() {
    let database = Database::start().await;
    let host = |log: &str| {
        Deployment::builder()
            .postgres(&database)
            .admin()
            .auth_service(guest_file("answers_well"))
            .set("components.auth-service", "deadline", "\"1s\"")
            .set("components.auth-service", "instances", "1")
            .set("rollout", "follow", "\"50ms\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other").keys_of(&first).signed_by(&first);
    let second = second.start().await;
    let one = first.admin_client(OPERATOR);
    let wasm = std::fs::read(guest_file("denies")).unwrap();
    push(&first, &one, NAME, "1.1.0", wasm).await.expect(201);
    // Four seconds of work for its only instance, and the probe has one.
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = second.client(WORKLOAD);
            tokio::spawn(async move { client.get("/v1/users/ok/later").await.status() })
        })
        .collect();
    let started = Instant::now();
    while second.rollouts().running()[0].1.calls == 0 {
        assert!(started.elapsed() < PATIENCE, "they begin");
        tokio::task::yield_now().await;
    }
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    let started = Instant::now();
    let said = loop {
        let said = problem(&one, &second).await;
        if !said.is_empty() {
            break said;
        }
        assert!(started.elapsed() < PATIENCE, "it says what is wrong");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(said.starts_with("busy: "), "{said}");
    assert_eq!(serves(&second), "1.0.0");
    reaches(&second, "1.1.0").await;
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let started = Instant::now();
    while !problem(&one, &second).await.is_empty() {
        assert!(started.elapsed() < PATIENCE, "all is well");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Signed anew on one host, revoked on the other.
#[tokio::test(flavor = "multi_thread")]
async fn signature_that_another_host_has_taken_counts_here_too() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let key = SigningKey::generate().unwrap();
    for (deployment, admin) in [(&first, &one), (&second, &other)] {
        let file = deployment.folder().join("signers/next.toml");
        std::fs::write(file, key.signer(&[NAME])).unwrap();
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    }
    let wasm = std::fs::read(component_file("auth_service")).unwrap();
    let signature = minisig(&key, NAME, "1.0.0", &wasm).unwrap();
    push_signed(&one, NAME, &signature, wasm).await.expect(200);
    let before = deployment_epoch(&one).await;
    let own = second.key().signer(&["passkey-manager"]);
    std::fs::write(second.folder().join("signers/tests.toml"), own).unwrap();
    let answer = other.post("/v1/policy/reload", &json!({})).await;
    answer.expect(200);
    assert_eq!(answers(&second).await, "1.0.0");
    assert_eq!(super::problem(&one, &second).await, "");
    assert_eq!(deployment_epoch(&one).await, before);
}

/// What should serve is gone from the store, by whatever means.
#[tokio::test(flavor = "multi_thread")]
async fn host_starts_with_the_predecessor_of_a_revision_that_is_gone() {
    let database = Database::start().await;
    let (mut host, other) = two_hosts(&database).await;
    drop(other);
    let admin = host.admin_client(OPERATOR);
    let wish = json!({"revision": "1.1.0"});
    release(&host, &admin, NAME, variant(NAME, "b"), &wish).await;
    host.stop().await;
    database.sql("DELETE FROM zeropass.revisions WHERE version = '1.1.0'");
    host.start_again().await.unwrap();
    assert_eq!(answers(&host).await, "1.0.0");
    let admin = host.admin_client(OPERATOR);
    let said = problem(&admin, &host).await;
    assert!(said.starts_with("revision-unknown: "), "{said}");
}
