//! `/livez` and `/readyz`, the only answers without a certificate.

use http::StatusCode;
use zeropass_tests::deployment::{Certificate, Deployment, WORKLOAD, certificates};

pub async fn ask(deployment: &Deployment, path: &str) -> StatusCode {
    certificates::install_provider();
    let client = reqwest::Client::builder()
        .no_proxy()
        .unix_socket(deployment.health_socket())
        .build()
        .unwrap();
    let answer = client.get(format!("http://localhost{path}")).send().await;
    answer.expect("health is answered").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn host_that_serves_is_live_and_ready() {
    let deployment = Deployment::start().await;
    assert_eq!(ask(&deployment, "/livez").await, 200);
    assert_eq!(ask(&deployment, "/readyz").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_listener_answers_nothing_else() {
    let deployment = Deployment::start().await;
    for path in [
        "/",
        "/metrics",
        "/.well-known/jwks.json",
        "/v1/users/x/passkeys",
    ] {
        assert_eq!(ask(&deployment, path).await, 404, "{path}");
    }
    let client = deployment.client(WORKLOAD);
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            client.get(path).await.status(),
            404,
            "{path} of the service listener"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn host_whose_store_is_gone_is_live_but_not_ready() {
    let deployment = Deployment::start().await;
    deployment.services().store.close().await;
    assert_eq!(ask(&deployment, "/livez").await, 200);
    assert_eq!(ask(&deployment, "/readyz").await, 503);
    // And what can't be recorded is not answered.
    let refused = deployment
        .client(WORKLOAD)
        .get("/.well-known/jwks.json")
        .await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn host_whose_certificate_has_ended_is_live_but_not_ready() {
    let deployment = Deployment::builder()
        .prepare(|ca, pki| {
            let mut request = certificates::workload("host");
            request.not_after = certificates::now() + 2_000;
            let issued = ca.issue(&request).unwrap();
            std::fs::write(pki.join("host.key"), issued.key).unwrap();
            std::fs::write(pki.join("host.pem"), issued.certificate).unwrap();
        })
        .start()
        .await;
    assert_eq!(ask(&deployment, "/readyz").await, 200);
    while ask(&deployment, "/readyz").await != 503 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(ask(&deployment, "/livez").await, 200);
}

/// The components' certificates count, and that they reach each other.
#[tokio::test(flavor = "multi_thread")]
async fn host_whose_components_do_not_trust_each_other_is_live_but_not_ready() {
    let deployment = Deployment::builder()
        .mtls_link()
        .with_revocation()
        .start()
        .await;
    assert_eq!(ask(&deployment, "/readyz").await, 200);
    let pem = std::fs::read_to_string(deployment.pki().join("passkey-manager.pem")).unwrap();
    let callee = Certificate::new(pem, String::new());
    let list = certificates::revocation_list(deployment.ca(), &[&callee]);
    deployment.replace("crl.pem", &list);
    while ask(&deployment, "/readyz").await != 503 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(ask(&deployment, "/livez").await, 200);
}
