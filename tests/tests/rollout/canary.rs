//! Canaries that are worse are rolled back by themselves, good ones take over, and a
//! revision that crash-loops is taken out. The revisions are `tests/guests/examples`,
//! one behaviour each.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass_tests::deployment::{Builder, Client, Deployment, WORKLOAD, guest_file};

use super::{OPERATOR, activate, component, history, push, release, variant};

const NAME: &str = "auth-service";
const CALLEE: &str = "passkey-manager";

/// Answered 200 by good revisions; where bad ones do their worst.
const REQUEST: &str = "/.well-known/jwks.json";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host with a guest that answers everything well.
async fn stage() -> (Deployment, Client, Client) {
    let deployment = Deployment::builder()
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("rollout", "follow", "\"50ms\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    (deployment, admin, client)
}

/// What came of a trial.
struct Trial {
    requests: u32,
    failed: u32,
    what: String,
    why: String,
}

/// A revision on trial with half of the callers.
fn wish() -> Value {
    json!({"revision": "1.1.0", "canary": 50})
}

/// Let `guest` be component `name` for half of the callers, and call until the rollout has
/// moved on. `call` says whether it was answered well.
async fn on_trial(
    deployment: &Deployment,
    name: &str,
    guest: &str,
    call: impl AsyncFn() -> bool,
) -> Trial {
    let admin = deployment.admin_client(OPERATOR);
    for _ in 0..60 {
        assert!(call().await);
    }
    let wasm = std::fs::read(guest_file(guest)).unwrap();
    let begun = release(deployment, &admin, name, wasm, &wish()).await;
    assert_eq!(begun["what"], "canary");
    let (started, mut requests, mut failed) = (Instant::now(), 0, 0);
    while component(&admin, name).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "{guest} is still on trial");
        requests += 1;
        failed += u32::from(!call().await);
    }
    // Written down, and in force.
    for _ in 0..20 {
        assert!(call().await);
    }
    let shown = component(&admin, name).await;
    assert!(shown.get("canary").is_none(), "{shown}");
    let (what, why) = history(&admin, name).await.pop().unwrap();
    println!("{guest}: {failed} of {requests} requests failed; {what}: {why}");
    Trial {
        requests,
        failed,
        what,
        why,
    }
}

/// `guest` as auth-service.
async fn service_on_trial(guest: &str) -> Trial {
    let (deployment, _, client) = stage().await;
    on_trial(&deployment, NAME, guest, async || {
        client.get(REQUEST).await.status() == 200
    })
    .await
}

