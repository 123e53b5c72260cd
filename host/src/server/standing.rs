//! Whether a connection may still stand: its peer's certificates, judged by what is
//! in force now and not by what was at the handshake.
//!
//! A verdict holds until something changes: new TLS material (roots, revocation
//! lists), or the next moment at which a certificate of the chain or a revocation
//! list ends. Asking again before that costs a comparison. So it is asked at
//! every request, and besides the connection waits for the changes themselves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::clock::{Clock, Timestamp};
use crate::identity::CurrentTls;
use crate::identity::verifier::refusal_code;

/// The code for a connection that outlived its peer's certificate.
pub const EXPIRED: &str = "expired";

/// The code for a connection to a host that lost its own identity.
pub const IDENTITY_WITHDRAWN: &str = "identity-withdrawn";

/// What a peer showed in its handshake, and the latest verdict on it.
pub(super) struct Standing {
    tls: CurrentTls,
    clock: Arc<dyn Clock>,
    chain: Vec<CertificateDer<'static>>,
    not_after: Timestamp,
    /// When each certificate of the chain ends, sorted.
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

impl Standing {
    /// For a peer with this chain, whose leaf ends at `not_after`. The handshake's
    /// verdict is not taken over: material may have changed since.
    pub(super) fn new(
        tls: CurrentTls,
        clock: Arc<dyn Clock>,
        chain: Vec<CertificateDer<'static>>,
        not_after: Timestamp,
    ) -> Self {
        let mut ends: Vec<_> = chain.iter().filter_map(|one| end_of(one)).collect();
        ends.sort_unstable();
        Self {
            tls,
            clock,
            chain,
            not_after,
            ends,
            // No generation is 0: the first question is judged.
            verdict: Mutex::new(Verdict {
                generation: 0,
                until: 0,
                outcome: Ok(()),
            }),
        }
    }

    /// Whether the connection may stand at this moment.
    ///
    /// # Errors
    /// The code of why not, such as `revoked`.
    pub(super) fn check(&self) -> Result<(), &'static str> {
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
                until: self.next_end(tls.verifier().lists_until(), now),
                outcome: judged.map_err(|error| refusal_code(&error)),
            };
        }
        verdict.outcome
    }

    /// Ready with the code when the connection may stand no longer. It looks at the
    /// clock at least every `interval` instead of sleeping once, for the machine's
    /// clock may be set meanwhile.
    pub(super) async fn lost(&self, interval: Duration) -> &'static str {
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

    /// The next moment after `now` at which a part of the verdict's reason ends.
    fn next_end(&self, lists: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let ends = self.ends.iter().copied().chain(lists);
        ends.filter(|end| *end >= now).min().unwrap_or(u64::MAX)
    }
}

/// The last moment of a certificate's validity.
fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    seconds.checked_mul(1000)
}

/// Until the first moment after `until`; none when it has passed.
fn time_left(now: Timestamp, until: Timestamp) -> Option<Duration> {
    let left = until.checked_sub(now)?;
    Some(Duration::from_millis(left.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn moment_holds_through_its_last_millisecond_and_no_longer() {
        assert_eq!(time_left(1_000, 3_000), Some(Duration::from_millis(2_001)));
        assert_eq!(time_left(3_000, 3_000), Some(Duration::from_millis(1)));
        assert_eq!(time_left(3_001, 3_000), None);
    }
}
