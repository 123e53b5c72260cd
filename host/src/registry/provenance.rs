//! Who vouches for a revision: signatures that are kept, and those that other hosts
//! show.
//!
//! A host of a back tier never sees the file of the auth-service that calls it. It need
//! not: the statement in a signature names the file's digest, and minisign signs the
//! statement by itself too. So the caller's host shows the signature once, and the back
//! judges the statement by its own signers, at every call by those of now. That the
//! caller runs what it names is the word of its certificate.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::verify::{Distrust, Verified, verify_statement};
use crate::audit::ComponentIdentity;
use crate::clock::Clock;
use crate::policy::Gate;

/// Signatures that are kept; far more than revisions of a component live at a time.
const KEPT: usize = 256;

/// The signatures of revisions, by the digest that they vouch for. Of more than it can
/// keep it forgets the one that has not been asked for the longest, and never one of a
/// revision that serves here.
#[derive(Debug, Default)]
pub struct Provenance(Mutex<Signatures>);

#[derive(Debug, Default)]
struct Signatures {
    kept: Recent<Arc<str>>,
    /// The digests that serve here, by component.
    serving: BTreeMap<&'static str, Vec<String>>,
}

/// Values by digest, and which of them was used last.
#[derive(Debug)]
struct Recent<T> {
    values: HashMap<String, (u64, T)>,
    uses: u64,
}

/// Which revisions of a component may call this host.
pub struct Callers {
    name: &'static str,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    require_signatures: bool,
    provenance: Arc<Provenance>,
    called: Mutex<Recent<Caller>>,
}

/// A revision that has called.
#[derive(Debug, Clone)]
enum Caller {
    /// What policy of one epoch says of its signature.
    Signed {
        epoch: u64,
        outcome: Result<Arc<ComponentIdentity>, Distrust>,
    },
    /// Nobody has shown a signature, and none is required: the version that it claims.
    Unsigned(String),
}

/// Why a revision may not call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Nobody has shown its signature here.
    #[error(
        "no signature vouches for the caller's revision here: sign it, or set components.require-signatures"
    )]
    Unknown,
    /// Its signature is not to be trusted by policy as of now.
    #[error("the caller's revision: {0}")]
    Distrusted(#[from] Distrust),
}

// === impl Provenance ===

impl Provenance {
    /// Keep the signature that vouches for this digest.
    pub fn keep(&self, digest: &str, minisig: &str) {
        let mut signatures = self.signatures();
        let Signatures { kept, serving } = &mut *signatures;
        let serves = |digest: &String| serving.values().flatten().any(|one| one == digest);
        kept.keep(digest, minisig.into(), serves);
    }

    /// The signature that vouches for this digest, if it is kept.
    pub fn of(&self, digest: &str) -> Option<Arc<str>> {
        self.signatures().kept.of(digest).cloned()
    }

    /// These revisions of a component serve here from now on, and none else of it.
    pub fn serve(&self, name: &'static str, digests: Vec<String>) {
        self.signatures().serving.insert(name, digests);
    }

    fn signatures(&self) -> MutexGuard<'_, Signatures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Recent ===

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            uses: 0,
        }
    }
}

impl<T> Recent<T> {
    /// Keep a value, and let go of the one that was not used the longest when there are
    /// too many: of one that `stays` never.
    fn keep(&mut self, digest: &str, value: T, stays: impl Fn(&String) -> bool) {
        if self.values.len() >= KEPT && !self.values.contains_key(digest) {
            let oldest = self
                .values
                .iter()
                .filter(|(digest, _)| !stays(digest))
                .min_by_key(|(_, (used, _))| *used)
                .map(|(digest, _)| digest.clone());
            if let Some(oldest) = oldest {
                self.values.remove(&oldest);
            }
        }
        self.uses += 1;
        self.values.insert(digest.to_owned(), (self.uses, value));
    }

    /// The value of this digest, used now.
    fn of(&mut self, digest: &str) -> Option<&T> {
        self.uses += 1;
        let (used, value) = self.values.get_mut(digest)?;
        *used = self.uses;
        Some(value)
    }
}

// === impl Callers ===

impl Callers {
    /// Revisions of `name`, judged by the signers of `gate`; those that this host has
    /// admitted itself are in `provenance`.
    pub fn new(
        name: &'static str,
        gate: Arc<Gate>,
        clock: Arc<dyn Clock>,
        require_signatures: bool,
        provenance: Arc<Provenance>,
    ) -> Self {
        Self {
            name,
            gate,
            clock,
            require_signatures,
            provenance,
            called: Mutex::default(),
        }
    }

