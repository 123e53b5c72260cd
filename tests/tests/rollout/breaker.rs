//! A revision that crash-loops while its predecessor is not at hand: nothing to return to is
//! found out, and what there is again is returned to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::{Client, Deployment, WORKLOAD, guest_file};
use zeropass_tests::signing::minisig;

use super::{OPERATOR, activate, component, history, push_signed};

const NAME: &str = "passkey-manager";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many traps trip the breaker.
const TRAPS: usize = 10;

async fn begin(client: &Client) -> u16 {
    client
        .post("/v1/authentications", &json!({}))
        .await
        .status()
}

/// The revision that a rollback would return to here.
async fn previous(admin: &Client) -> Value {
    let status = admin.get("/v1/status").await.expect(200);
    let components = status["components"].as_array().unwrap();
    let found = components.iter().find(|one| one["name"] == NAME);
    found.unwrap_or_else(|| panic!("{status}"))["previous"]["version"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn predecessor_that_policy_admits_again_returns_when_its_successor_crash_loops() {
    let deployment = Deployment::builder()
        .admin()
        .set("rollout", "follow", "\"1h\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    let signers = deployment.folder().join("signers");
    let say = async |file: &str, text: String| {
        std::fs::write(signers.join(file), text).unwrap();
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    };
    let own = |names: &[&str]| deployment.key().signer(names);
    let other = SigningKey::generate().unwrap();
    say("other.toml", other.signer(&[NAME])).await;
    let wasm = std::fs::read(guest_file("passkeys_trap")).unwrap();
    let signature = minisig(&other, NAME, "1.1.0", &wasm).unwrap();
    push_signed(&admin, NAME, &signature, wasm)
        .await
        .expect(201);
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(previous(&admin).await, "1.0.0");

    // Who signed 1.0.0 is not trusted with it for a while; then nothing else is there.
    say("tests.toml", own(&["auth-service"])).await;
    assert_eq!(previous(&admin).await, Value::Null);
    for _ in 0..TRAPS + 2 {
        assert_eq!(begin(&client).await, 503);
    }
    deployment.rollouts().look().await;
    assert_eq!(component(&admin, NAME).await["epoch"], 2);

    say("tests.toml", own(&["auth-service", NAME])).await;
    let started = Instant::now();
    while previous(&admin).await == Value::Null {
        assert!(started.elapsed() < PATIENCE, "it is not ready again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut failed = 0;
    while begin(&client).await != 201 {
        failed += 1;
        assert!(failed <= TRAPS, "1.0.0 returns");
    }
    while component(&admin, NAME).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "it was not written down");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (what, why) = history(&admin, NAME).await.pop().unwrap();
    assert_eq!(what, "taken-out");
    assert!(why.starts_with("crash loop: traps in "), "{why}");
}
