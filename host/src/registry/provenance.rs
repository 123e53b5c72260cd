//! Who vouches for a revision: signatures that are kept, and those that other hosts
//! show.
//!
//! A host of a back tier never sees the file of the auth-service that calls it. It need
//! not: the statement in a signature names the file's digest, and minisign signs the
//! statement by itself too. So the caller's host shows the signature once, and the back
//! judges the statement by its own signers, at every call by those of now. That the
//! caller runs what it names is the word of its certificate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::verify::{Distrust, Verified, verify_statement};
use crate::audit::ComponentIdentity;
use crate::clock::Clock;
use crate::policy::Gate;

/// Signatures that are kept; far more than revisions of a component live at a time.
const KEPT: usize = 256;

/// The signatures of revisions, by the digest that they vouch for.
#[derive(Debug, Default)]
pub struct Provenance(Mutex<HashMap<String, Arc<str>>>);

/// Which revisions of a component may call this host.
pub struct Callers {
    name: &'static str,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    require_signatures: bool,
    provenance: Arc<Provenance>,
    verdicts: Mutex<HashMap<String, Verdict>>,
}

/// What policy of one epoch says of a revision.
struct Verdict {
    epoch: u64,
    outcome: Result<Arc<ComponentIdentity>, Distrust>,
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
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(digest.to_owned(), minisig.into());
    }

    /// The signature that vouches for this digest, if it is kept.
    pub fn of(&self, digest: &str) -> Option<Arc<str>> {
        self.kept().get(digest).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            verdicts: Mutex::default(),
        }
    }

    /// Take note of a signature that a caller shows.
    ///
    /// # Errors
    /// [`Distrust`]: policy does not trust it, and nothing is noted.
    pub fn show(&self, minisig: &str) -> Result<(), Distrust> {
        let verified = self.judge(minisig)?;
        self.provenance.keep(&verified.statement.digest, minisig);
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
        let epoch = self.gate.epoch();
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = verdicts.get(digest)
            && verdict.epoch == epoch
        {
            return Ok(verdict.outcome.clone()?);
        }
        let Some(minisig) = self.provenance.of(digest) else {
            return if self.require_signatures {
                Err(NotAdmitted::Unknown)
            } else {
                Ok(Arc::new(self.identity(digest, claimed)))
            };
        };
        let outcome = self.judge(&minisig).map(|verified| {
            let version = verified.statement.version.to_string();
            Arc::new(self.identity(digest, &version))
        });
        if verdicts.len() >= KEPT {
            verdicts.clear();
        }
        let verdict = Verdict {
            epoch,
            outcome: outcome.clone(),
        };
        verdicts.insert(digest.to_owned(), verdict);
        Ok(outcome?)
    }

    /// Whether `may` holds for any of the revisions that have called so far and are still
    /// admitted; true while none has called.
    pub fn any(&self, may: impl Fn(&ComponentIdentity) -> bool) -> bool {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let digests: Vec<String> = verdicts.keys().cloned().collect();
        drop(verdicts);
        let admitted = |digest: &String| self.admitted(digest, "").is_ok_and(|one| may(&one));
        digests.is_empty() || digests.iter().any(admitted)
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
