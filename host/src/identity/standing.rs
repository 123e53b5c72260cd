//! Whether a connection may still stand: its peer's certificates, judged by what is
//! in force now and not by what was at the handshake. For either end of it.
//!
//! A verdict holds until something changes: new TLS material (roots, revocation
//! lists), or the next moment at which a certificate of the chain, a root or a
//! revocation list ends. Asking again before that costs a comparison. So it is asked at
//! every request, and besides the connection waits for the changes themselves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::crypto::validity;
use super::tls::{Current, InForce};
use super::verifier::refusal_code;
use crate::clock::{Clock, Timestamp};

/// The code for a connection that outlived its peer's certificate.
pub const EXPIRED: &str = "expired";

/// The code for a connection whose own end lost its identity.
pub const IDENTITY_WITHDRAWN: &str = "identity-withdrawn";

/// What a peer showed in its handshake, and the latest verdict on it.
pub struct Standing<C> {
    tls: Current<C>,
    clock: Arc<dyn Clock>,
    chain: Vec<CertificateDer<'static>>,
    not_after: Timestamp,
    /// When each certificate of the chain ends.
    ends: Vec<Timestamp>,
    verdict: Mutex<Verdict>,
}

#[derive(Debug, Clone, Copy)]
struct Verdict {
    generation: u64,
    /// The verdict holds up to and including this moment.
    until: Timestamp,
    outcome: Result<(), &'static str>,
}

// === impl Standing ===

impl<C> Standing<C> {
    /// For a peer with this chain, whose leaf ends at `not_after`, verified in a
    /// handshake that began at `since` with what was `in_force`. Should material have
    /// changed or ended since, the first question is judged anew.
    pub fn new(
        tls: Current<C>,
        clock: Arc<dyn Clock>,
        chain: Vec<CertificateDer<'static>>,
        not_after: Timestamp,
        in_force: &InForce<C>,
        since: Timestamp,
    ) -> Self {
        let ends: Vec<_> = chain.iter().filter_map(end_of).collect();
        let grounds = in_force
            .tls
            .as_ref()
            .and_then(|tls| tls.verifier().next_end(since));
        let verdict = Verdict {
            generation: in_force.generation,
            until: next_end(&ends, grounds, since),
            outcome: Ok(()),
        };
        Self {
            tls,
            clock,
            chain,
            not_after,
            ends,
            verdict: Mutex::new(verdict),
        }
    }

    /// Whether the connection may stand at this moment.
    ///
    /// # Errors
    /// The code of why not, such as `revoked`.
    pub fn check(&self) -> Result<(), &'static str> {
        let now = self.clock.now();
        // To the millisecond, where X.509 has only seconds.
        if now > self.not_after {
            return Err(EXPIRED);
        }
        let in_force = self.tls.load();
        let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        if verdict.generation != in_force.generation || now > verdict.until {
            let Some(tls) = &in_force.tls else {
                return Err(IDENTITY_WITHDRAWN);
            };
            let judged = tls.verifier().judge(&self.chain, now);
            *verdict = Verdict {
                generation: in_force.generation,
                until: next_end(&self.ends, tls.verifier().next_end(now), now),
                outcome: judged.map_err(|error| refusal_code(&error)),
            };
        }
        verdict.outcome
    }

    /// The end of the leaf.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Ready with the code when the connection may stand no longer. It looks at the
    /// clock at least every `interval` instead of sleeping once, for the machine's
    /// clock may be set meanwhile.
    pub async fn lost(&self, interval: Duration) -> &'static str {
        let mut changes = self.tls.changes();
        loop {
            // Before the look, so that no change between the two is missed.
            changes.mark_unchanged();
            if let Err(code) = self.check() {
                return code;
            }
            let left = self.left().min(interval);
            // The cell outlives the connection: an error can't come.
            let _ = tokio::time::timeout(left, changes.changed()).await;
        }
    }

    /// Until the present verdict has to be given again.
    fn left(&self) -> Duration {
        let until = self
            .verdict
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .until
            .min(self.not_after);
        time_left(self.clock.now(), until).unwrap_or(Duration::ZERO)
    }
}

impl<C> std::fmt::Debug for Standing<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// The next moment from `now` on at which a part of a verdict's reason ends.
fn next_end(chain: &[Timestamp], grounds: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let ends = chain.iter().copied().chain(grounds);
    ends.filter(|end| *end >= now).min().unwrap_or(u64::MAX)
}

/// The last moment at which the verifier takes the certificate.
fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(validity(&certificate).1)
}

