//! Why a component was not admitted, in words that name the mend, and as a code.

use super::admitted::Admitted;
use super::difference::{Difference, listed};
use super::error::LoadError;
use super::verify::Distrust;

/// Why a component was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("component {name}: {refusal}")]
pub struct AdmissionError {
    /// The name under which it was to serve.
    pub name: String,
    /// What is wrong, and what mends it.
    pub refusal: Refusal,
}

/// What is wrong with a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not to be trusted.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// It is older than the revision that it would follow.
    #[error(
        "version {offered} is older than {active}, which is active; go back with a rollback, or sign it under a higher version"
    )]
    Older {
        /// Its version.
        offered: String,
        /// The version of the revision that it would follow.
        active: String,
    },
    /// Another file has its version.
    #[error(
        "version {version} is the one that is active, but with other content (sha256 {active}); sign it under a higher version"
    )]
    Reused {
        /// The version of both.
        version: String,
        /// The digest of the active revision.
        active: String,
    },
    /// It does not fit this host.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It is held until policy grants what it asks for beyond its predecessor.
    #[error("held until policy grants more than {predecessor} has: it {}", listed(.asks))]
    Held {
        /// Name and version of the revision that it would follow.
        predecessor: String,
        /// What it asks for and may not have.
        asks: Vec<Difference>,
    },
    /// It did not answer the probe as it must.
    #[error("refused by the probe: {0}")]
    Probe(String),
    /// It did not answer the probe in time.
    #[error("refused by the probe: {0}")]
    ProbeLate(String),
    /// This host could not put it to the probe: no fault of its own.
    #[error("it could not be probed now: {0}; try again later")]
    Unprobed(String),
}

// === impl AdmissionError ===

impl AdmissionError {
    /// A stable code for audit records and scripts.
    pub fn code(&self) -> &'static str {
        match &self.refusal {
            Refusal::Distrust(distrust) => distrust.code(),
            Refusal::Older { .. } => "version-older",
            Refusal::Reused { .. } => "version-reused",
            Refusal::Load(error) => error.code(),
            Refusal::Held { .. } => "held",
            Refusal::Probe(_) | Refusal::ProbeLate(_) => "probe-failed",
            Refusal::Unprobed(_) => "busy",
        }
    }

    /// Whether the same file may well be admitted a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.refusal, Refusal::ProbeLate(_) | Refusal::Unprobed(_))
    }

    /// Whether a change of policy alone would let it in.
    pub fn is_held(&self) -> bool {
        matches!(self.refusal, Refusal::Held { .. })
    }
}

// === impl Refusal ===

impl Refusal {
    /// Of a load: an upgrade that lacks nothing but grants waits for them.
    pub(super) fn of(error: LoadError, against: Option<&Admitted>) -> Self {
        match (error, against) {
            (LoadError::Differs(asks), Some(against))
                if asks.iter().all(Difference::is_grantable) =>
            {
                Self::Held {
                    predecessor: against.label(),
                    asks,
                }
            }
            (error, _) => error.into(),
        }
    }
}
