//! Calls at the link door: both ends decide and record, and versions may differ.

use http::Method;
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use zeropass::link::wire::{self, envelope::Refusal};
use zeropass::policy::action::AccountsFindById;
use zeropass_tests::deployment::audit::lines;
use zeropass_tests::deployment::certificates::{component, spiffe_id};
use zeropass_tests::deployment::{
    Answer, Builder, Client, Deployment, ORIGIN, Protocol, RP_ID, RelyingParty, WORKLOAD,
};

use super::kit;
use super::scene;

/// auth-service itself, without a sandbox: what it may call is for the other end to say.
pub fn auth_service(deployment: &Deployment) -> Client {
    let own = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let tls = kit::client_config(&own);
    deployment.client_at(deployment.link_address(), tls, Protocol::Http2)
}

pub async fn call(client: &Client, path: &str, body: &Value) -> Answer {
    let body = wire::encode(body).to_vec();
    client
        .post_bytes(path, Some(wire::CONTENT_TYPE), body)
        .await
}

/// What the function said, as JSON: there are no byte strings in what we look at.
pub fn said(answer: &Answer) -> Value {
    assert_eq!(answer.status(), 200, "{:?}", refusal(answer));
    wire::decode(answer.body()).unwrap()
}

pub fn refusal(answer: &Answer) -> Refusal {
    wire::decode(answer.body()).unwrap()
}

fn list(rp_id: &str, workload: &str) -> Value {
    json!({
        "request": {"id": "01-from-afar", "workload": spiffe_id(workload)},
        "component": {"name": "auth-service", "digest": "00", "revision": "1.2.3"},
        "deadline": 5_000,
        "arguments": {"rp-id": rp_id, "user-id": "8a2b6c1e-4f1d-4c6a-9b1e-0123456789ab"},
    })
}

const LIST: &str = "/zeropass.passkeys/v1/lifecycle.list";

