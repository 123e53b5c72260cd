//! Every certificate replaced while requests go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use tokio::sync::watch;
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass::identity::{Material, MaterialFiles};

use super::certificates::{component, now, revocation_list, workload};
use super::material::host_request;
use super::{Answer, Certificate, Client, Deployment, TRUST_DOMAIN, WORKLOAD};

/// How long a change may take to be in force. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a rotation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Requests with the right answer.
    pub answered: u64,
    /// Those of them for which auth-service has called passkey-manager.
    pub called: u64,
    /// What others got.
    pub failed: Vec<String>,
}

/// Somebody who asks without a pause, with the newest client.
struct Worker {
    clients: watch::Receiver<(u64, Client)>,
    /// The number of the client that the request under way uses.
    using: Arc<AtomicU64>,
    stop: watch::Receiver<bool>,
    /// A new connection for each request.
    fresh: bool,
}

/// Replace root, revocation lists, and the certificates of the host, of both components and
/// of the client so many times under load. The deployment must check revocation
/// ([`Builder::with_revocation`](super::Builder::with_revocation)) and have a link over mTLS
/// ([`Builder::mtls_link`](super::Builder::mtls_link)).
///
/// Each round is what an operator does: the new root beside the old one, new
/// certificates for all, and the old root away.
///
/// # Panics
/// A change does not come into force.
pub async fn rotate(deployment: &Deployment, rounds: u64) -> Rotated {
    let domain = TRUST_DOMAIN.parse().expect("a trust domain");
    let mut next = Ca::new(&domain, now()).expect("a CA");
    let first = deployment.certificate(WORKLOAD);
    let client = deployment.client_trusting(&[deployment.ca(), &next], &first);
    let (clients, watched) = watch::channel((0, client));
    let (stop, stopping) = watch::channel(false);
    let mut using = Vec::new();
    let workers: Vec<_> = [false, false, false, true]
        .into_iter()
        .map(|fresh| {
            let mine = Arc::new(AtomicU64::new(0));
            using.push(Arc::clone(&mine));
            let worker = Worker {
                clients: watched.clone(),
                using: mine,
                stop: stopping.clone(),
                fresh,
            };
            tokio::spawn(worker.work())
        })
        .collect();

    let mut old_root = deployment.ca().pem().to_owned();
    let mut old_list = revocation_list(deployment.ca(), &[]);
    for round in 1..=rounds {
        let list = revocation_list(&next, &[]);
        let issue =
            |request: &IssueRequest| next.issue(request).expect("a certificate can be issued");
        let own = [
            ("host", issue(&host_request())),
            ("auth-service", issue(&component("auth-service"))),
            ("passkey-manager", issue(&component("passkey-manager"))),
        ];
        change(deployment, || {
            deployment.replace("ca.pem", &format!("{old_root}{}", next.pem()));
            deployment.replace("crl.pem", &format!("{old_list}{list}"));
            for (name, issued) in &own {
                deployment.replace(&format!("{name}.key"), &issued.key);
                deployment.replace(&format!("{name}.pem"), &issued.certificate);
            }
        })
        .await;

        let certificate = issue(&workload(WORKLOAD));
        let certificate = Certificate::new(certificate.certificate, certificate.key);
        let following = Ca::new(&domain, now()).expect("a CA");
        let client = deployment.client_trusting(&[&next, &following], &certificate);
        clients.send_replace((round, client));
        // Nobody is left who asks with the old certificate.
        let patience = std::time::Instant::now();
        while using.iter().any(|one| one.load(Ordering::SeqCst) < round) {
            assert!(patience.elapsed() < PATIENCE, "a worker does not move on");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        change(deployment, || {
            deployment.replace("ca.pem", next.pem());
            deployment.replace("crl.pem", &list);
        })
        .await;
        (old_root, old_list) = (next.pem().to_owned(), list);
        next = following;
    }

    stop.send_replace(true);
    let mut rotated = Rotated::default();
    for worker in workers {
        let one = worker.await.expect("a worker does not panic");
        rotated.answered += one.answered;
        rotated.called += one.called;
        rotated.failed.extend(one.failed);
    }
    rotated
}

/// Ready when the host uses what `write` has changed as a whole: the same number
/// of roots, and the certificates of the host and of both components.
async fn change(deployment: &Deployment, write: impl FnOnce()) {
    write();
    for (name, identity) in deployment.identities() {
        let file = |end: &str| deployment.pki().join(format!("{name}.{end}"));
        let files = MaterialFiles {
            certificate: file("pem"),
            key: file("key"),
            roots: deployment.pki().join("ca.pem"),
            crls: vec![deployment.pki().join("crl.pem")],
            trust_domains: vec![TRUST_DOMAIN.parse().expect("a trust domain")],
        };
        let wanted = Material::load(&files, now()).expect("the new files are good");
        let mut changes = identity.changes();
        let used = changes.wait_for(|material| {
            material.as_ref().is_some_and(|material| {
                material.svid().thumbprint == wanted.svid().thumbprint
                    && material.roots().roots == wanted.roots().roots
            })
        });
        tokio::time::timeout(PATIENCE, used)
            .await
            .expect("the change comes into force")
            .expect("the host goes on");
    }
}

// === impl Worker ===

impl Worker {
    async fn work(self) -> Rotated {
        let mut rotated = Rotated::default();
        let mut called = false;
        while !*self.stop.borrow() {
            let (number, mut client) = self.clients.borrow().clone();
            self.using.store(number, Ordering::SeqCst);
            if self.fresh {
                client = client.anew();
                // Closed connections keep their ports for a minute.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            // One that auth-service answers alone, and one for which it calls.
            let calls = !called;
            called = calls;
            let (request, right) = if calls {
                let begin = client.request(Method::POST, "/v1/authentications");
                (begin.json(&serde_json::json!({})), 201)
            } else {
                (client.request(Method::GET, "/.well-known/jwks.json"), 200)
            };
            match Answer::try_of(request).await {
                Ok(answer) if answer.status() == right => {
                    rotated.answered += 1;
                    rotated.called += u64::from(calls);
                }
                Ok(answer) => rotated.failed.push(format!("{:?}", answer.problem())),
                Err(error) => rotated.failed.push(format!("{error:?}")),
            }
        }
        rotated
    }
}