    /// Take note of a signature that a caller shows.
    ///
    /// # Errors
    /// [`Distrust`]: policy does not trust it, and nothing is noted.
    pub fn show(&self, minisig: &str) -> Result<(), Distrust> {
        let verified = self.judge(minisig)?;
        self.provenance.keep(&verified.statement.digest, minisig);
        // Judged by the new one from now on.
        self.called().values.remove(&verified.statement.digest);
        Ok(())
    }

    /// The revision of this digest, if it may call by policy as of now. Its version is
    /// that of the signature, whatever `claimed` says; without a signature, where that
    /// is allowed, the claim stands.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admitted(
        &self,
        digest: &str,
        claimed: &str,
    ) -> Result<Arc<ComponentIdentity>, NotAdmitted> {
        let now = self.gate.epoch();
        let mut called = self.called();
        if let Some(Caller::Signed { epoch, outcome }) = called.of(digest)
            && *epoch == now
        {
            return Ok(outcome.clone()?);
        }
        let Some(minisig) = self.provenance.of(digest) else {
            if self.require_signatures {
                return Err(NotAdmitted::Unknown);
            }
            let caller = Caller::Unsigned(claimed.to_owned());
            called.keep(digest, caller, |_| false);
            return Ok(Arc::new(self.identity(digest, claimed)));
        };
        let outcome = self.judge(&minisig).map(|verified| {
            let version = verified.statement.version.to_string();
            Arc::new(self.identity(digest, &version))
        });
        let caller = Caller::Signed {
            epoch: now,
            outcome: outcome.clone(),
        };
        called.keep(digest, caller, |_| false);
        Ok(outcome?)
    }

    /// Whether `may` holds for any of the revisions that have called so far and are still
    /// admitted; true while none has called.
    pub fn any(&self, may: impl Fn(&ComponentIdentity) -> bool) -> bool {
        let callers: Vec<(String, Caller)> = self
            .called()
            .values
            .iter()
            .map(|(digest, (_, caller))| (digest.clone(), caller.clone()))
            .collect();
        let admitted = |(digest, caller): &(String, Caller)| {
            let claimed = match caller {
                Caller::Signed { .. } => "",
                Caller::Unsigned(claimed) => claimed,
            };
            self.admitted(digest, claimed).is_ok_and(|one| may(&one))
        };
        callers.is_empty() || callers.iter().any(admitted)
    }

    fn called(&self) -> MutexGuard<'_, Recent<Caller>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, minisig: &str) -> Result<Verified, Distrust> {
        let signers = self.gate.signers();
        verify_statement(self.name, minisig, &signers, self.clock.now())
    }

    fn identity(&self, digest: &str, revision: &str) -> ComponentIdentity {
        ComponentIdentity {
            name: self.name.to_owned(),
            digest: digest.to_owned(),
            revision: revision.to_owned(),
        }
    }
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callers")
            .field("name", &self.name)
            .field("require_signatures", &self.require_signatures)
            .finish_non_exhaustive()
    }
}

// === impl NotAdmitted ===

impl NotAdmitted {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "revision-unknown",
            Self::Distrusted(distrust) => distrust.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_of_what_serves_outlives_any_number_of_others() {
        let provenance = Provenance::default();
        provenance.keep("serves", "its signature");
        provenance.keep("idle", "another");
        provenance.serve("auth-service", vec!["serves".into()]);
        for number in 0..2 * KEPT {
            provenance.keep(&number.to_string(), "one more");
        }
        assert_eq!(provenance.of("serves").as_deref(), Some("its signature"));
        assert_eq!(provenance.of("idle"), None);
        assert_eq!(provenance.of("0"), None);
        let last = (2 * KEPT - 1).to_string();
        assert_eq!(provenance.of(&last).as_deref(), Some("one more"));
    }

    #[test]
    fn signature_that_is_asked_for_is_not_the_next_to_go() {
        let provenance = Provenance::default();
        provenance.keep("asked for", "its signature");
        for number in 0..2 * KEPT {
            provenance.keep(&number.to_string(), "one more");
            assert!(provenance.of("asked for").is_some(), "{number}");
        }
    }
}
