//! New certificates and policies while the host runs.

use std::process::Command;

use zeropass_tests::deployment::certificates::workload;
use zeropass_tests::deployment::rotation::rotate;
use zeropass_tests::deployment::{Deployment, WORKLOAD};

#[tokio::test(flavor = "multi_thread")]
async fn rotation_of_every_certificate_fails_no_request() {
    let deployment = Deployment::builder()
        .mtls_link()
        .with_revocation()
        .start()
        .await;
    let rotated = rotate(&deployment, 20).await;
    assert_eq!(rotated.failed, Vec::<String>::new());
    // Half of them are calls of passkey-manager.
    assert!(rotated.answered > 100 && rotated.called > 50, "{rotated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn host_certificate_that_is_no_good_keeps_the_old_one_and_raises_an_alarm() {
    let deployment = Deployment::start().await;
    let before = deployment.identity().material().unwrap();
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    let stranger = deployment.certificate(WORKLOAD);
    // The certificate of another key.
    deployment.replace("host.pem", stranger.pem());
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(
        (alarm.outcome.as_str(), alarm.workload.as_str()),
        ("failed:key-mismatch", "host")
    );
    assert_eq!(alarm.target, before.svid().id.as_str());
    let after = deployment.identity().material().unwrap();
    assert_eq!(before.svid(), after.svid());
    let metrics = deployment.metrics().render();
    assert!(
        metrics.contains("\nzeropass_identity_failures_total{identity=\"host\"} 1\n"),
        "{metrics}"
    );
    client
        .anew()
        .get("/.well-known/jwks.json")
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_host_certificate_is_shown_to_the_next_client() {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    let mut request = workload("host-2");
    request.dns = vec!["localhost".to_owned()];
    request.ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
    let renewed = deployment.issue(&request);
    deployment.replace("host.key", renewed.key_pem());
    deployment.replace("host.pem", renewed.pem());
    let record = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(
        (record.outcome.as_str(), record.target.as_str()),
        ("success", request.uris[0].as_str())
    );
    let shown = super::protocols::shown_certificate(&deployment).await;
    assert_eq!(shown, renewed.der());
    // The connection from before goes on.
    client.get("/.well-known/jwks.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn hangup_reloads_the_policies() {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    // Every host of this process does it.
    let id = std::process::id().to_string();
    let sent = Command::new("kill").args(["-HUP", &id]).status().unwrap();
    assert!(sent.success());
    let record = deployment
        .record_where(|record| record.action == "policy.reload")
        .await;
    assert_eq!(
        (record.outcome.as_str(), record.workload.as_str()),
        ("success", "host")
    );
    assert_eq!(deployment.services().gate.epoch(), 2);
    client.get("/.well-known/jwks.json").await.expect(200);
}
