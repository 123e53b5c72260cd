//! The hosts at the other end, and the choice of one for a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::select_all;

use super::connection::Connection;
use super::target::{State, Target};

/// All hosts that a call may be made to.
pub(super) struct Hosts {
    targets: Vec<Arc<Target>>,
    /// Where the next search begins, so that equals take turns.
    turn: AtomicUsize,
    connect_timeout: Duration,
}

// === impl Hosts ===

impl Hosts {
    /// These, of which a choice waits for one as long as a connection may take.
    pub fn new(targets: Vec<Arc<Target>>, connect_timeout: Duration) -> Self {
        Self {
            targets,
            turn: AtomicUsize::new(0),
            connect_timeout,
        }
    }

    /// How many there are, whether they are up or not.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// The best connection that was not tried; waits for one that is being made.
    pub async fn choose(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        let wait = async {
            loop {
                let dialling = match self.look(tried) {
                    Ok(found) => return Some(found),
                    Err(dialling) => dialling,
                };
                if dialling.is_empty() {
                    return None;
                }
                select_all(dialling.iter().map(|target| Box::pin(target.settled()))).await;
            }
        };
        tokio::time::timeout(self.connect_timeout, wait)
            .await
            .ok()
            .flatten()
    }

    /// Of the connections that stand: not suspect before suspect, few calls before many.
    pub fn best(&self, tried: &[u64]) -> Option<(Arc<Target>, Connection)> {
        self.look(tried).ok()
    }

    /// The best connection, or else the hosts that one is being made to. Both are of one look
    /// at each host: between two of them a connection that was being made may stand.
    fn look(&self, tried: &[u64]) -> Result<(Arc<Target>, Connection), Vec<Arc<Target>>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.targets.len().max(1);
        let (before, from) = self.targets.split_at_checked(turn).unwrap_or_default();
        let (mut fit, mut dialling) = (Vec::new(), Vec::new());
        for target in from.iter().chain(before) {
            match target.state() {
                State::Up(connection) if !connection.takes_requests() => {
                    // The other end has said goodbye (GOAWAY), and may linger with calls
                    // that it still answers: the next connection is not to wait for them.
                    target.give_up(connection.number);
                    dialling.push(Arc::clone(target));
                }
                State::Up(connection) => {
                    let untried = !tried.contains(&connection.number);
                    if untried && connection.standing().check().is_ok() {
                        fit.push((Arc::clone(target), connection));
                    }
                }
                State::Dialling => dialling.push(Arc::clone(target)),
                State::Down => {}
            }
        }
        fit.into_iter()
            .min_by_key(|(target, _)| target.load())
            .ok_or(dialling)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::DuplexStream;

    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::identity::pki::{Ca, IssueRequest};
    use crate::identity::standing::Standing;
    use crate::identity::{CurrentClientTls, Material, MaterialFiles, Parts, link_client_config};

    /// To a peer that is trusted for an hour and says nothing.
    async fn connection(peer: DuplexStream) -> (Connection, h2::client::Connection<DuplexStream>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let now = clock.now();
        let ca = Ca::new(&"td".parse().unwrap(), now).unwrap();
        let own = "spiffe://td/component/auth-service";
        let own = ca.issue(&IssueRequest::workload(own, now)).unwrap();
        let parts = Parts {
            files: MaterialFiles {
                certificate: "own.pem".into(),
                key: "own.key".into(),
                roots: "ca.pem".into(),
                crls: Vec::new(),
                trust_domains: vec!["td".parse().unwrap()],
            },
            chain: vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
            key: PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
            roots: vec![ca.certificate().clone()],
            crls: Vec::new(),
        };
        let material = Material::check(parts, now).unwrap();
        let peer_id = "spiffe://td/component/passkey-manager".parse().unwrap();
        let tls = link_client_config(&material, &peer_id, Arc::clone(&clock)).unwrap();
        let tls = CurrentClientTls::new(tls);
        let end = now + 3_600_000;
        let standing = Standing::new(tls.clone(), clock, Vec::new(), end, &tls.load(), now);
        let (sender, driver) = h2::client::handshake(peer).await.unwrap();
        (Connection::new(sender, standing), driver)
    }

    /// A connection that is replaced all the time, as by a host with a short connection age:
    /// there is always one that stands or one that is being made.
    #[tokio::test(flavor = "multi_thread")]
    async fn call_that_comes_while_a_connection_is_being_replaced_gets_one() {
        let target = Arc::new(Target::new("a host".into()));
        let hosts = Hosts::new(vec![Arc::clone(&target)], Duration::from_secs(20));
        let (near, _far) = tokio::io::duplex(4096);
        let (connection, _driver) = connection(near).await;
        let replacing = tokio::task::spawn_blocking(move || {
            for _ in 0..100_000 {
                target.stands(connection.clone());
                target.give_up(connection.number);
            }
            target.stands(connection);
        });
        let mut chosen = 0;
        while !replacing.is_finished() {
            assert!(hosts.choose(&[]).await.is_some(), "after {chosen}");
            chosen += 1;
        }
        replacing.await.unwrap();
    }
}
