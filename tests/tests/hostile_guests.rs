//! Components that misbehave are stopped by their own limits. After each, the next
//! request succeeds, and one that was under way beside it is unharmed.
//!
//! The guests are `tests/guests/examples/*.rs`, one behaviour each, and
//! `tests/guests/two_memories.wat`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

use http::Method;
use serde_json::json;
use zeropass::registry::AdmissionError;
use zeropass_tests::deployment::audit::lines;
use zeropass_tests::deployment::{
    Answer, Client, Deployment, RelyingParty, WORKLOAD, component_file, guest_file,
};

/// Stopped by the clock.
const TOO_LONG: &str = "the request took too long";
/// Stopped by another limit, or by itself.
const NOT_COMPLETED: &str = "the request could not be completed";

// === refused when they are loaded ===

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_imports_a_socket_does_not_load() {
    let refused = refusal("imports_a_socket").await;
    assert_eq!(refused.code(), "import-not-granted");
    let message = refused.to_string();
    for import in ["wasi:sockets/tcp-create-socket@0.2", "wasi:sockets/tcp@0.2"] {
        assert!(message.contains(import), "{message}");
    }
    assert!(message.contains("this host does not have"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_service_that_imports_the_credential_store_does_not_load() {
    let refused = refusal("imports_the_credential_store").await;
    assert_eq!(refused.code(), "import-not-granted");
    assert_eq!(
        refused.to_string(),
        "component auth-service: asks for zeropass:store/credentials@1.0.0, \
         which policy does not grant to auth-service"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn component_in_the_place_of_another_does_not_load() {
    let swapped = Deployment::builder()
        .auth_service(component_file("passkey_manager"))
        .try_start()
        .await;
    let error = swapped.expect_err("the host refuses to start");
    let refused = error
        .downcast_ref::<AdmissionError>()
        .expect("a refusal to load");
    assert_eq!(refused.code(), "export-missing");
    for reason in [
        "asks for zeropass:store/credentials@1.0.0, which policy does not grant",
        "does not export incoming-handler.handle, which this host calls",
    ] {
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}

// === stopped while they run ===

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_loops_forever_is_stopped() {
    let stage = Stage::of("loops_forever", "2s").await;
    stage.is_stopped("/v1/users/x", TOO_LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_sleeps_past_its_deadline_in_a_host_call_is_stopped() {
    let stage = Stage::of("sleeps_past_its_deadline", "2s").await;
    stage.is_stopped("/v1/users/x", TOO_LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_allocates_forever_is_stopped() {
    let stage = Stage::of("allocates_forever", "1m").await;
    stage.is_stopped("/v1/users/x", NOT_COMPLETED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_recurses_without_end_is_stopped() {
    let stage = Stage::of("recurses", "1m").await;
    stage.is_stopped("/v1/users/x", NOT_COMPLETED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_floods_the_log_is_stopped() {
    let stage = Stage::of("floods_the_log", "1m").await;
    stage.is_stopped("/v1/users/x", NOT_COMPLETED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_floods_stdout_is_stopped() {
    // Its stream ends with its allowance; what is left of it is a loop.
    let stage = Stage::of("floods_stdout", "2s").await;
    stage.is_stopped("/v1/users/x", TOO_LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_traps_harms_its_own_request_alone() {
    let stage = Stage::of("traps", "1m").await;
    stage.is_stopped("/v1/users/x", NOT_COMPLETED).await;
    stage.is_stopped("/v1/users/half-way", NOT_COMPLETED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_with_an_enormous_response_is_stopped() {
    let stage = Stage::of("enormous_response", "1m").await;
    stage.is_stopped("/v1/users/body", NOT_COMPLETED).await;
    stage.is_stopped("/v1/users/headers", NOT_COMPLETED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_with_a_malformed_response_is_not_passed_on() {
    let stage = Stage::of("malformed_response", "1m").await;
    for kind in ["nothing", "error", "short", "long", "unfinished"] {
        stage
            .is_stopped(&format!("/v1/users/{kind}"), NOT_COMPLETED)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_with_two_memories_is_stopped_by_the_sum_of_both() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/two_memories.wat");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two_memories.wasm");
    std::fs::write(&file, wat::parse_file(text).unwrap()).unwrap();
    let deployment = Deployment::builder()
        .auth_service(&file)
        .set("components.auth-service", "memory", "\"32MiB\"")
        .set("components.auth-service", "probe", "\"/\"")
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let answer = async |method: Method| Answer::of(client.request(method, "/v1/users/x")).await;
    for _ in 0..3 {
        // 20 MiB more in one memory or the other are within the limit, both are not.
        assert_eq!(answer(Method::POST).await.status(), 200);
        assert_eq!(answer(Method::PUT).await.status(), 200);
        let (beside, refused) = tokio::join!(answer(Method::GET), answer(Method::DELETE));
        assert_eq!(beside.status(), 200);
        assert_refused(&deployment, &refused, NOT_COMPLETED).await;
    }
}

// === refused in what they ask for ===

#[tokio::test(flavor = "multi_thread")]
async fn guest_that_asks_for_another_relying_party_is_denied_and_audited() {
    let party = |id: &str, workload: &str| {
        RelyingParty::new(id)
            .origin(&format!("https://{id}"))
            .workload(workload)
    };
    let deployment = Deployment::builder()
        .auth_service(guest_file("asks_for_another_relying_party"))
        .relying_party(party("shop.example", "shop"))
        .relying_party(party("bank.example", "bank"))
        .start()
        .await;
    let (shop, bank) = (deployment.client("shop"), deployment.client("bank"));

    let (denied, beside) = tokio::join!(
        shop.get("/v1/users/bank.example"),
        bank.get("/v1/users/bank.example")
    );
    assert_eq!(denied.expect(200), json!({"answer": "not-permitted"}));
    let records = deployment.records_of(denied.request_id()).await;
    assert_eq!(
        lines(&records),
        [
            "auth-service accounts.find-by-name denied",
            "- api.users success"
        ]
    );
    assert_eq!(records[0].relying_party, "bank.example");
    assert!(records[0].workload.ends_with("/workload/shop"));

    // The same question from those whom it concerns is answered.
    assert_eq!(beside.expect(200), json!({"answer": "not-found"}));
    let own = shop.get("/v1/users/shop.example").await;
    assert_eq!(own.expect(200), json!({"answer": "not-found"}));
    // One that does not exist looks like one of others.
    let nowhere = shop.get("/v1/users/nowhere.example").await;
    assert_eq!(nowhere.expect(200), json!({"answer": "not-permitted"}));
}

// === helpers ===

/// A deployment whose auth-service is a hostile guest.
struct Stage {
    deployment: Deployment,
    client: Client,
}

impl Stage {
    /// With this deadline for each call, and no other limit of time below it.
    async fn of(guest: &str, deadline: &str) -> Self {
        let deployment = Deployment::builder()
            .auth_service(guest_file(guest))
            .set(
                "components.auth-service",
                "deadline",
                &json!(deadline).to_string(),
            )
            .set("service", "request-timeout", "\"2m\"")
            .start()
            .await;
        let client = deployment.client(WORKLOAD);
        Self { deployment, client }
    }

    /// The request is answered `busy` for this reason; one beside it and the next
    /// one are answered well.
    async fn is_stopped(&self, path: &str, reason: &str) {
        let (beside, refused) =
            tokio::join!(self.client.get("/v1/users/ok/later"), self.client.get(path));
        assert_eq!(beside.expect(200), json!({"well": true}));
        assert_refused(&self.deployment, &refused, reason).await;
        let next = self.client.get("/v1/users/ok/now").await;
        assert_eq!(next.expect(200), json!({"well": true}));
    }
}

async fn assert_refused(deployment: &Deployment, refused: &Answer, reason: &str) {
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(refused.json()["detail"], reason);
    assert_eq!(refused.header("retry-after"), "1");
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(lines(&records).last().unwrap(), "- api.users failed:busy");
}

/// Why the host does not start with this guest as auth-service.
async fn refusal(guest: &str) -> AdmissionError {
    let started = Deployment::builder()
        .auth_service(guest_file(guest))
        .try_start()
        .await;
    let error = started.expect_err("the host refuses to start");
    error.downcast().expect("a refusal to load")
}
