//! The host's identity from a SPIFFE agent.

use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;
use zeropass::identity::pki::{Ca, IssueRequest, Issued};
use zeropass_tests::deployment::agent::Agent;
use zeropass_tests::deployment::certificates::{now, revocation_list, workload};
use zeropass_tests::deployment::{
    Answer, Builder, Certificate, Deployment, Stream, TRUST_DOMAIN, WORKLOAD,
};

use super::health::ask;

const HOST: &str = "spiffe://zeropass.internal/host";

/// A folder for a socket, and a builder of deployments that use the agent at it.
fn place() -> (TempDir, PathBuf, Builder) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let endpoint = format!("\"unix:{}\"", socket.display());
    let builder = Deployment::builder()
        .set("identity", "workload-api", &endpoint)
        .without("service", "certificate")
        .without("service", "key")
        .without("service", "client-ca");
    (folder, socket, builder)
}

fn ca() -> Ca {
    Ca::new(&TRUST_DOMAIN.parse().unwrap(), now()).unwrap()
}

/// The host's certificate; clients of the tests look at its address.
fn host(ca: &Ca) -> Issued {
    let mut request = IssueRequest::workload(HOST, now());
    request.ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
    ca.issue(&request).unwrap()
}

fn client(ca: &Ca) -> Certificate {
    Certificate::of(ca, &workload(WORKLOAD))
}

