//! Who may be at either end of the link: handshakes that are refused, each with its
//! record.

use std::sync::Arc;

use http::Method;
use rustls::ClientConfig;
use zeropass::identity::pki::IssueRequest;
use zeropass::identity::{CurrentClientTls, link_client_config};
use zeropass::link::wire;
use zeropass::runtime::Deadline;
use zeropass_tests::deployment::certificates::{component, now, spiffe_id, workload};
use zeropass_tests::deployment::{
    Answer, Certificate, Deployment, Protocol, TRUST_DOMAIN, WORKLOAD,
};

use super::kit::{self, PATIENCE, Pki, clock, component_id};

const DAY: u64 = 24 * 60 * 60 * 1000;

async fn deployment() -> Deployment {
    Deployment::builder().mtls_link().start().await
}

/// TLS of a client that takes passkey-manager for what it is, with a certificate of
/// its own that the deployment's authority has issued.
fn tls(deployment: &Deployment, request: &IssueRequest) -> ClientConfig {
    let material = kit::material(deployment.ca(), &deployment.pki(), request);
    kit::client_config(&material)
}

/// The link listener does not answer it, and the audit log says why.
async fn assert_refused(deployment: &Deployment, tls: ClientConfig, code: &str) {
    let before = deployment.records().await.last().map_or(0, |last| last.seq);
    let client = deployment.client_at(deployment.link_address(), tls, Protocol::Http2);
    let answer = Answer::try_of(client.request(Method::GET, wire::HELLO)).await;
    assert!(answer.is_err(), "{code}: {answer:?}");
    let record = deployment
        .record_where(|record| record.seq > before && record.action == "connection.accept")
        .await;
    assert_eq!(record.outcome, format!("failed:{code}"));
    assert_eq!(record.target, "link");
    // The link itself goes on.
    let relying_party = deployment.client(WORKLOAD);
    relying_party
        .post("/v1/authentications", &serde_json::json!({}))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_service_is_answered() {
    let deployment = deployment().await;
    let tls = tls(&deployment, &component("auth-service"));
    let client = deployment.client_at(deployment.link_address(), tls, Protocol::Http2);
    assert_eq!(client.get(wire::HELLO).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn workload_that_calls_passkey_manager_directly_is_refused() {
    let deployment = deployment().await;
    let tls = tls(&deployment, &workload(WORKLOAD));
    assert_refused(&deployment, tls, "peer-unexpected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn svid_of_the_other_component_is_refused() {
    let deployment = deployment().await;
    let tls = tls(&deployment, &component("passkey-manager"));
    assert_refused(&deployment, tls, "peer-unexpected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_is_refused_by_the_link_listener() {
    let deployment = deployment().await;
    let id = format!("spiffe://{TRUST_DOMAIN}/operator/dev");
    let tls = tls(&deployment, &IssueRequest::workload(&id, now()));
    assert_refused(&deployment, tls, "peer-unexpected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn component_of_another_trust_domain_is_refused() {
    let deployment = deployment().await;
    let id = "spiffe://elsewhere/component/auth-service";
    let tls = tls(&deployment, &IssueRequest::workload(id, now()));
    assert_refused(&deployment, tls, "trust-domain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn component_of_another_ca_is_refused() {
    let deployment = deployment().await;
    let stranger = Pki::new().material(&component("auth-service"));
    // It takes the listener for what it is: only the listener's verdict counts here.
    let trusting = kit::material(
        deployment.ca(),
        &deployment.pki(),
        &component("auth-service"),
    );
    let mut tls = kit::client_config(&trusting);
    tls.client_auth_cert_resolver = kit::client_config(&stranger).client_auth_cert_resolver;
    assert_refused(&deployment, tls, "unknown-ca").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_component_is_refused() {
    let deployment = deployment().await;
    let mut tls = tls(&deployment, &component("auth-service"));
    let mut request = component("auth-service");
    request.not_before = now() - 2 * DAY;
    request.not_after = now() - DAY;
    let expired: Certificate = deployment.issue(&request);
    let expired = deployment.client_config(Some(&expired));
    tls.client_auth_cert_resolver = Arc::clone(&expired.client_auth_cert_resolver);
    assert_refused(&deployment, tls, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn component_without_a_certificate_is_refused() {
    let deployment = deployment().await;
    let mut tls = tls(&deployment, &component("auth-service"));
    let none = deployment.client_config(None);
    tls.client_auth_cert_resolver = Arc::clone(&none.client_auth_cert_resolver);
    assert_refused(&deployment, tls, "no-certificate").await;
}

/// The service listener takes workloads, and what a component may do there is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn component_is_denied_by_the_service_listener() {
    let deployment = deployment().await;
    for name in ["auth-service", "passkey-manager"] {
        let certificate = deployment.issue(&component(name));
        let client = deployment.client_with(Some(&certificate), Protocol::Http2);
        let refused = client.get("/.well-known/jwks.json").await;
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    }
}

/// Whoever answers at the other end must be passkey-manager, or nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn caller_refuses_another_workload_at_the_other_end() {
    let pki = Pki::new();
    let back = pki
        .back(Box::new(|_| panic!("nothing may be asked of a stranger")))
        .await;
    for callee in [
        component_id("auth-service"),
        spiffe_id("relying-party").parse().unwrap(),
        "spiffe://elsewhere/component/passkey-manager"
            .parse()
            .unwrap(),
    ] {
        let own = pki.material(&component("auth-service"));
        let tls = link_client_config(&own, &callee, clock()).unwrap();
        let link = kit::link(&[back.address], CurrentClientTls::new(tls));
        let failed = kit::list(&link, Deadline::within(PATIENCE)).await;
        assert_eq!(failed, Err(zeropass::link::Failed::Unreachable), "{callee}");
    }
}

/// A host whose files are mixed up does not start.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_the_other_component_is_found_at_the_start() {
    let error = Deployment::builder()
        .mtls_link()
        .set(
            "link.auth-service",
            "certificate",
            "\"pki/passkey-manager.pem\"",
        )
        .set("link.auth-service", "key", "\"pki/passkey-manager.key\"")
        .try_start()
        .await
        .err()
        .unwrap();
    let error = format!("{error:#}");
    assert!(
        error.contains("the certificate is that of `spiffe://zeropass.internal/component/passkey-manager`; this component is `spiffe://zeropass.internal/component/auth-service`"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_of_the_components_come_into_force() {
    let deployment = deployment().await;
    let relying_party = deployment.client(WORKLOAD);
    for name in ["auth-service", "passkey-manager"] {
        let renewed = deployment.issue(&component(name));
        let pki = deployment.pki();
        std::fs::write(pki.join(format!("{name}.key")), renewed.key_pem()).unwrap();
        std::fs::write(pki.join(format!("{name}.pem")), renewed.pem()).unwrap();
        deployment
            .record_where(|record| {
                record.action == "identity.renew"
                    && record.outcome == "success"
                    && record.target == component_id(name).to_string()
            })
            .await;
        relying_party
            .post("/v1/authentications", &serde_json::json!({}))
            .await
            .expect(201);
    }
}

/// A certificate that is good, but somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_another_component_keeps_the_old_one_and_raises_an_alarm() {
    let deployment = deployment().await;
    let relying_party = deployment.client(WORKLOAD);
    for (name, other) in [
        ("auth-service", "passkey-manager"),
        ("passkey-manager", "auth-service"),
    ] {
        let wrong = deployment.issue(&component(other));
        deployment.replace(&format!("{name}.key"), wrong.key_pem());
        deployment.replace(&format!("{name}.pem"), wrong.pem());
        let id = component_id(name).to_string();
        let alarm = deployment
            .record_where(|record| {
                record.action == "identity.renew"
                    && record.target == id
                    && record.outcome != "failed:key-mismatch"
            })
            .await;
        assert_eq!(alarm.outcome, "failed:identity-unexpected");
        let metrics = deployment.metrics().render();
        let series = format!("\nzeropass_identity_failures_total{{identity=\"{name}\"}} ");
        let (_, rest) = metrics.split_once(&series).expect("a series");
        assert!(!rest.starts_with("0\n"), "{metrics}");
        relying_party
            .post("/v1/authentications", &serde_json::json!({}))
            .await
            .expect(201);
    }
}
