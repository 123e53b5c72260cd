//! Why a rollout was not changed.

use crate::registry::AdmissionError;
use crate::store;

/// Why a rollout was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolloutError {
    /// There is no such component.
    #[error("there is no component `{0}`; this host has auth-service and passkey-manager")]
    NoComponent(String),
    /// No pushed revision has this digest or version.
    #[error(
        "{component} has no revision `{wanted}`; push it first, or name one that `zeropass component list` shows"
    )]
    NoRevision {
        /// The component.
        component: String,
        /// What was asked for.
        wanted: String,
    },
    /// Several pushed revisions have it.
    #[error("`{wanted}` may be any of {}; write more of the digest", .digests.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The digests that fit.
        digests: Vec<String>,
    },
    /// Nothing would change.
    #[error("{digest} serves already{}", .weight.map_or_else(String::new, |weight| format!(", as canary for {weight}%")))]
    Already {
        /// The digest.
        digest: String,
        /// As canary.
        weight: Option<u8>,
    },
    /// A canary's weight is off the scale.
    #[error("a canary of {0}%: expected 1 to 99; leave it out to give it everybody")]
    Weight(u64),
    /// Nothing to return to.
    #[error("{0} has no earlier revision to return to; activate one by its digest")]
    NoPredecessor(String),
    /// The revision can't serve.
    #[error("{digest} is not admitted: {}", .refusal.refusal)]
    Refused {
        /// The digest.
        digest: String,
        /// Why.
        refusal: Box<AdmissionError>,
    },
    /// The signature that is kept was made later.
    #[error(
        "{digest} is kept as version {version}, with a signature of {time}, which is later than this one; sign it anew"
    )]
    SignedLater {
        /// The digest.
        digest: String,
        /// The version that the later signature names.
        version: String,
        /// When that one was made.
        time: String,
    },
    /// Another host has put an older revision in place, and not said so.
    #[error(
        "{digest} is version {offered}, older than {active}, which serves here, and the history does not say that somebody has gone back; activate {active} again, and then roll back if that is meant"
    )]
    Unexplained {
        /// The digest.
        digest: String,
        /// Its version.
        offered: String,
        /// The version that serves here.
        active: String,
    },
    /// Somebody else changed the rollout at the same time.
    #[error("the rollout was changed at the same time by another host; look at it and try again")]
    Conflict,
    /// The revision serves, or is what a rollback would return to.
    #[error("{0} serves or can be returned to; it stays")]
    InUse(String),
    /// The store can't answer.
    #[error("the store can't answer now: nothing was changed; try again later")]
    Store,
}

// === impl RolloutError ===

impl RolloutError {
    /// A stable code for answers, audit records and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoComponent(_) => "component-unknown",
            Self::NoRevision { .. } => "revision-unknown",
            Self::Ambiguous { .. } => "revision-ambiguous",
            Self::Already { .. } => "already-active",
            Self::Weight(_) => "malformed",
            Self::NoPredecessor(_) => "no-predecessor",
            Self::Refused { refusal, .. } => refusal.code(),
            Self::SignedLater { .. } => "signature-older",
            Self::Unexplained { .. } => "version-older",
            Self::Conflict => "conflict",
            Self::InUse(_) => "revision-in-use",
            Self::Store => "busy",
        }
    }

    /// Whether the same may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store => true,
            Self::Refused { refusal, .. } => refusal.is_transient(),
            _ => false,
        }
    }
}

impl From<store::Error> for RolloutError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict => Self::Conflict,
            _ => Self::Store,
        }
    }
}
