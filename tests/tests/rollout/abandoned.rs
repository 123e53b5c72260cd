//! A canary on which its callers give up before it answers: no call of it ever ends, and it
//! is rolled back all the same.

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass_tests::deployment::{Builder, Client, Deployment, WORKLOAD, guest_file};

use super::{OPERATOR, activate, component, history, push};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The guests take three tenths of a second, and the others hundredths.
const GIVES_UP: Duration = Duration::from_millis(250);

fn host() -> Builder {
    Deployment::builder()
        .admin()
        .set("rollout", "follow", "\"50ms\"")
        .set("rollout", "promote-after", "0")
        .set("rollout", "least-calls", "10")
}

/// Let `guest` be the canary, and ask and give up until the rollout has moved on.
async fn on_trial(
    deployment: &Deployment,
    name: &str,
    guest: &str,
    ask: impl AsyncFn(&Client) -> u16,
) {
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    for _ in 0..40 {
        assert!(ask(&client).await < 300);
    }
    let wasm = std::fs::read(guest_file(guest)).unwrap();
    push(deployment, &admin, name, "1.1.0", wasm)
        .await
        .expect(201);
    let wish = json!({"revision": "1.1.0", "canary": 50});
    activate(&admin, name, &wish).await.expect(200);
    let started = Instant::now();
    while component(&admin, name).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "{guest} is still on trial");
        // Dropping the request resets its stream.
        let _ = tokio::time::timeout(GIVES_UP, ask(&client)).await;
    }
    let (what, why) = history(&admin, name).await.pop().unwrap();
    assert_eq!(what, "rolled-back");
    assert!(why.starts_with("slow: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_on_which_its_callers_give_up_is_rolled_back() {
    let deployment = host()
        .auth_service(guest_file("answers_well"))
        .start()
        .await;
    let ask = async |client: &Client| client.get("/.well-known/jwks.json").await.status();
    on_trial(&deployment, "auth-service", "slow", ask).await;
}

async fn passkey_manager_on_trial(deployment: Deployment) {
    let ask = async |client: &Client| {
        let begun = client.post("/v1/authentications", &json!({})).await;
        begun.status()
    };
    on_trial(&deployment, "passkey-manager", "passkeys_slow", ask).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_on_which_callers_give_up_is_rolled_back() {
    passkey_manager_on_trial(host().start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_on_which_callers_give_up_is_rolled_back_over_the_mtls_link_too() {
    passkey_manager_on_trial(host().mtls_link().start().await).await;
}
