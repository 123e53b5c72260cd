//! The call that a revision must answer before any traffic.

use zeropass_tests::deployment::guest_file;

use super::stage::{Stage, patched, shipped};

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_answers_wrongly_is_refused() {
    let stage = Stage::new().await;
    // The description is no longer where it is asked for.
    let wasm = patched(
        &shipped("auth-service"),
        "/openapi.json",
        "/openapi.yaml",
        "",
    );
    assert_eq!(
        stage.refusal("auth-service", &wasm, None).await,
        (
            "probe-failed",
            "component auth-service: refused by the probe: GET /openapi.json was answered 404; \
             expected 200"
                .to_owned()
        )
    );
    // It is, but it is no description.
    let wasm = patched(
        &shipped("auth-service"),
        "\"openapi\": ",
        "\"opendoor\":",
        "",
    );
    assert_eq!(
        stage.refusal("auth-service", &wasm, None).await,
        (
            "probe-failed",
            "component auth-service: refused by the probe: GET /openapi.json was answered with \
             something else than an OpenAPI document"
                .to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_traps_on_the_probe_is_refused() {
    let stage = Stage::new().await;
    let wasm = std::fs::read(guest_file("traps_on_the_probe")).unwrap();
    let (code, message) = stage.refusal("auth-service", &wasm, None).await;
    assert_eq!(code, "probe-failed");
    assert!(
        message.starts_with(
            "component auth-service: refused by the probe: GET /openapi.json failed: the \
             component failed: "
        ),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_touches_nobodys_data_and_its_records_are_marked() {
    let stage = Stage::new().await;
    stage.shipped("passkey-manager", "1.0.0").await;
    stage.shipped("auth-service", "1.0.0").await;
    let records = stage.services.store.records(0, 100).await.unwrap();
    let told: Vec<String> = records
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one.workload, one.action, one.relying_party, one.outcome
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "probe credentials.list-for-user probe.invalid denied",
            "probe relying-party.describe probe.invalid denied",
        ]
    );
}
