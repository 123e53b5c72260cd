//! Holes that other servers had and that need several requests, by their names. The
//! rest of them are played against the component's own code, where every byte of an
//! answer can be bent.

use std::collections::HashMap;

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, ORIGIN, WORKLOAD};
use zeropass_tests::isolation::Authenticator;

use super::{
    assert_problem, assert_signs_in, begin_registration, begin_sign_in, registered, scene,
};

/// How many answers come at once.
const ANSWERS: usize = 1000;

/// better-auth 9993, bitwarden 7439: a challenge was looked up first and removed later.
#[tokio::test(flavor = "multi_thread")]
async fn thousand_parallel_finishes_of_one_ceremony() {
    let deployment = Deployment::builder()
        .set("runtime", "queue", "2000")
        .set("service", "request-timeout", "\"60s\"")
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = key.get_json(&ceremony.options, ORIGIN);
    let finishes = (0..ANSWERS).map(|_| ceremony.finish(&client, &credential));
    let mut counts: HashMap<(u16, String), usize> = HashMap::new();
    for answer in futures::future::join_all(finishes).await {
        let what = match answer.status() {
            200 => (200, String::new()),
            _ => answer.problem(),
        };
        *counts.entry(what).or_default() += 1;
    }
    let expected = [
        ((200, String::new()), 1),
        ((409, "ceremony-used".to_owned()), ANSWERS - 1),
    ];
    assert_eq!(counts, HashMap::from(expected));
}

/// tempo accounts 460: of two who registered one id at a time, the later took the
/// passkey of the earlier over.
#[tokio::test(flavor = "multi_thread")]
async fn same_credential_id_raced_by_two_users() {
    let (_deployment, client) = scene().await;
    for round in 0..8_u8 {
        let names = [format!("ada{round}"), format!("bob{round}")];
        let mut keys = [Authenticator::new(), Authenticator::new()];
        let mut finishes = Vec::new();
        for (name, key) in names.iter().zip(&mut keys) {
            key.credential_id = vec![round; 32];
            let ceremony = begin_registration(&client, name).await;
            let credential = key.create_json(&ceremony.options, ORIGIN);
            finishes.push((ceremony, credential));
        }
        let answers = futures::future::join_all(
            finishes
                .iter()
                .map(|(ceremony, credential)| ceremony.finish(&client, credential)),
        )
        .await;
        let winner = answers.iter().position(|answer| answer.status() == 201);
        let winner = winner.expect("one of the two is registered");
        assert_problem(&answers[1 - winner], 409, "credential-exists", "the other");
        assert_signs_in(&client, &names[winner], &keys[winner]).await;
    }
}

/// CVE-2025-71400: whoever knew an id could delete the passkey.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_passkey_of_another_user() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;
    let (_, bob) = registered(&client, "bob").await;
    let path = format!(
        "/v1/users/{}/passkeys/{}",
        text(&bob["user"]["id"]),
        text(&ada["passkey"]["id"])
    );
    assert_problem(&client.delete(&path).await, 404, "not-found", "delete");
    let suspended = client.patch(&path, &json!({"status": "suspended"})).await;
    assert_problem(&suspended, 404, "not-found", "suspend");
    assert_signs_in(&client, "ada", &key).await;
}

/// CVE-2026-37982: the same enrolment, by a thief's authenticator.
#[tokio::test(flavor = "multi_thread")]
async fn enrolment_ceremony_replayed() {
    let (_deployment, client) = scene().await;
    let ceremony = begin_registration(&client, "ada").await;
    let (mut own, mut thief) = (Authenticator::new(), Authenticator::new());
    let credential = own.create_json(&ceremony.options, ORIGIN);
    let registered = ceremony.finish(&client, &credential).await.expect(201);
    let credential = thief.create_json(&ceremony.options, ORIGIN);
    let refused = ceremony.finish(&client, &credential).await;
    assert_problem(&refused, 409, "ceremony-used", "the thief's");
    let list = format!("/v1/users/{}/passkeys", text(&registered["user"]["id"]));
    let list = client.get(&list).await.expect(200);
    assert_eq!(list["passkeys"].as_array().unwrap().len(), 1);
}
