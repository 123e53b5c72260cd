//! Hosts of one database follow each other's rollouts, and stay where they are while it
//! is away.

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::{Deployment, ORIGIN, Person, WORKLOAD};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, push_signed, variant};
use zeropass_tests::signing::minisig;

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

/// Two hosts of one database that follow each other quickly.
async fn two_hosts(database: &Database) -> (Deployment, Deployment) {
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
    (first, second)
}

/// The role of rollouts alone loses the database: what an order of an operator needs, and
/// nothing that a sign-in needs.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_lose_sight_of_the_rollouts_go_on_signing_people_in() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    push(&first, &one, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    reaches(&second, "1.1.0").await;
    let ada = Person::at(ORIGIN);
    ada.register(&first.client(WORKLOAD), "ada")
        .await
        .expect(201);

    database.sql(
        "ALTER ROLE zeropass_rollouts NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'zeropass_rollouts'",
    );
    let wish = json!({"revision": "1.0.0", "rollback": true});
    for (deployment, admin) in [(&first, &one), (&second, &other)] {
        // Each has looked, in vain.
        deployment.rollouts().look().await;
        let refused = activate(admin, NAME, &wish).await;
        assert_eq!(refused.problem(), (503, "busy".to_owned()));
        assert_eq!(serves(deployment), "1.1.0");
        let client = deployment.client(WORKLOAD);
        for _ in 0..5 {
            ada.sign_in(&client, "ada").await.expect(200);
        }
        assert_eq!(answers(deployment).await, "1.1.0");
    }

    database.sql("ALTER ROLE zeropass_rollouts LOGIN");
    let started = Instant::now();
    while activate(&other, NAME, &wish).await.status() != 200 {
        assert!(started.elapsed() < PATIENCE, "the rollouts are back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reaches(&first, "1.0.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.0.0");
        ada.sign_in(&deployment.client(WORKLOAD), "ada")
            .await
            .expect(200);
    }
}

/// What policy takes back is out of service before anybody can write it down.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_signer_has_effect_while_the_rollouts_are_away() {
    let database = Database::start().await;
    let (host, _) = two_hosts(&database).await;
    let admin = host.admin_client(OPERATOR);
    let other = SigningKey::generate().unwrap();
    let say = |more: &str| {
        let text = other.signer(&[NAME]) + more;
        std::fs::write(host.folder().join("signers/other.toml"), text).unwrap();
    };
    let reload = async || {
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    };
    say("");
    reload().await;
    let wasm = variant(NAME, "b");
    let signature = minisig(&other, NAME, "1.1.0", &wasm).unwrap();
    push_signed(&admin, NAME, &signature, wasm)
        .await
        .expect(201);
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(answers(&host).await, "1.1.0");

    database.sql(
        "ALTER ROLE zeropass_rollouts NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'zeropass_rollouts'",
    );
    say("revoked = true\n");
    reload().await;
    assert_eq!(answers(&host).await, "1.0.0");

    database.sql("ALTER ROLE zeropass_rollouts LOGIN");
    let record = host
        .record_where(|record| record.action == "rollout.take-out")
        .await;
    assert_eq!(record.outcome, "success");
    assert_eq!(answers(&host).await, "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_follow_each_other_and_stay_put_while_the_database_is_away() {
    let mut database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
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