/// Until the first moment after `until`; none when it has passed.
fn time_left(now: Timestamp, until: Timestamp) -> Option<Duration> {
    let left = until.checked_sub(now)?;
    Some(Duration::from_millis(left.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateRevocationListDer, PrivateKeyDer};

    use super::*;
    use crate::clock::{FixedClock, SystemClock};
    use crate::identity::CurrentTls;
    use crate::identity::ca::CA_LIFE;
    use crate::identity::pki::{Ca, IssueRequest, Issued};
    use crate::identity::tls::server_config;
    use crate::identity::{Material, MaterialFiles, Parts};

    const DAY: Timestamp = 24 * 60 * 60 * 1000;

    /// What a host has in force whose authority ends at this time, with a list that ends at
    /// the next, and one of another authority that ends at the last; a client's chain.
    fn scene(
        clock: &Arc<FixedClock>,
        end: Timestamp,
        next_update: Timestamp,
        of_other: Timestamp,
    ) -> (CurrentTls, CertificateDer<'static>) {
        let now = clock.now();
        let ca = Ca::new(&"td".parse().unwrap(), end - CA_LIFE).unwrap();
        let other = Ca::new(&"td".parse().unwrap(), now).unwrap();
        let issue = |id| ca.issue(&IssueRequest::workload(id, now)).unwrap();
        let der = |issued: &Issued| {
            CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
        };
        let host = issue("spiffe://td/host");
        let list = |ca: &Ca, next_update| {
            let list = ca.revocation_list(&[], now - 60_000, next_update).unwrap();
            CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap()
        };
        let parts = Parts {
            files: MaterialFiles {
                certificate: "host.pem".into(),
                key: "host.key".into(),
                roots: "ca.pem".into(),
                crls: vec!["crl.pem".into()],
                trust_domains: vec!["td".parse().unwrap()],
            },
            chain: vec![der(&host)],
            key: PrivateKeyDer::from_pem_slice(host.key.as_bytes()).unwrap(),
            roots: vec![ca.certificate().clone(), other.certificate().clone()],
            crls: vec![list(&ca, next_update), list(&other, of_other)],
        };
        let material = Material::check(parts, now).unwrap();
        let tls = server_config(&material, Arc::clone(clock) as Arc<dyn Clock>).unwrap();
        (CurrentTls::new(tls), der(&issue("spiffe://td/client")))
    }

    #[test]
    fn verdict_of_a_lists_last_second_does_not_outlive_it() {
        let now = SystemClock.now() / 1000 * 1000;
        let clock = Arc::new(FixedClock::new(now));
        let (tls, leaf) = scene(&clock, now + DAY, now + 5_000, now + 60_000);
        // webpki counts seconds: all of the last one is good.
        for since in [now, now + 5_000, now + 5_900] {
            clock.set(since);
            let standing = Standing::new(
                tls.clone(),
                Arc::clone(&clock) as Arc<dyn Clock>,
                vec![leaf.clone()],
                now + 60_000,
                &tls.load(),
                since,
            );
            assert_eq!(standing.check(), Ok(()));
            clock.set(now + 6_000);
            assert_eq!(standing.check(), Err("revocation-expired"), "{since}");
            clock.set(now + 60_001);
            assert_eq!(standing.check(), Err("expired"));
        }
    }

    #[test]
    fn list_that_ends_after_another_is_noticed_too() {
        let now = SystemClock.now() / 1000 * 1000;
        let clock = Arc::new(FixedClock::new(now));
        let (tls, leaf) = scene(&clock, now + DAY, now + 10_000, now + 5_000);
        let standing = Standing::new(
            tls.clone(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            vec![leaf],
            now + 60_000,
            &tls.load(),
            now,
        );
        // The other authority's list has ended, and says nothing about this peer.
        clock.set(now + 6_000);
        assert_eq!(standing.check(), Ok(()));
        clock.set(now + 11_000);
        assert_eq!(standing.check(), Err("revocation-expired"));
    }

    #[test]
    fn connection_does_not_outlive_the_root_that_it_rests_on() {
        let now = SystemClock.now() / 1000 * 1000;
        let clock = Arc::new(FixedClock::new(now));
        let (tls, leaf) = scene(&clock, now + 5_000, now + DAY, now + DAY);
        let standing = Standing::new(
            tls.clone(),
            Arc::clone(&clock) as Arc<dyn Clock>,
            vec![leaf],
            now + DAY,
            &tls.load(),
            now,
        );
        assert_eq!(standing.left(), Duration::from_millis(6_000));
        clock.set(now + 5_999);
        assert_eq!(standing.check(), Ok(()));
        clock.set(now + 6_000);
        assert_eq!(standing.check(), Err("expired"));
    }

    #[test]
    fn moment_holds_through_its_last_millisecond_and_no_longer() {
        assert_eq!(time_left(1_000, 3_000), Some(Duration::from_millis(2_001)));
        assert_eq!(time_left(3_000, 3_000), Some(Duration::from_millis(1)));
        assert_eq!(time_left(3_001, 3_000), None);
    }
}
