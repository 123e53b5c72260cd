//! Hosts of one database follow each other's rollouts.

mod admission;
mod away;
mod wire;

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass_tests::deployment::{Client, Deployment, WORKLOAD};
use zeropass_tests::postgres::Database;

pub(super) const NAME: &str = "auth-service";

/// Only a failing test waits that long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The version that serves on a host.
pub(super) fn serves(deployment: &Deployment) -> String {
    let running = deployment.rollouts().running();
    let found = running.into_iter().find(|(name, _)| *name == NAME);
    found.unwrap().1.stable.revision.clone()
}

/// Wait until a host has followed.
pub(super) async fn reaches(deployment: &Deployment, version: &str) {
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

/// What a host is said to have against the newest state; empty where it follows it.
async fn problem(admin: &Client, host: &Deployment) -> String {
    let shown = admin.get(&format!("/v1/components/{NAME}")).await;
    let shown = shown.expect(200);
    let hosts = shown["hosts"].as_array().unwrap();
    let name = host.rollouts().host();
    let found = hosts.iter().find(|one| one["host"] == name);
    let said = found.unwrap_or_else(|| panic!("no {name} in {shown}"));
    said["problem"].as_str().unwrap_or_default().to_owned()
}

async fn deployment_epoch(admin: &Client) -> u64 {
    let shown = admin.get(&format!("/v1/components/{NAME}")).await;
    shown.expect(200)["epoch"].as_u64().unwrap()
}