/// `guest` as passkey-manager.
async fn passkeys_on_trial(deployment: &Deployment, guest: &str) -> Trial {
    let client = deployment.client(WORKLOAD);
    on_trial(deployment, CALLEE, guest, async || {
        let begun = client.post("/v1/authentications", &json!({})).await;
        begun.status() == 201
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_that_traps_one_call_in_five_is_rolled_back() {
    let trial = service_on_trial("traps_one_in_five").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(trial.why.starts_with("traps in 3 of "), "{}", trial.why);
    // As few as can be judged, and none but the canary's own.
    assert_eq!(trial.failed, 3, "of {}", trial.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_that_is_slow_is_rolled_back() {
    let trial = service_on_trial("slow").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(trial.why.starts_with("slow: "), "{}", trial.why);
    assert_eq!(trial.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_that_denies_is_rolled_back() {
    let trial = service_on_trial("denies").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(
        trial.why.starts_with("refusals in 30 of 30 calls"),
        "{}",
        trial.why
    );
    assert_eq!(trial.failed, 30, "of {}", trial.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_that_answers_the_probe_wrongly_gets_no_traffic() {
    let deployment = Deployment::builder()
        .admin()
        .set("components.auth-service", "probe", &format!("{REQUEST:?}"))
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    let wasm = std::fs::read(guest_file("denies")).unwrap();
    let pushed = push(&deployment, &admin, NAME, "1.1.0", wasm)
        .await
        .expect(201);
    assert_eq!(pushed["held"]["code"], "probe-failed", "{pushed}");
    let refused = activate(&admin, NAME, &wish()).await;
    assert_eq!(refused.problem(), (422, "probe-failed".to_owned()));
    for _ in 0..40 {
        assert_eq!(client.get(REQUEST).await.status(), 200);
    }
    let (what, why) = history(&admin, NAME).await.pop().unwrap();
    assert_eq!(what, "refused");
    assert!(why.starts_with("probe-failed: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn good_canary_takes_over_after_enough_healthy_calls() {
    let deployment = Deployment::builder()
        .admin()
        .set("rollout", "promote-after", "50")
        .set("rollout", "follow", "\"50ms\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    release(&deployment, &admin, NAME, variant(NAME, "b"), &wish()).await;
    let started = Instant::now();
    while component(&admin, NAME).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "it is still on trial");
        assert_eq!(client.get(REQUEST).await.status(), 200);
    }
    let (what, why) = history(&admin, NAME).await.pop().unwrap();
    assert_eq!(
        (what.as_str(), why.as_str()),
        ("promoted", "50 healthy calls")
    );
    // It is written down first, then put in place.
    let stable = loop {
        let status = admin.get("/v1/status").await.expect(200);
        let component = status["components"][0].clone();
        if component["stable"]["version"] == "1.1.0" {
            break component;
        }
        assert!(started.elapsed() < PATIENCE, "{component}");
    };
    assert_eq!(stable["previous"]["version"], "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_that_names_a_person_keeps_its_side() {
    let (deployment, admin, client) = stage().await;
    let wasm = std::fs::read(guest_file("denies")).unwrap();
    // Judged only after more refusals than this test brings.
    let wish = json!({"revision": "1.1.0", "canary": 30});
    release(&deployment, &admin, NAME, wasm, &wish).await;
    let ask = async |person: u32| {
        let request = client
            .request(http::Method::GET, REQUEST)
            .header("zeropass-sticky", person.to_string());
        zeropass_tests::deployment::Answer::of(request)
            .await
            .status()
    };
    let mut refused = 0;
    for person in 0..12 {
        let first = ask(person).await;
        refused += u32::from(first == 403);
        assert_eq!(ask(person).await, first, "person {person}");
    }
    assert!(
        (1..12).contains(&refused),
        "{refused} of 12 have the canary"
    );
}

/// The link carries on which side of a canary a request is, and not who is meant.
#[tokio::test(flavor = "multi_thread")]
async fn person_keeps_its_side_over_the_mtls_link() {
    let deployment = Deployment::builder().admin().mtls_link().start().await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    release(&deployment, &admin, CALLEE, variant(CALLEE, "b"), &wish()).await;
    let side = async |person: u32| {
        let request = client
            .request(http::Method::POST, "/v1/authentications")
            .header("zeropass-sticky", person.to_string())
            .json(&json!({}));
        let answer = zeropass_tests::deployment::Answer::of(request).await;
        answer.expect(201);
        let records = deployment.records_of(answer.request_id()).await;
        let record = records.iter().find(|one| one.component_name == CALLEE);
        record.unwrap().component_revision.clone()
    };
    let mut canary = 0;
    for person in 0..12 {
        let first = side(person).await;
        for _ in 0..2 {
            assert_eq!(side(person).await, first, "person {person}");
        }
        canary += u32::from(first == "1.1.0");
    }
    assert!((1..12).contains(&canary), "{canary} of 12 have the canary");
}

fn follows_quickly() -> Builder {
    Deployment::builder()
        .admin()
        .set("rollout", "follow", "\"50ms\"")
        .set("rollout", "promote-after", "0")
}

/// What its callee does wrong is not counted against a caller that is on trial too.
async fn traps_and_its_caller_stays(deployment: Deployment) {
    let admin = deployment.admin_client(OPERATOR);
    let wish = json!({"revision": "1.1.0", "canary": 99});
    release(&deployment, &admin, NAME, variant(NAME, "b"), &wish).await;
    let trial = passkeys_on_trial(&deployment, "passkeys_trap").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(trial.why.starts_with("traps in 3 of "), "{}", trial.why);
    assert_eq!(trial.failed, 3, "of {}", trial.requests);
    let (what, why) = history(&admin, NAME).await.pop().unwrap();
    assert_eq!((what.as_str(), why.as_str()), ("canary", "-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_that_traps_is_rolled_back_and_its_caller_is_not() {
    traps_and_its_caller_stays(follows_quickly().start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_that_traps_is_rolled_back_over_the_mtls_link_too() {
    traps_and_its_caller_stays(follows_quickly().mtls_link().start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_that_denies_is_rolled_back() {
    let deployment = follows_quickly()
        .set("rollout", "least-calls", "10")
        .start()
        .await;
    let trial = passkeys_on_trial(&deployment, "passkeys_denied").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(
        trial.why.starts_with("refusals in 10 of 10 calls"),
        "{}",
        trial.why
    );
    assert_eq!(trial.failed, 10, "of {}", trial.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_manager_that_is_slow_is_rolled_back() {
    let deployment = follows_quickly()
        .set("rollout", "least-calls", "10")
        .start()
        .await;
    let trial = passkeys_on_trial(&deployment, "passkeys_slow").await;
    assert_eq!(trial.what, "rolled-back");
    assert!(trial.why.starts_with("slow: "), "{}", trial.why);
    assert_eq!(trial.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_crash_loops_is_taken_out_and_its_predecessor_returns() {
    let (deployment, admin, client) = stage().await;
    is_taken_out(&deployment, &admin, &client, "traps").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_computes_until_each_deadline_is_taken_out_too() {
    let deployment = Deployment::builder()
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("components.auth-service", "deadline", "\"300ms\"")
        .set("rollout", "follow", "\"50ms\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    is_taken_out(&deployment, &admin, &client, "loops_forever").await;
}

/// What waits may wait for something that is nobody's fault.
#[tokio::test(flavor = "multi_thread")]
async fn revision_that_waits_until_each_deadline_stays() {
    let deployment = Deployment::builder()
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("components.auth-service", "deadline", "\"100ms\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let client = deployment.client(WORKLOAD);
    let wasm = std::fs::read(guest_file("sleeps_past_its_deadline")).unwrap();
    let wish = json!({"revision": "1.1.0"});
    release(&deployment, &admin, NAME, wasm, &wish).await;
    for _ in 0..15 {
        let answer = client.get(REQUEST).await;
        assert_eq!(answer.problem(), (503, "busy".to_owned()));
    }
    assert_eq!(component(&admin, NAME).await["epoch"], 2);
}

/// With the tenth call that `guest` fails its predecessor is back.
async fn is_taken_out(deployment: &Deployment, admin: &Client, client: &Client, guest: &str) {
    let wasm = std::fs::read(guest_file(guest)).unwrap();
    let wish = json!({"revision": "1.1.0"});
    release(deployment, admin, NAME, wasm, &wish).await;
    for _ in 0..10 {
        let answer = client.get(REQUEST).await;
        assert_eq!(answer.problem(), (503, "busy".to_owned()));
    }
    // In force with the tenth trap, before anything is written down.
    assert_eq!(client.get(REQUEST).await.status(), 200);
    let started = Instant::now();
    while component(admin, NAME).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "it was not written down");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (what, why) = history(admin, NAME).await.pop().unwrap();
    assert_eq!(what, "taken-out");
    assert!(
        why.starts_with("crash loop: traps in 10 of 10 calls"),
        "{why}"
    );
    let record = deployment
        .record_where(|record| record.action == "rollout.take-out")
        .await;
    assert_eq!(record.outcome, "success");
}
