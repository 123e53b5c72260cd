//! A host that goes along with another says so in its own log, and steps back to an older
//! version only where the history says that somebody has gone back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass_tests::deployment::{Client, Deployment};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, variant};

use super::rollout::{NAME, PATIENCE, reaches, serves};

/// What each host says that it follows, by its log.
async fn followed(deployment: &Deployment) -> Vec<String> {
    let records = deployment.records().await;
    let of_following = records.iter().filter(|one| one.action == "rollout.follow");
    of_following
        .map(|record| {
            assert_eq!(record.outcome, "success");
            assert_eq!(record.workload, deployment.rollouts().host());
            record.target.clone()
        })
        .collect()
}

/// As [`followed`], when there are so many.
async fn has_followed(deployment: &Deployment, count: usize) -> Vec<String> {
    let started = Instant::now();
    loop {
        let followed = followed(deployment).await;
        if followed.len() >= count {
            return followed;
        }
        assert!(started.elapsed() < PATIENCE, "{followed:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn shown(admin: &Client) -> Value {
    admin
        .get(&format!("/v1/components/{NAME}"))
        .await
        .expect(200)
}

/// What a host has against the newest state; empty where it follows it.
async fn problem(admin: &Client, host: &Deployment) -> String {
    let shown = shown(admin).await;
    let hosts = shown["hosts"].as_array().unwrap();
    let name = host.rollouts().host();
    let found = hosts.iter().find(|one| one["host"] == name);
    let said = found.unwrap_or_else(|| panic!("no {name} in {shown}"));
    said["problem"].as_str().unwrap_or_default().to_owned()
}

/// Two hosts of one database, and 1.1.0, which serves on both.
async fn upgraded(database: &Database) -> (Deployment, Deployment, Client) {
    let host = |log: &str| {
        Deployment::builder()
            .postgres(database)
            .admin()
            .set("rollout", "follow", "\"50ms\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other").keys_of(&first).signed_by(&first);
    let second = second.start().await;
    let admin = first.admin_client(OPERATOR);
    push(&first, &admin, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    reaches(&second, "1.1.0").await;
    (first, second, admin)
}

async fn digest(admin: &Client, version: &str) -> String {
    let shown = shown(admin).await;
    let revisions = shown["revisions"].as_array().unwrap();
    let found = revisions.iter().find(|one| one["version"] == version);
    found.unwrap()["digest"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn host_that_goes_along_with_another_leaves_a_record_and_the_other_none() {
    let database = Database::start().await;
    let (first, second, admin) = upgraded(&database).await;
    let (old, new) = (digest(&admin, "1.0.0").await, digest(&admin, "1.1.0").await);
    push(&first, &admin, NAME, "1.2.0", variant(NAME, "c"))
        .await
        .expect(201);
    let wish = json!({"revision": "1.2.0", "canary": 10});
    activate(&admin, NAME, &wish).await.expect(200);
    let canary = digest(&admin, "1.2.0").await;
    has_followed(&second, 2).await;
    // The canary goes, and then what serves.
    for count in 3..5 {
        let path = format!("/v1/components/{NAME}/rollback");
        admin.post(&path, &json!({})).await.expect(200);
        has_followed(&second, count).await;
    }
    reaches(&second, "1.0.0").await;
    assert_eq!(
        has_followed(&second, 4).await,
        [
            format!("{NAME} epoch 2 {old} to {new}"),
            format!("{NAME} epoch 3 canary - to {canary}"),
            format!("{NAME} epoch 4 canary {canary} to -"),
            format!("{NAME} epoch 5 {new} to {old}"),
        ]
    );
    assert_eq!(followed(&first).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn older_version_that_an_operator_wants_is_followed() {
    let database = Database::start().await;
    let (first, second, admin) = upgraded(&database).await;
    for (version, mark) in [("0.9.0", "d"), ("0.8.0", "e")] {
        push(&first, &admin, NAME, version, variant(NAME, mark))
            .await
            .expect(201);
    }
    let wish = json!({"revision": "0.9.0", "rollback": true});
    let done = activate(&admin, NAME, &wish).await.expect(200);
    assert_eq!(done["what"], "activated-older");
    reaches(&second, "0.9.0").await;
    let wish = json!({"revision": "0.8.0", "rollback": true, "canary": 20});
    let done = activate(&admin, NAME, &wish).await.expect(200);
    assert_eq!(
        (&done["what"], &done["canary"]),
        (&json!("canary-older"), &json!(20))
    );
    has_followed(&second, 3).await;
    assert_eq!(problem(&admin, &second).await, "");
}

/// Whoever has written it: it looks like an activation, and the version is an older one.
#[tokio::test(flavor = "multi_thread")]
async fn older_version_without_a_word_of_going_back_is_not_followed() {
    let database = Database::start().await;
    let (first, second, admin) = upgraded(&database).await;
    let (old, new) = (digest(&admin, "1.0.0").await, digest(&admin, "1.1.0").await);
    database.sql(&format!(
        "BEGIN;
         INSERT INTO zeropass.rollout_history
            SELECT component, epoch + 1, 0, 'somebody', 'activated', '{new}', '{old}', '-'
            FROM zeropass.rollouts WHERE component = '{NAME}';
         UPDATE zeropass.rollouts SET epoch = epoch + 1, stable = '{old}', predecessors = '[]'
            WHERE component = '{NAME}';
         COMMIT"
    ));
    for host in [&first, &second] {
        host.rollouts().look().await;
        let said = problem(&admin, host).await;
        assert!(said.starts_with("version-older: "), "{said}");
        assert_eq!(serves(host), "1.1.0");
    }
    assert_eq!(followed(&first).await, Vec::<String>::new());

    // An operator puts it right, on one of them.
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    for host in [&first, &second] {
        host.rollouts().look().await;
        assert_eq!(problem(&admin, host).await, "");
        assert_eq!(serves(host), "1.1.0");
    }
    let path = format!("/v1/components/{NAME}/rollback");
    admin.post(&path, &json!({})).await.expect(200);
    reaches(&second, "1.0.0").await;
}
