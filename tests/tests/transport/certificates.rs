//! Client certificates that are refused, each with its record.

use http::Method;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use serde_json::json;
use zeropass::identity::TrustDomain;
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass_tests::deployment::audit::lines;
use zeropass_tests::deployment::certificates::{now, spiffe_id, workload};
use zeropass_tests::deployment::{
    Answer, Certificate, Deployment, Protocol, TRUST_DOMAIN, WORKLOAD,
};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// No request is answered for this certificate, and the audit log says why.
pub async fn assert_refused(
    deployment: &Deployment,
    certificate: Option<&Certificate>,
    code: &str,
) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let before = deployment.records().await.last().map_or(0, |last| last.seq);
        let client = deployment.client_with(certificate, protocol);
        let request = client.request(Method::GET, "/.well-known/jwks.json");
        let answer = Answer::try_of(request).await;
        assert!(answer.is_err(), "{code}: {answer:?}");
        let record = deployment
            .record_where(|record| record.seq > before && record.action == "connection.accept")
            .await;
        assert_eq!(record.outcome, format!("failed:{code}"));
        assert!(record.address.starts_with("127.0.0.1:"), "{record:?}");
    }
    // Others go on.
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
}

/// The proper certificate of the workload, changed before it was issued.
async fn assert_refused_when(change: impl FnOnce(&mut IssueRequest), code: &str) {
    let deployment = Deployment::start().await;
    let mut request = workload(WORKLOAD);
    change(&mut request);
    let certificate = deployment.issue(&request);
    assert_refused(&deployment, Some(&certificate), code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_a_certificate_is_refused() {
    assert_refused(&Deployment::start().await, None, "no-certificate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_of_another_ca_is_refused() {
    let deployment = Deployment::start().await;
    let domain: TrustDomain = TRUST_DOMAIN.parse().unwrap();
    let stranger = Ca::new(&domain, now()).unwrap();
    let certificate = Certificate::of(&stranger, &workload(WORKLOAD));
    assert_refused(&deployment, Some(&certificate), "unknown-ca").await;
}

/// Its own certificate is in its time; the root that vouches for it is not.
#[tokio::test(flavor = "multi_thread")]
async fn client_of_a_root_that_has_ended_is_refused() {
    let domain: TrustDomain = TRUST_DOMAIN.parse().unwrap();
    let ended = Ca::new(&domain, now() - 4_000 * DAY).unwrap();
    let certificate = Certificate::of(&ended, &workload(WORKLOAD));
    let deployment = Deployment::builder().trusting_too(&ended).start().await;
    assert_refused(&deployment, Some(&certificate), "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_client_is_refused() {
    let expire = |request: &mut IssueRequest| {
        request.not_before = now() - 2 * DAY;
        request.not_after = now() - DAY;
    };
    assert_refused_when(expire, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_of_the_future_is_refused() {
    let postpone = |request: &mut IssueRequest| request.not_before = now() + DAY;
    assert_refused_when(postpone, "not-yet-valid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_a_spiffe_id_is_refused() {
    let rename = |request: &mut IssueRequest| {
        request.uris.clear();
        request.dns = vec!["relying-party.internal".to_owned()];
    };
    assert_refused_when(rename, "no-spiffe-id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_any_name_is_refused() {
    assert_refused_when(|request| request.uris.clear(), "no-spiffe-id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_with_a_ca_certificate_is_refused() {
    let promote = |request: &mut IssueRequest| {
        request.basic_constraints = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    assert_refused_when(promote, "ca-certificate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_basic_constraints_is_refused() {
    let strip = |request: &mut IssueRequest| request.basic_constraints = IsCa::NoCa;
    assert_refused_when(strip, "no-basic-constraints").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_whose_key_is_for_something_else_is_refused() {
    for usages in [
        vec![],
        vec![KeyUsagePurpose::KeyAgreement],
        vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ],
    ] {
        assert_refused_when(|request| request.key_usages = usages, "key-usage").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_whose_certificate_is_for_servers_alone_is_refused() {
    let narrow = |request: &mut IssueRequest| {
        request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    assert_refused_when(narrow, "extended-key-usage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_with_two_spiffe_ids_is_refused() {
    let add = |request: &mut IssueRequest| request.uris.push(spiffe_id("second"));
    assert_refused_when(add, "several-uri-names").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_of_another_trust_domain_is_refused() {
    let move_away = |request: &mut IssueRequest| {
        request.uris = vec!["spiffe://elsewhere/workload/relying-party".to_owned()];
    };
    assert_refused_when(move_away, "trust-domain").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_is_not_permitted_on_the_service_listener() {
    let deployment = Deployment::start().await;
    let mut request = workload(WORKLOAD);
    let id = format!("spiffe://{TRUST_DOMAIN}/operator/dev");
    request.uris = vec![id.clone()];
    let certificate = deployment.issue(&request);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = deployment.client_with(Some(&certificate), protocol);
        let refused = client.post("/v1/authentications", &json!({})).await;
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
        let records = deployment.records_of(refused.request_id()).await;
        assert_eq!(lines(&records), ["- api.authentications denied"]);
        assert_eq!(records[0].workload, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_policy_does_not_know_is_denied() {
    let deployment = Deployment::start().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = deployment.client_speaking("stranger", protocol);
        for (path, action) in [
            ("/v1/registrations", "api.registrations"),
            ("/v1/authentications", "api.authentications"),
            ("/v1/users/x/passkeys", "api.users"),
            ("/v1/sessions/introspect", "api.sessions"),
            ("/.well-known/jwks.json", "api.metadata"),
            ("/openapi.json", "api.metadata"),
        ] {
            let refused = client.post(path, &json!({})).await;
            assert_eq!(
                refused.problem(),
                (403, "not-permitted".to_owned()),
                "{path}"
            );
            let records = deployment.records_of(refused.request_id()).await;
            assert_eq!(lines(&records), [format!("- {action} denied")]);
            assert_eq!(records[0].workload, spiffe_id("stranger"));
        }
    }
}
