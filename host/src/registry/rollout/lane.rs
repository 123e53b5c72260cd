//! One component's lane: its slot, and what of it is linked and ready.
//!
//! A lane brings the words of a rollout (digests) and the things (linked revisions)
//! together. It keeps linked what serves and what a rollback would return to, and lets
//! everything else go.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::error::Refusal;
use super::rules::Rules;
use super::slot::{Decision, Slot};
use crate::audit::ComponentIdentity;
use crate::registry::Revision;

/// A component file and its signature.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The file.
    pub wasm: &'a [u8],
    /// As minisign writes it; empty where there is none.
    pub minisig: &'a str,
}

/// The way of a file into service: verified, compiled, checked, linked, probed.
#[async_trait]
pub trait Admit<P>: Send + Sync + 'static {
    /// Admit a file in the place of `against`; `rollback` says that an older version
    /// is what is wanted.
    async fn admit(
        &self,
        file: Signed<'_>,
        against: Option<&Revision<P>>,
        rollback: bool,
    ) -> Result<Revision<P>, Refusal>;

    /// Whether a revision that was admitted before would be again, by the policy of
    /// now, in the place of `against`. Compiles nothing.
    fn recheck(
        &self,
        revision: &Revision<P>,
        against: &Revision<P>,
        rollback: bool,
    ) -> Result<(), Refusal>;

    /// What a file says it is, after verifying that.
    fn identify(&self, file: Signed<'_>) -> Result<ComponentIdentity, Refusal>;
}

/// What a lane runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The stable revision.
    pub stable: Arc<ComponentIdentity>,
    /// The canary and its weight in per cent.
    pub canary: Option<(Arc<ComponentIdentity>, u8)>,
    /// What a rollback would return to, linked and ready.
    pub previous: Option<Arc<ComponentIdentity>>,
    /// Calls of the canary that ended well.
    pub healthy: u64,
}

/// What the rollout of any component needs of its lane.
#[async_trait]
pub trait Lane: Send + Sync + 'static {
    /// The component's name.
    fn name(&self) -> &'static str;

    /// What runs now.
    fn running(&self) -> Running;

    /// See [`Admit::identify`].
    fn identify(&self, file: Signed<'_>) -> Result<ComponentIdentity, Refusal>;

    /// Whether this digest is linked and ready.
    fn is_linked(&self, digest: &str) -> bool;

    /// See [`Admit::recheck`]; well when it is not linked.
    fn recheck(&self, digest: &str, rollback: bool) -> Result<(), Refusal>;

    /// Admit a file in the place of the stable revision, and keep it ready.
    async fn link(&self, file: Signed<'_>, rollback: bool) -> Result<(), Refusal>;

    /// Put linked revisions in place and let go of all others. False, and nothing
    /// done, when one that shall serve is not linked.
    fn install(&self, stable: &str, canary: Option<(&str, u8)>, previous: Option<&str>) -> bool;

    /// Let go of everything that is not in a place.
    fn tidy(&self);

    /// See [`Slot::pending`].
    fn pending(&self) -> Vec<Decision>;

    /// See [`Slot::decided`].
    async fn decided(&self);
}

/// The lane of one component.
pub struct Track<P> {
    name: &'static str,
    slot: Arc<Slot<P>>,
    admit: Arc<dyn Admit<P>>,
    linked: Mutex<BTreeMap<String, Arc<Revision<P>>>>,
    /// Of all revisions together.
    instances: Arc<Semaphore>,
}

// === impl Track ===

impl<P: Send + Sync + 'static> Track<P> {
    /// A lane on which `file` serves, once it has been admitted.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn start(
        name: &'static str,
        file: Signed<'_>,
        admit: Arc<dyn Admit<P>>,
        rules: Rules,
    ) -> Result<Self, Refusal> {
        let revision = admit.admit(file, None, true).await?;
        let instances = Arc::new(Semaphore::new(revision.limits.instances));
        let revision = Arc::new(revision.sharing(&instances));
        let digest = revision.identity.digest.clone();
        Ok(Self {
            name,
            slot: Arc::new(Slot::with_rules(Arc::clone(&revision), rules)),
            admit,
            linked: Mutex::new(BTreeMap::from([(digest, revision)])),
            instances,
        })
    }

    /// Where calls find their revision.
    pub fn slot(&self) -> &Arc<Slot<P>> {
        &self.slot
    }

    fn linked(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Revision<P>>>> {
        self.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<P: Send + Sync + 'static> Lane for Track<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn running(&self) -> Running {
        let routing = self.slot.routing();
        Running {
            stable: Arc::clone(&routing.stable.revision.identity),
            canary: routing
                .canary
                .as_ref()
                .map(|(canary, weight)| (Arc::clone(&canary.revision.identity), *weight)),
            previous: routing
                .previous
                .as_ref()
                .map(|previous| Arc::clone(&previous.identity)),
            healthy: self.slot.healthy(),
        }
    }

    fn identify(&self, file: Signed<'_>) -> Result<ComponentIdentity, Refusal> {
        self.admit.identify(file)
    }

    fn is_linked(&self, digest: &str) -> bool {
        self.linked().contains_key(digest)
    }

    fn recheck(&self, digest: &str, rollback: bool) -> Result<(), Refusal> {
        let linked = self.linked().get(digest).cloned();
        linked.map_or(Ok(()), |revision| {
            self.admit.recheck(&revision, &self.slot.active(), rollback)
        })
    }

    async fn link(&self, file: Signed<'_>, rollback: bool) -> Result<(), Refusal> {
        let against = self.slot.active();
        let revision = self.admit.admit(file, Some(&against), rollback).await?;
        let revision = Arc::new(revision.sharing(&self.instances));
        let digest = revision.identity.digest.clone();
        self.linked().entry(digest).or_insert(revision);
        Ok(())
    }

    fn install(&self, stable: &str, canary: Option<(&str, u8)>, previous: Option<&str>) -> bool {
        let find = |digest: &str| self.linked().get(digest).cloned();
        let Some(stable) = find(stable) else {
            return false;
        };
        let canary = match canary {
            Some((digest, weight)) => match find(digest) {
                Some(revision) => Some((revision, weight)),
                None => return false,
            },
            None => None,
        };
        let canary = canary.as_ref().map(|(revision, weight)| (revision, *weight));
        self.slot.install(&stable, canary, previous.and_then(find));
        self.tidy();
        true
    }

    fn tidy(&self) {
        let routing = self.slot.routing();
        let canary = routing.canary.as_ref().map(|(canary, _)| &canary.revision);
        let kept: Vec<_> = [Some(&routing.stable.revision), canary, routing.previous.as_ref()]
            .into_iter()
            .flatten()
            .map(|revision| revision.identity.digest.clone())
            .collect();
        self.linked().retain(|digest, _| kept.contains(digest));
    }

    fn pending(&self) -> Vec<Decision> {
        self.slot.pending()
    }

    async fn decided(&self) {
        self.slot.decided().await;
    }
}

impl<P> fmt::Debug for Track<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}
