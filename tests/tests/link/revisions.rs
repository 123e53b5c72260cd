//! The revision that calls: admitted by the other end's own signers, at every call.

use serde_json::json;
use zeropass::registry::{SigningKey, sha256};
use zeropass_tests::deployment::certificates::of_path;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Answer, Builder, Client, Deployment, ORIGIN, Person, Protocol, WORKLOAD, component_file,
    copied_policies,
};
use zeropass_tests::rollout::{OPERATOR, push_signed};
use zeropass_tests::signing::minisig;

use super::kit::component_id;

const INTROSPECT: &str = "/v1/sessions/introspect";

/// A back tier, and a front tier before it that `change` changes.
async fn tiers(change: impl FnOnce(Builder) -> Builder) -> (Deployment, Deployment, Client) {
    let back = Deployment::builder().back().start().await;
    let front = Deployment::builder()
        .front(&[back.link_address()])
        .certificates_of(&back.pki());
    let front = change(front).start().await;
    let tls = back.client_config(Some(&back.certificate(WORKLOAD)));
    let client = back.client_at(front.address(), tls, Protocol::Http2);
    (back, front, client)
}

async fn begin(client: &Client) -> Answer {
    client.post("/v1/authentications", &json!({})).await
}

/// Let the back trust the front's key with auth-service, or not any more, from now on.
async fn trust(back: &Deployment, front: &Deployment, revoked: bool) {
    let signer = front.key().signer(&["auth-service"]);
    let file = back.folder().join("signers/front.toml");
    std::fs::write(file, format!("{signer}revoked = {revoked}\n")).unwrap();
    back.reload_policy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn back_tier_knows_the_callers_revision_by_its_signature() {
    let (back, _front, client) = tiers(|front| front).await;
    let answer = begin(&client).await;
    assert_eq!(answer.status(), 201);
    let records = back.records_of(answer.request_id()).await;
    let of_call = |outcome: &str| {
        let mut of_call = records.iter().filter(|record| {
            record.action == "authentication.begin" && record.component_name == "auth-service"
        });
        of_call.find(|record| record.outcome == outcome).cloned()
    };
    // Asked for its signature once, and known since then.
    assert!(of_call("failed:revision-unknown").is_some(), "{records:?}");
    let called = of_call("success").unwrap();
    assert_eq!(called.component_revision, "1.0.0");
    let file = std::fs::read(component_file("auth_service")).unwrap();
    assert_eq!(called.component_digest, sha256(&file));
    let again = begin(&client).await;
    let records = back.records_of(again.request_id()).await;
    let outcomes: Vec<_> = records.iter().map(|record| &*record.outcome).collect();
    assert!(
        !outcomes.contains(&"failed:revision-unknown"),
        "{outcomes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_whose_signer_the_back_revokes_calls_no_more() {
    let (back, front, client) = tiers(Builder::own_key).await;
    trust(&back, &front, false).await;
    assert_eq!(begin(&client).await.status(), 201);
    let ada = Person::at(ORIGIN);
    ada.register(&client, "ada").await.expect(201);
    let signed_in = ada.sign_in(&client, "ada").await.expect(200);
    let worth = || client.post_token(INTROSPECT, text(&signed_in["session"]["token"]));
    assert_eq!(worth().await.expect(200)["active"], true);
    trust(&back, &front, true).await;
    // Its connection is of no more use.
    let cut = back
        .record_where(|record| {
            record.action == "connection.keep" && record.outcome == "failed:not-permitted"
        })
        .await;
    assert_eq!(cut.workload, component_id("auth-service").to_string());
    assert_eq!(cut.target, "link");
    let refused = begin(&client).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    let records = back.records_of(refused.request_id()).await;
    assert!(!records.is_empty());
    for record in records {
        assert_eq!(record.outcome, "failed:signer-revoked");
        assert_eq!(record.action, "authentication.begin");
    }
    // That says nothing about sessions, of which inactive ones stay so.
    assert_eq!(worth().await.problem(), (503, "busy".to_owned()));
    trust(&back, &front, false).await;
    assert_eq!(begin(&client).await.status(), 201);
    assert_eq!(worth().await.expect(200)["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_nobody_has_signed_for_the_back_is_not_admitted() {
    let (back, _front, client) = tiers(Builder::own_key).await;
    let refused = begin(&client).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    let records = back.records_of(refused.request_id()).await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0].outcome, "failed:revision-unknown");
    // What it showed then was judged too.
    let shown = back
        .record_where(|record| record.action == "revision.show")
        .await;
    assert_eq!(shown.outcome, "failed:signer-unknown");
    assert_eq!(shown.workload, component_id("auth-service").to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn back_tier_that_requires_no_signatures_takes_the_callers_word() {
    let back = Deployment::builder()
        .back()
        .set("components", "require-signatures", "false")
        .start()
        .await;
    let front = Deployment::builder()
        .front(&[back.link_address()])
        .certificates_of(&back.pki())
        .own_key()
        .start()
        .await;
    let tls = back.client_config(Some(&back.certificate(WORKLOAD)));
    let client = back.client_at(front.address(), tls, Protocol::Http2);
    assert_eq!(begin(&client).await.status(), 201);
}

/// The front's file is signed with another key, and the back revokes the first one.
#[tokio::test(flavor = "multi_thread")]
async fn revision_that_was_signed_anew_shows_its_newer_signature() {
    const NAME: &str = "auth-service";
    let (back, front, client) = tiers(|front| front.own_key().admin()).await;
    trust(&back, &front, false).await;
    assert_eq!(begin(&client).await.status(), 201);
    let key = SigningKey::generate().unwrap();
    for deployment in [&back, &front] {
        let file = deployment.folder().join("signers/next.toml");
        std::fs::write(file, key.signer(&[NAME])).unwrap();
        deployment.reload_policy().await.unwrap();
    }
    let wasm = std::fs::read(component_file("auth_service")).unwrap();
    let signature = minisig(&key, NAME, "1.0.0", &wasm).unwrap();
    let operator = back.issue(&of_path(OPERATOR));
    let address = front.admin_url().trim_start_matches("https://").parse();
    let tls = back.client_config(Some(&operator));
    let admin = back.client_at(address.unwrap(), tls, Protocol::Http2);
    let anew = push_signed(&admin, NAME, &signature, wasm).await;
    assert_eq!(anew.expect(200)["new"], false);
    assert_eq!(begin(&client).await.status(), 201);
    trust(&back, &front, true).await;
    let answer = begin(&client).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(begin(&client).await.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn component_that_policy_allows_nothing_any_more_loses_its_link() {
    loses_its_link(|builder| builder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn component_without_a_signature_loses_its_link_like_any_other() {
    let unsigned = |builder: Builder| builder.set("components", "require-signatures", "false");
    loses_its_link(|builder| unsigned(builder).own_key()).await;
}

async fn loses_its_link(change: impl Fn(Builder) -> Builder) {
    let policies = copied_policies();
    let back = Deployment::builder().back().policies(policies.path());
    let back = change(back).start().await;
    let front = Deployment::builder()
        .front(&[back.link_address()])
        .certificates_of(&back.pki());
    let front = change(front).start().await;
    let tls = back.client_config(Some(&back.certificate(WORKLOAD)));
    let client = back.client_at(front.address(), tls, Protocol::Http2);
    assert_eq!(begin(&client).await.status(), 201);

    let forbid = "@id(\"auth-service.none\")\nforbid (principal == Component::\"auth-service\", action, resource is RelyingParty);\n";
    std::fs::write(policies.path().join("components/none.cedar"), forbid).unwrap();
    // What is delivered tests that the component may call.
    std::fs::remove_dir_all(policies.path().join("tests")).unwrap();
    back.reload_policy().await.unwrap();
    let cut = back
        .record_where(|record| {
            record.action == "connection.keep" && record.outcome == "failed:not-permitted"
        })
        .await;
    assert_eq!(cut.workload, component_id("auth-service").to_string());
    let refused = begin(&client).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
}