async fn asks(deployment: &Deployment, ca: &Ca, certificate: &Certificate) -> Result<u16, String> {
    let client = deployment.client_trusting(&[ca], certificate);
    let request = client.request(http::Method::GET, "/.well-known/jwks.json");
    match Answer::try_of(request).await {
        Ok(answer) => Ok(answer.status()),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_comes_from_the_agent_and_is_rotated_by_it() {
    let (_folder, socket, builder) = place();
    let (first, second) = (ca(), ca());
    let agent = Agent::start(&socket, HOST, &host(&first), &[&first]);
    let deployment = builder.start().await;
    assert_eq!(asks(&deployment, &first, &client(&first)).await, Ok(200));
    assert!(asks(&deployment, &first, &client(&second)).await.is_err());

    let mut changes = deployment.identity().changes();
    changes.mark_unchanged();
    agent.give(HOST, &host(&second), &[&first, &second]);
    changes.changed().await.unwrap();
    // The new certificate, and both roots.
    assert_eq!(asks(&deployment, &second, &client(&first)).await, Ok(200));
    let standing = client(&first);
    let stream = Stream::open_trusting(&deployment, &[&second], &standing).await;
    let since = Instant::now();
    agent.give(HOST, &host(&second), &[&second]);
    stream.cut_promptly(since).await;
    assert!(asks(&deployment, &second, &standing).await.is_err());
    assert_eq!(asks(&deployment, &second, &client(&second)).await, Ok(200));
}

/// The agent takes a root away while the file of lists is gone.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_can_not_be_read_hold_up_nothing_that_the_agent_says() {
    let (folder, socket, builder) = place();
    let (first, second) = (ca(), ca());
    let file = folder.path().join("crl.pem");
    let lists = [&first, &second].map(|ca| revocation_list(ca, &[]));
    std::fs::write(&file, lists.concat()).unwrap();
    let agent = Agent::start(&socket, HOST, &host(&first), &[&first, &second]);
    let deployment = builder
        .set("service", "crl", &format!("[\"{}\"]", file.display()))
        .start()
        .await;
    let (staying, ending) = (client(&first), client(&second));
    let staying = Stream::open_trusting(&deployment, &[&first], &staying).await;
    let ending = Stream::open_trusting(&deployment, &[&first], &ending).await;
    std::fs::remove_file(&file).unwrap();
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:unreadable");
    assert!(!ending.has_ended());
    let since = Instant::now();
    agent.give(HOST, &host(&first), &[&first]);
    ending.cut_promptly(since).await;
    assert!(!staying.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_that_the_agent_withdraws_is_not_used_any_more() {
    let (_folder, socket, builder) = place();
    let ca = ca();
    let agent = Agent::start(&socket, HOST, &host(&ca), &[&ca]);
    let deployment = builder.start().await;
    let certificate = client(&ca);
    let stream = Stream::open_trusting(&deployment, &[&ca], &certificate).await;
    let since = Instant::now();
    agent.withdraw();
    stream.cut_promptly(since).await;
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:identity-withdrawn");
    assert!(deployment.identity().material().is_none());
    assert_eq!(ask(&deployment, "/readyz").await, 503);
    assert!(asks(&deployment, &ca, &certificate).await.is_err());

    let mut changes = deployment.identity().changes();
    changes.mark_unchanged();
    agent.give(HOST, &host(&ca), &[&ca]);
    changes.changed().await.unwrap();
    assert_eq!(asks(&deployment, &ca, &certificate).await, Ok(200));
    assert_eq!(ask(&deployment, "/readyz").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_that_disappears_changes_nothing_and_is_found_again() {
    let (_folder, socket, builder) = place();
    let ca = ca();
    let mut agent = Agent::start(&socket, HOST, &host(&ca), &[&ca]);
    let deployment = builder.start().await;
    let certificate = client(&ca);
    let stream = Stream::open_trusting(&deployment, &[&ca], &certificate).await;
    agent.disappear().await;
    assert_eq!(asks(&deployment, &ca, &certificate).await, Ok(200));
    assert!(!stream.has_ended());

    let mut changes = deployment.identity().changes();
    changes.mark_unchanged();
    let renewed = host(&ca);
    agent.give(HOST, &renewed, &[&ca]);
    agent.appear();
    changes.changed().await.unwrap();
    let shown = deployment.identity().material().unwrap();
    let renewed = Certificate::new(renewed.certificate, renewed.key);
    assert_eq!(shown.svid().serial, renewed.serial());
    assert!(!stream.has_ended());
}

#[tokio::test(flavor = "multi_thread")]
async fn material_that_breaks_the_profile_is_refused_from_an_agent_too() {
    let (_folder, socket, builder) = place();
    let (ca, other) = (ca(), ca());
    let agent = Agent::start(&socket, HOST, &host(&ca), &[&ca]);
    let deployment = builder.start().await;
    // Its own roots do not know it.
    agent.give(HOST, &host(&other), &[&ca]);
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:unknown-ca");
    assert_eq!(asks(&deployment, &ca, &client(&ca)).await, Ok(200));
}

/// The agent's clock is ahead of the host's: nothing has to be sent again.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_that_the_agent_gives_too_early_is_used_once_it_is_valid() {
    let (_folder, socket, builder) = place();
    let ca = ca();
    let agent = Agent::start(&socket, HOST, &host(&ca), &[&ca]);
    let deployment = builder.start().await;
    let mut request = IssueRequest::workload(HOST, now());
    request.ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
    request.not_before = now() + 3_000;
    let early = ca.issue(&request).unwrap();
    agent.give(HOST, &early, &[&ca]);
    let alarm = deployment
        .record_where(|record| record.action == "identity.renew")
        .await;
    assert_eq!(alarm.outcome, "failed:not-yet-valid");
    renewal(&deployment, HOST, 0).await;
    let shown = deployment.identity().material().unwrap();
    let early = Certificate::new(early.certificate, early.key);
    assert_eq!(shown.svid().serial, early.serial());
}

const AUTH_SERVICE: &str = "spiffe://zeropass.internal/component/auth-service";
const PASSKEY_MANAGER: &str = "spiffe://zeropass.internal/component/passkey-manager";

/// Which identity of the link changes, and what became of that.
async fn renewal(deployment: &Deployment, id: &str, seen: usize) -> usize {
    let of_id = |records: &[zeropass::store::StoredRecord]| {
        let of_id = records
            .iter()
            .filter(|record| record.action == "identity.renew" && record.target == id)
            .filter(|record| record.outcome == "success");
        of_id.count()
    };
    loop {
        let count = of_id(&deployment.records().await);
        if count > seen {
            return count;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_have_their_own_identities_from_the_agent() {
    let (_folder, socket, builder) = place();
    let ca = ca();
    let component = |id| ca.issue(&IssueRequest::workload(id, now())).unwrap();
    let host = host(&ca);
    let (caller, callee) = (component(AUTH_SERVICE), component(PASSKEY_MANAGER));
    let all = [
        (HOST, &host),
        (PASSKEY_MANAGER, &callee),
        (AUTH_SERVICE, &caller),
    ];
    let agent = Agent::giving(&socket, &all, &[&ca]);
    let mut builder = builder.mtls_link();
    for section in ["link.auth-service", "link.passkey-manager"] {
        builder = builder
            .without(section, "certificate")
            .without(section, "key");
    }
    let deployment = builder.start().await;
    let client = deployment.client_trusting(&[&ca], &client(&ca));
    let begins = async || {
        let body = serde_json::json!({});
        client.post("/v1/authentications", &body).await.status()
    };
    assert_eq!(begins().await, 201);

    // Rotated by the agent: both ends follow.
    let (caller, callee) = (component(AUTH_SERVICE), component(PASSKEY_MANAGER));
    let all = [
        (HOST, &host),
        (PASSKEY_MANAGER, &callee),
        (AUTH_SERVICE, &caller),
    ];
    agent.give_all(&all, &[&ca]);
    let first = renewal(&deployment, PASSKEY_MANAGER, 0).await;
    renewal(&deployment, AUTH_SERVICE, 0).await;
    assert_eq!(begins().await, 201);

    // One component's identity is taken back: nobody else has one to call with.
    agent.give_all(&[(HOST, &host), (PASSKEY_MANAGER, &callee)], &[&ca]);
    let withdrawn = |record: &zeropass::store::StoredRecord| {
        record.action == "identity.renew"
            && record.outcome == "failed:identity-withdrawn"
            && record.target == AUTH_SERVICE
    };
    deployment.record_where(withdrawn).await;
    let started = Instant::now();
    while begins().await != 503 {
        assert!(started.elapsed().as_secs() < 20, "the link still stands");
    }
    agent.give_all(&all, &[&ca]);
    renewal(&deployment, AUTH_SERVICE, 1).await;
    while begins().await != 201 {
        assert!(started.elapsed().as_secs() < 40, "the link is not back");
    }
    assert_eq!(renewal(&deployment, PASSKEY_MANAGER, 0).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_without_a_components_identity_ends_the_start() {
    let (_folder, socket, builder) = place();
    let ca = ca();
    let _agent = Agent::start(&socket, HOST, &host(&ca), &[&ca]);
    let builder = builder
        .mtls_link()
        .without("link.auth-service", "certificate")
        .without("link.auth-service", "key")
        .without("link.passkey-manager", "certificate")
        .without("link.passkey-manager", "key");
    let error = format!("{:#}", builder.try_start().await.unwrap_err());
    assert!(
        error.contains("it gives no `spiffe://zeropass.internal/component/passkey-manager`"),
        "{error}"
    );
}
