//! Hosts of one database follow each other's rollouts, and stay where they are while it
//! is away.

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass_tests::deployment::{Deployment, WORKLOAD};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, variant};

const NAME: &str = "auth-service";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The version that serves on a host.
fn serves(deployment: &Deployment) -> String {
    let running = deployment.rollouts().running();
    let found = running.into_iter().find(|(name, _)| *name == NAME);
    found.unwrap().1.stable.revision.clone()
}

/// Wait until a host has followed.
async fn reaches(deployment: &Deployment, version: &str) {
    let started = Instant::now();
    while serves(deployment) != version {
        assert!(started.elapsed() < PATIENCE, "{}", serves(deployment));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The revision that answers a workload now.
async fn answers(deployment: &Deployment) -> String {
    let client = deployment.client(WORKLOAD);
    let body = json!({"user": {"name": "nobody"}});
    let answer = client.post("/v1/authentications", &body).await;
    let records = deployment.records_of(answer.request_id()).await;
    let of_component = records.iter().find(|one| one.component_name == NAME);
    of_component.unwrap().component_revision.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_follow_each_other_and_stay_put_while_the_database_is_away() {
    let mut database = Database::start().await;
    let host = |log: &str| {
        Deployment::builder()
            .postgres(&database)
            .admin()
            .set("rollout", "follow", "\"50ms\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other").keys_of(&first).signed_by(&first);
    let second = second.start().await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));

    push(&first, &one, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    let wish = json!({"revision": "1.1.0"});
    activate(&one, NAME, &wish).await.expect(200);
    reaches(&second, "1.1.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.1.0");
    }

    database.server().stop();
    for deployment in [&first, &second] {
        // Each has looked, in vain.
        deployment.rollouts().look().await;
        assert_eq!(serves(deployment), "1.1.0");
        // The audit log is in the database too, and nothing happens without it.
        let client = deployment.client(WORKLOAD);
        let refused = client.get("/.well-known/jwks.json").await;
        assert_eq!(refused.problem(), (503, "busy".to_owned()));
    }
    let wish = json!({"revision": "1.0.0", "rollback": true});
    let refused = activate(&other, NAME, &wish).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(serves(&second), "1.1.0");

    // Back again: both serve what they served, and the other one's word counts as well.
    database.server().start_again().unwrap();
    for deployment in [&first, &second] {
        let client = deployment.client(WORKLOAD);
        let started = Instant::now();
        while client.get("/.well-known/jwks.json").await.status() != 200 {
            assert!(started.elapsed() < PATIENCE, "the database is back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(answers(deployment).await, "1.1.0");
    }
    activate(&other, NAME, &wish).await.expect(200);
    reaches(&first, "1.0.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.0.0");
    }
}
