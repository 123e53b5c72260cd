//! Component revisions and rollouts: what every host of a deployment must know.
//!
//! The revisions that were pushed (bytes and signature), which of them serve, how
//! it came to that, and what each host runs. These are host duties: no component
//! can reach them. What every implementation guarantees:
//!
//! - A rollout changes by compare-and-set on its epoch, which counts its changes from
//!   1. Of two hosts that change it at the same time, one hears [`Error::Conflict`].
//! - A change, its line of history and its audit record commit together, or none does.
//! - A revision that serves, or could be returned to, can't be removed; and what was
//!   removed can't be made to serve, whoever is quicker.
//!
//! The bytes are as they were pushed. Whether they may run is judged by each host,
//! each time it loads them.

use async_trait::async_trait;
use bytes::Bytes;

use super::Error;
use crate::audit::{Record, Trail};
use crate::clock::Timestamp;

/// Predecessors that a rollout remembers.
pub const MAX_PREDECESSORS: usize = 8;

/// A pushed revision without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionInfo {
    /// `auth-service` or `passkey-manager`.
    pub component: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
    /// Its version, or the first digits of the digest.
    pub version: String,
    /// Bytes of the file.
    pub size: u64,
    /// When it came.
    pub pushed_at: Timestamp,
    /// Who pushed it: an operator's SPIFFE id, or `configuration`.
    pub pushed_by: String,
}

/// A pushed revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What it is.
    pub info: RevisionInfo,
    /// The component file.
    pub wasm: Bytes,
    /// Its signature as minisign writes it; empty where there is none.
    pub minisig: String,
}

/// A revision that gets a part of the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryState {
    /// Its digest.
    pub digest: String,
    /// Per cent of the callers, 1 to 99.
    pub weight: u8,
}

/// Which revisions of a component serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutState {
    /// `auth-service` or `passkey-manager`.
    pub component: String,
    /// Counts the changes, from 1.
    pub epoch: u64,
    /// The digest of the revision that serves whoever the canary does not.
    pub stable: String,
    /// The revision on trial.
    pub canary: Option<CanaryState>,
    /// Digests to go back to, the nearest last; at most [`MAX_PREDECESSORS`].
    pub predecessors: Vec<String>,
}

/// What vouches for a pushed revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Its digest.
    pub digest: String,
    /// Its version, or the first digits of the digest.
    pub version: String,
    /// Its signature as minisign writes it; empty where there is none.
    pub minisig: String,
}

/// A rollout together with what vouches for what it runs: the revisions that serve, and
/// the nearest predecessor. Of one that is not there nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The rollout.
    pub state: RolloutState,
    /// In no particular order.
    pub vouched: Vec<Vouched>,
}

/// One line of a component's history: one change of its rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The component.
    pub component: String,
    /// The epoch that began with the change.
    pub epoch: u64,
    /// When.
    pub time: Timestamp,
    /// Who: an operator's SPIFFE id, or the host.
    pub who: String,
    /// What was done: `configured`, `activated`, `canary`, `promoted`, and with `-older`
    /// where the version was wanted although it is older; `rolled-back`, `canary-ended`
    /// (the stable revision was activated), `taken-out`, `withdrawn`, `refused`.
    pub what: String,
    /// The digest before, or `-`.
    pub from: String,
    /// The digest after, or `-` where nobody serves.
    pub to: String,
    /// The reason, for people.
    pub why: String,
}

/// What a host says about one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// The host: its SPIFFE id and its service address.
    pub host: String,
    /// The component.
    pub component: String,
    /// The epoch that it follows.
    pub epoch: u64,
    /// The digest of its stable revision.
    pub stable: String,
    /// The digest of its canary.
    pub canary: Option<String>,
    /// Why it does not follow the newest epoch; empty where it does.
    pub problem: String,
    /// When it said so.
    pub seen_at: Timestamp,
}

/// The part of a store that rollouts rest on. [`Error::Busy`] is possible everywhere.
#[async_trait]
pub trait Rollouts: Send + Sync + 'static {
    /// Keep a revision. True when it is new, false when its bytes were there; then its
    /// signature and version take the place of those that are kept if the signature
    /// that is kept is `instead_of`. With none they stay. [`Error::Conflict`] when it is
    /// another one.
    async fn revision_push(
        &self,
        trail: &Trail,
        record: Record,
        artifact: Artifact,
        instead_of: Option<String>,
    ) -> Result<bool, Error>;

    /// The signature of a revision; empty where there is none. [`Error::NotFound`] when
    /// it was not pushed.
    async fn revision_signature(&self, component: &str, digest: &str) -> Result<String, Error>;

    /// [`Error::NotFound`] when it was not pushed.
    async fn revision_get(&self, component: &str, digest: &str) -> Result<Artifact, Error>;

    /// All revisions of a component, oldest first.
    async fn revision_list(&self, component: &str) -> Result<Vec<RevisionInfo>, Error>;

    /// [`Error::NotFound`] when it was not pushed, [`Error::Conflict`] when the rollout
    /// of its component names it.
    async fn revision_remove(
        &self,
        trail: &Trail,
        record: Record,
        component: &str,
        digest: &str,
    ) -> Result<(), Error>;

    /// The rollout of a component, if it has begun.
    async fn rollout_get(&self, component: &str) -> Result<Option<RolloutState>, Error>;

    /// The rollout of a component, if it has begun, and what vouches for what it runs, all
    /// as of one moment.
    async fn rollout_present(&self, component: &str) -> Result<Option<Present>, Error>;

    /// Put `state` in the place of the one of the epoch before; `entry` says why.
    /// [`Error::Conflict`] when that is no longer the present one, [`Error::NotFound`]
    /// when a revision that it lets serve is not there.
    async fn rollout_set(
        &self,
        trail: &Trail,
        record: Record,
        state: RolloutState,
        entry: HistoryEntry,
    ) -> Result<(), Error>;

    /// The last changes of a component, newest first, at most `limit`.
    async fn rollout_history(
        &self,
        component: &str,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, Error>;

    /// Take down what a host runs; a later report takes the place of an earlier one.
    async fn host_report(&self, report: HostReport) -> Result<(), Error>;

    /// What all hosts said last, by host and component.
    async fn host_reports(&self) -> Result<Vec<HostReport>, Error>;
}

/// Who may serve or be returned to.
impl RolloutState {
    /// Whether the rollout names this revision.
    pub fn names(&self, digest: &str) -> bool {
        self.stable == digest
            || self.canary.as_ref().is_some_and(|one| one.digest == digest)
            || self.predecessors.iter().any(|one| one == digest)
    }
}

// === impl Present ===

impl Present {
    /// What vouches for this revision, as far as it was asked for.
    pub fn of(&self, digest: &str) -> Option<&Vouched> {
        self.vouched.iter().find(|one| one.digest == digest)
    }

    /// The same revisions in another state.
    pub fn becoming(self, state: RolloutState) -> Self {
        Self { state, ..self }
    }
}