/// A deployment whose link takes revisions that exist in a test alone.
fn believing() -> Builder {
    Deployment::builder()
        .mtls_link()
        .set("components", "require-signatures", "false")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_decide_and_record_under_one_request_id() {
    let (deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await;
    let records = deployment.records_of(begun.request_id()).await;
    let mut all = lines(&records);
    all.sort();
    let begins: Vec<_> = records
        .iter()
        .filter(|record| record.action == "authentication.begin")
        .collect();
    // One by each end: the same component, decided by the same policy.
    assert_eq!(begins.len(), 2, "{all:#?}");
    assert_eq!(begins[0].component_digest, begins[1].component_digest);
    assert_eq!(begins[0].policies, begins[1].policies);
    assert_eq!(begins[0].workload, begins[1].workload);
    // Each with the address that it saw itself.
    assert_ne!(begins[0].address, begins[1].address);
    assert!(
        all.contains(&"passkey-manager ceremonies.put success".to_owned()),
        "{all:#?}"
    );
    assert_eq!(begun.status(), 201);
}

/// One commit with what either end says of the call, which is that of the ceremony too, unless
/// the request is slow.
#[tokio::test(flavor = "multi_thread")]
async fn both_ends_on_one_host_write_their_records_of_a_call_together() {
    let (deployment, client, ada) = scene().await;
    ada.register(&client, "ada").await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await;
    let file = deployment.folder().join("zeropass.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut db = options.connect().await.unwrap();
    let commits = "SELECT records FROM audit_blocks WHERE instr(records, ?1) ORDER BY first";
    let commits: Vec<String> = sqlx::query_scalar(commits)
        .bind(begun.request_id())
        .fetch_all(&mut db)
        .await
        .unwrap();
    let counts = |action: &str| -> Vec<usize> {
        let action = format!("\"{action}\"");
        let count = |records: &String| records.matches(&action).count();
        commits.iter().map(count).collect()
    };
    let put: usize = counts("ceremonies.put").iter().sum();
    assert_eq!(put, 1, "{commits:#?}");
    let with_the_request = |action: &str| match *counts(action) {
        [here] | [0, here] => here,
        _ => 0,
    };
    assert_eq!(with_the_request("authentication.begin"), 2, "{commits:#?}");
    assert_eq!(with_the_request("api.authentications"), 1, "{commits:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_is_answered_and_recorded_on_its_own() {
    let deployment = believing().start().await;
    let caller = auth_service(&deployment);
    let answer = call(&caller, LIST, &list(RP_ID, WORKLOAD)).await;
    assert_eq!(said(&answer), json!({"ok": []}));
    assert_eq!(answer.header("zeropass-version"), wire::VERSION);
    let records = deployment.records_of("01-from-afar").await;
    assert_eq!(
        lines(&records),
        [
            "passkey-manager credentials.list-for-user success",
            "auth-service lifecycle.list success",
        ]
    );
    assert_eq!(records[1].component_revision, "1.2.3");
    assert_eq!(records[1].workload, spiffe_id(WORKLOAD));
}

#[tokio::test(flavor = "multi_thread")]
async fn store_begins_nothing_for_a_caller_whose_time_is_over() {
    let deployment = believing().back().start().await;
    let caller = auth_service(&deployment);
    let mut body = list(RP_ID, WORKLOAD);
    body["arguments"] = json!({"rp-id": RP_ID, "id": "8a2b6c1e-4f1d-4c6a-9b1e-0123456789ab"});
    let path = wire::path::<AccountsFindById>();
    let answer = call(&caller, &path, &body).await;
    assert_eq!(said(&answer), json!({"error": "not-found"}));
    body["request"]["id"] = json!("02-too-late");
    body["deadline"] = json!(0);
    let answer = call(&caller, &path, &body).await;
    assert_eq!(said(&answer), json!({"error": "busy"}));
    assert_eq!(
        lines(&deployment.records_of("02-too-late").await),
        ["auth-service accounts.find-by-id failed:abandoned"]
    );
}

/// The front says that a workload asks; whether it may is decided again.
#[tokio::test(flavor = "multi_thread")]
async fn other_end_denies_what_its_own_policy_denies() {
    let deployment = believing()
        .relying_party(RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD))
        .relying_party(
            RelyingParty::new("shop.example")
                .origin("https://shop.example")
                .workload("shop"),
        )
        .start()
        .await;
    let caller = auth_service(&deployment);
    for (rp_id, workload) in [
        ("shop.example", WORKLOAD),
        (RP_ID, "shop"),
        (RP_ID, "stranger"),
        ("nowhere.example", WORKLOAD),
    ] {
        let mut body = list(rp_id, workload);
        // Believed are only the relying parties that both ends know.
        body["request"]["relying-parties"] = json!([rp_id]);
        let answer = said(&call(&caller, LIST, &body).await);
        assert_eq!(answer["error"]["code"], "not-permitted", "{answer}");
        let record = deployment
            .record_where(|record| {
                record.outcome == "denied"
                    && record.action == "lifecycle.list"
                    && record.relying_party == rp_id
                    && record.workload == spiffe_id(workload)
            })
            .await;
        assert_eq!(record.request_id, "01-from-afar");
    }
}

/// The certificate says which component calls, not the body.
#[tokio::test(flavor = "multi_thread")]
async fn component_is_that_of_the_certificate() {
    let deployment = believing().start().await;
    let caller = auth_service(&deployment);
    let mut body = list(RP_ID, WORKLOAD);
    body["component"]["name"] = json!("passkey-manager");
    said(&call(&caller, LIST, &body).await);
    let records = deployment.records_of("01-from-afar").await;
    assert_eq!(lines(&records)[1], "auth-service lifecycle.list success");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_caller_with_fields_of_its_own_is_understood() {
    let deployment = believing().start().await;
    let caller = auth_service(&deployment);
    let mut body = list(RP_ID, WORKLOAD);
    body["arguments"]["sorted-by"] = json!({"field": "label"});
    body["request"]["purpose"] = json!("new in 1.1");
    body["priority"] = json!(7);
    let body = wire::encode(&body).to_vec();
    let answer = Answer::of(
        caller
            .request(Method::POST, LIST)
            .header(wire::VERSION_HEADER, "1.1.0")
            .body(body),
    )
    .await;
    assert_eq!(said(&answer), json!({"ok": []}));
}

/// An older caller knows nothing of optional arguments that came later.
#[tokio::test(flavor = "multi_thread")]
async fn older_caller_without_optional_fields_is_understood() {
    let deployment = believing().start().await;
    let caller = auth_service(&deployment);
    let mut body = list(RP_ID, WORKLOAD);
    // No user verification, resident key, attestation or hints.
    body["arguments"] = json!({"request": {
        "rp-id": RP_ID,
        "user": {"id": "8a2b6c1e-4f1d-4c6a-9b1e-0123456789ab", "name": "a", "display-name": "a"},
    }});
    let answer = call(&caller, "/zeropass.passkeys/v1/registration.begin", &body).await;
    assert_eq!(answer.status(), 200);
    let options: wire::envelope::Answer<wire::passkeys::CreationOptions, Value> =
        wire::decode(answer.body()).unwrap();
    let wire::envelope::Answer::Ok(options) = options else {
        panic!("refused");
    };
    assert_eq!(options.rp_id, RP_ID);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_versions_functions_and_bodies_are_refused_by_code() {
    let deployment = believing().start().await;
    let caller = auth_service(&deployment);
    let body = list(RP_ID, WORKLOAD);
    for (path, status, code) in [
        (
            "/zeropass.passkeys/v2/lifecycle.list",
            501,
            "version-unsupported",
        ),
        (
            "/zeropass.passkeys/v0/lifecycle.list",
            501,
            "version-unsupported",
        ),
        (
            "/zeropass.passkeys/v1/lifecycle.sort",
            404,
            "unknown-function",
        ),
        (
            "/zeropass.passkeys/v1/credentials.get",
            404,
            "unknown-function",
        ),
        ("/zeropass.tokens/v1/tokens.sign", 404, "unknown-function"),
        ("/lifecycle.list", 404, "unknown-function"),
        // One host: nobody in front needs accounts from here.
        ("/zeropass.store/v1/accounts.find-by-id", 404, "not-served"),
        ("/rates", 404, "not-served"),
    ] {
        let answer = call(&caller, path, &body).await;
        let refusal = refusal(&answer);
        assert_eq!(
            (answer.status(), refusal.code.as_str()),
            (status, code),
            "{path}"
        );
        assert!(!refusal.detail.is_empty());
    }
    let mut without = list(RP_ID, WORKLOAD);
    without["arguments"]
        .as_object_mut()
        .unwrap()
        .remove("user-id");
    let mut unfit = list(RP_ID, WORKLOAD);
    unfit["request"]["workload"] = json!("https://not-a-spiffe-id");
    for body in [without, unfit, json!("text"), json!({})] {
        let answer = call(&caller, LIST, &body).await;
        let refusal = refusal(&answer);
        assert_eq!(
            (answer.status(), refusal.code.as_str()),
            (400, "malformed"),
            "{body}"
        );
    }
    let huge = json!({"padding": "x".repeat(2 * 1024 * 1024)});
    let answer = Answer::try_of(
        caller
            .request(Method::POST, LIST)
            .body(wire::encode(&huge).to_vec()),
    )
    .await;
    // Refused by its announced length; the stream may be reset before all is sent.
    if let Ok(answer) = answer {
        assert_eq!(
            (answer.status(), refusal(&answer).code.as_str()),
            (413, "too-large")
        );
    }
}
