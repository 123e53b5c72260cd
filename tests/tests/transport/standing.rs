//! Connections end with what they rest on; those that rest on something else go on.

use std::fs;
use std::time::{Duration, Instant};

use zeropass::identity::TrustDomain;
use zeropass::identity::pki::Ca;
use zeropass_tests::deployment::certificates::{now, revocation_list, spiffe_id, workload};
use zeropass_tests::deployment::{
    Certificate, Deployment, ORIGIN, RP_ID, RelyingParty, Stream, TRUST_DOMAIN, WORKLOAD,
    copied_policies,
};

/// The record of a connection that the host ended.
async fn assert_ended(deployment: &Deployment, workload: &str, code: &str) {
    let record = deployment
        .record_where(|record| {
            record.action == "connection.keep" && record.workload == spiffe_id(workload)
        })
        .await;
    assert_eq!(record.outcome, format!("failed:{code}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_client_loses_its_connection() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let revoked = deployment.certificate(WORKLOAD);
    let ending = Stream::open(&deployment, &revoked).await;
    let staying = Stream::of_workload(&deployment).await;
    let list = revocation_list(deployment.ca(), &[&revoked]);
    let change = || deployment.replace("crl.pem", &list);
    ending.cut_promptly_by(change).await;
    assert_ended(&deployment, WORKLOAD, "revoked").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn client_of_a_revoked_intermediate_loses_its_connection() {
    let domain: TrustDomain = TRUST_DOMAIN.parse().unwrap();
    let deployment = Deployment::builder().with_revocation().start().await;
    let between = deployment.ca().subordinate(&domain, now()).unwrap();
    let of_between = revocation_list(&between, &[]);
    let mut changes = deployment.identity().changes();
    changes.mark_unchanged();
    let of_root = revocation_list(deployment.ca(), &[]);
    deployment.replace("crl.pem", &format!("{of_root}{of_between}"));
    changes.changed().await.unwrap();

    let below = between.issue(&workload(WORKLOAD)).unwrap();
    let below = Certificate::new(format!("{}{}", below.certificate, between.pem()), below.key);
    let ending = Stream::open(&deployment, &below).await;
    let staying = Stream::of_workload(&deployment).await;
    let since = Instant::now();
    let serial = zeropass::identity::ca::serial_of(between.certificate()).unwrap();
    let of_root = deployment
        .ca()
        .revocation_list(&[serial], now() - 60_000, now() + 60_000)
        .unwrap();
    deployment.replace("crl.pem", &format!("{of_root}{of_between}"));
    ending.cut_promptly(since).await;
    assert_ended(&deployment, WORKLOAD, "revoked").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_client_loses_its_connection() {
    let deployment = Deployment::start().await;
    let mut request = workload(WORKLOAD);
    // X.509 has whole seconds.
    request.not_after = (now() + 3_000) / 1000 * 1000;
    let ending = Stream::open(&deployment, &deployment.issue(&request)).await;
    let staying = Stream::of_workload(&deployment).await;
    let end = Instant::now() + Duration::from_millis(request.not_after - now());
    ending.cut_promptly(end).await;
    assert_ended(&deployment, WORKLOAD, "expired").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_root_ends_connections() {
    let domain: TrustDomain = TRUST_DOMAIN.parse().unwrap();
    let second = Ca::new(&domain, now()).unwrap();
    let deployment = Deployment::builder().trusting_too(&second).start().await;
    let ending = Stream::open(&deployment, &Certificate::of(&second, &workload(WORKLOAD))).await;
    let staying = Stream::of_workload(&deployment).await;
    let change = || deployment.replace("ca.pem", deployment.ca().pem());
    ending.cut_promptly_by(change).await;
    assert_ended(&deployment, WORKLOAD, "unknown-ca").await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn client_dropped_by_policy_loses_its_connection() {
    let policies = copied_policies();
    let deployment = Deployment::builder()
        .policies(policies.path())
        .relying_party(
            RelyingParty::new(RP_ID)
                .origin(ORIGIN)
                .workload(WORKLOAD)
                .workload("dropped"),
        )
        .start()
        .await;
    let ending = Stream::open(&deployment, &deployment.certificate("dropped")).await;
    let staying = Stream::of_workload(&deployment).await;
    fs::write(
        policies.path().join("workloads/dropped.cedar"),
        format!(
            "@id(\"workload.dropped\")\nforbid (principal == Workload::\"{}\", action in Action::\"api\", resource);\n",
            spiffe_id("dropped")
        ),
    )
    .unwrap();
    let since = Instant::now();
    assert_eq!(deployment.reload_policy().await.unwrap(), 2);
    ending.cut_promptly(since).await;
    assert_ended(&deployment, "dropped", "not-permitted").await;
    assert!(!staying.has_ended());
    let client = deployment.client("dropped");
    let refused = client.get("/.well-known/jwks.json").await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));

    // A bundle that is no good changes nothing, and has its record.
    fs::write(policies.path().join("broken.cedar"), "permit (").unwrap();
    assert!(deployment.reload_policy().await.is_err());
    let records = deployment.records_of("by-hand").await;
    let reloads: Vec<_> = records
        .iter()
        .map(|record| (record.action.as_str(), record.outcome.as_str()))
        .collect();
    assert_eq!(
        reloads,
        [
            ("policy.reload", "success"),
            ("policy.reload", "failed:policy-refused")
        ]
    );
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_ends_at_its_greatest_age() {
    let deployment = Deployment::builder()
        .set("service", "max-connection-age", "\"1s\"")
        .set("service", "request-timeout", "\"500ms\"")
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    assert_ended(&deployment, WORKLOAD, "max-age").await;
    // A client that asks again connects again.
    client.get("/.well-known/jwks.json").await.expect(200);
}

/// A connection that is being wound down has answers under way, and still a client that may
/// lose its trust.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_client_is_cut_off_though_its_connection_is_being_wound_down() {
    let aged = Deployment::builder()
        .with_revocation()
        .set("service", "max-connection-age", "\"1s\"")
        .start()
        .await;
    let revoked = aged.certificate(WORKLOAD);
    let ending = Stream::open(&aged, &revoked).await;
    assert_ended(&aged, WORKLOAD, "max-age").await;
    assert!(!ending.has_ended());
    let change = || aged.replace("crl.pem", &revocation_list(aged.ca(), &[&revoked]));
    ending.cut_promptly_by(change).await;

    let mut draining = Deployment::builder().with_revocation().start().await;
    let revoked = draining.certificate(WORKLOAD);
    let ending = Stream::open(&draining, &revoked).await;
    let staying = Stream::of_workload(&draining).await;
    draining.begin_drain();
    let change = || draining.replace("crl.pem", &revocation_list(draining.ca(), &[&revoked]));
    ending.cut_promptly_by(change).await;
    assert!(!staying.has_ended());
}
