//! Revocation lists: the whole chain, and no list that is missing or too old.

use std::fs;
use std::time::Instant;

use zeropass::identity::TrustDomain;
use zeropass::identity::ca::serial_of;
use zeropass::identity::pki::Ca;
use zeropass_tests::deployment::certificates::{DAY, now, revocation_list, workload};
use zeropass_tests::deployment::{Certificate, Deployment, Stream, TRUST_DOMAIN, WORKLOAD};

use super::certificates::assert_refused;

fn trust_domain() -> TrustDomain {
    TRUST_DOMAIN.parse().unwrap()
}

/// A certificate of the usual workload from an authority below the deployment's.
fn issued_below(deployment: &Deployment, between: &Ca) -> Certificate {
    let issued = between.issue(&workload(WORKLOAD)).unwrap();
    let chain = format!("{}{}", issued.certificate, between.pem());
    assert_eq!(deployment.ca().pem().matches("BEGIN").count(), 1);
    Certificate::new(chain, issued.key)
}

/// The host's lists, and the moment at which they are in force.
async fn publish(deployment: &Deployment, lists: &[String]) {
    let mut changes = deployment.identity().changes();
    changes.mark_unchanged();
    deployment.replace("crl.pem", &lists.concat());
    changes.changed().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_client_is_refused() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let (revoked, good) = (
        deployment.certificate(WORKLOAD),
        deployment.certificate(WORKLOAD),
    );
    let list = revocation_list(deployment.ca(), &[&revoked]);
    publish(&deployment, &[list]).await;
    assert_refused(&deployment, Some(&revoked), "revoked").await;
    let client = deployment.client_with(Some(&good), super::Protocol::Http2);
    client.get("/.well-known/jwks.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_of_a_revoked_intermediate_is_refused() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let between = deployment.ca().subordinate(&trust_domain(), now()).unwrap();
    let client = issued_below(&deployment, &between);
    let of_between = revocation_list(&between, &[]);

    let of_root = revocation_list(deployment.ca(), &[]);
    publish(&deployment, &[of_root, of_between.clone()]).await;
    let proper = deployment.client_with(Some(&client), super::Protocol::Http2);
    proper.get("/.well-known/jwks.json").await.expect(200);

    let serial = serial_of(between.certificate()).unwrap();
    let of_root = deployment
        .ca()
        .revocation_list(&[serial], now() - 60_000, now() + DAY)
        .unwrap();
    publish(&deployment, &[of_root, of_between]).await;
    assert_refused(&deployment, Some(&client), "revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_whose_intermediate_has_no_list_is_refused() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let between = deployment.ca().subordinate(&trust_domain(), now()).unwrap();
    let client = issued_below(&deployment, &between);
    assert_refused(&deployment, Some(&client), "revocation-unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_refused_when_the_list_has_expired() {
    // It is good when the host starts, for two seconds.
    let deployment = Deployment::builder()
        .with_revocation()
        .prepare(|ca, pki| {
            let list = ca.revocation_list(&[], now() - 60_000, now() + 2_000);
            fs::write(pki.join("crl.pem"), list.unwrap()).unwrap();
        })
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    // The connection that stands is cut, and no other is taken.
    let ended = deployment
        .record_where(|record| record.action == "connection.keep")
        .await;
    assert_eq!(ended.outcome, "failed:revocation-expired");
    let request = client.request(http::Method::GET, "/.well-known/jwks.json");
    let answer = zeropass_tests::deployment::Answer::try_of(request).await;
    assert!(answer.is_err(), "{answer:?}");
    deployment
        .record_where(|record| {
            record.action == "connection.accept" && record.outcome == "failed:revocation-expired"
        })
        .await;
    // A new list mends it.
    publish(&deployment, &[revocation_list(deployment.ca(), &[])]).await;
    client.get("/.well-known/jwks.json").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn host_does_not_start_with_an_expired_list() {
    let error = Deployment::builder()
        .with_revocation()
        .prepare(|ca, pki| {
            let list = ca.revocation_list(&[], now() - 2 * DAY, now() - DAY);
            fs::write(pki.join("crl.pem"), list.unwrap()).unwrap();
        })
        .try_start()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("`revocation-expired`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn host_does_not_start_without_its_list() {
    let error = Deployment::builder()
        .with_revocation()
        .prepare(|_, pki| fs::remove_file(pki.join("crl.pem")).unwrap())
        .try_start()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("service.crl[0]"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn list_that_vanishes_raises_an_alarm_and_the_old_one_stays() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let revoked = deployment.certificate(WORKLOAD);
    let list = revocation_list(deployment.ca(), &[&revoked]);
    publish(&deployment, &[list]).await;
    fs::remove_file(deployment.pki().join("crl.pem")).unwrap();
    deployment
        .record_where(|record| {
            record.action == "identity.renew" && record.outcome == "failed:unreadable"
        })
        .await;
    assert_refused(&deployment, Some(&revoked), "revoked").await;
}

/// The host itself is on the list, with a client: it goes on under the certificate that it
/// has, with an alarm, and the client is judged by the list all the same.
#[tokio::test(flavor = "multi_thread")]
async fn list_that_names_the_host_too_still_revokes_the_client() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let own = deployment.identity().material().unwrap();
    let revoked = deployment.certificate(WORKLOAD);
    let ending = Stream::open(&deployment, &revoked).await;
    let staying = Stream::of_workload(&deployment).await;
    let serials = [own.svid().serial.clone(), revoked.serial()];
    let list = deployment
        .ca()
        .revocation_list(&serials, now() - 60_000, now() + DAY)
        .unwrap();
    let change = || deployment.replace("crl.pem", &list);
    ending.cut_promptly_by(change).await;
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(
        (alarm.outcome.as_str(), alarm.target.as_str()),
        ("failed:revoked", own.svid().id.as_str())
    );
    assert!(!staying.has_ended());
    assert_refused(&deployment, Some(&revoked), "revoked").await;
    let proper = deployment.client(WORKLOAD);
    proper.get("/.well-known/jwks.json").await.expect(200);
}

/// The host's key is away, and meanwhile a client is put on the list.
#[tokio::test(flavor = "multi_thread")]
async fn list_holds_though_the_hosts_own_key_can_not_be_read() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let revoked = deployment.certificate(WORKLOAD);
    let ending = Stream::open(&deployment, &revoked).await;
    let staying = Stream::of_workload(&deployment).await;
    fs::remove_file(deployment.pki().join("host.key")).unwrap();
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:unreadable");
    let since = Instant::now();
    deployment.replace("crl.pem", &revocation_list(deployment.ca(), &[&revoked]));
    ending.cut_promptly(since).await;
    assert!(!staying.has_ended());
    assert_refused(&deployment, Some(&revoked), "revoked").await;
}

/// An old list lies before the new one.
#[tokio::test(flavor = "multi_thread")]
async fn newer_of_two_lists_of_one_authority_holds() {
    let deployment = Deployment::builder().with_revocation().start().await;
    let revoked = deployment.certificate(WORKLOAD);
    let ending = Stream::open(&deployment, &revoked).await;
    let old = deployment
        .ca()
        .revocation_list(&[], now() - DAY, now() + DAY)
        .unwrap();
    let new = revocation_list(deployment.ca(), &[&revoked]);
    let since = Instant::now();
    deployment.replace("crl.pem", &format!("{old}{new}"));
    ending.cut_promptly(since).await;
    assert_refused(&deployment, Some(&revoked), "revoked").await;
}

/// A root is taken away that the host's own certificate rests on.
#[tokio::test(flavor = "multi_thread")]
async fn removed_root_ends_connections_though_the_host_rests_on_it_too() {
    let second = Ca::new(&trust_domain(), now()).unwrap();
    let deployment = Deployment::builder().trusting_too(&second).start().await;
    let ending = Stream::of_workload(&deployment).await;
    let of_second = Certificate::of(&second, &workload(WORKLOAD));
    let staying = Stream::open(&deployment, &of_second).await;
    let change = || deployment.replace("ca.pem", second.pem());
    ending.cut_promptly_by(change).await;
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:unknown-ca");
    assert!(!staying.has_ended());
}
