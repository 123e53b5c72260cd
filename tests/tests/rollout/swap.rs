//! Swap under load: revisions change all the time while people sign in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::json;
use zeropass_tests::deployment::{Client, ORIGIN, Person, WORKLOAD};

use super::{activate, operated, push, variant};

const NAMES: [&str; 2] = ["auth-service", "passkey-manager"];

/// Sign in again and again until told to stop. Each failure is a panic.
async fn sign_in_until(client: Client, stop: Arc<AtomicBool>, signed_in: Arc<AtomicU32>) {
    let person = Person::at(ORIGIN);
    let name = uuid::Uuid::new_v4().simple().to_string();
    person.register(&client, &name).await.expect(201);
    while !stop.load(Ordering::Relaxed) {
        person.sign_in(&client, &name).await.expect(200);
        signed_in.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_change_under_load_and_nobody_notices() {
    let (deployment, admin) = operated().await;
    for name in NAMES {
        push(&deployment, &admin, name, "1.1.0", variant(name, "b"))
            .await
            .expect(201);
    }
    let (stop, signed_in) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let people: Vec<_> = (0..8)
        .map(|_| {
            let client = deployment.client(WORKLOAD);
            tokio::spawn(sign_in_until(
                client,
                Arc::clone(&stop),
                Arc::clone(&signed_in),
            ))
        })
        .collect();
    for round in 0..50 {
        let version = if round % 2 == 0 { "1.1.0" } else { "1.0.0" };
        for name in NAMES {
            let wish = json!({"revision": version, "rollback": true});
            activate(&admin, name, &wish).await.expect(200);
        }
    }
    // Everybody has come through at least once.
    while signed_in.load(Ordering::Relaxed) < 40 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for person in people {
        person.await.expect("no sign-in failed");
    }
    let records = deployment.records().await;
    for version in ["1.0.0", "1.1.0"] {
        for name in NAMES {
            assert!(
                records
                    .iter()
                    .any(|one| one.component_name == name && one.component_revision == version),
                "{name} {version} served nobody"
            );
        }
    }
}
