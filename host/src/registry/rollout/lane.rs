//! One component's lane: its slot, and what of it is linked and ready.
//!
//! A lane brings the words of a rollout (digests) and the things (linked revisions)
//! together. It keeps linked what serves and what a rollback would return to, and lets
//! everything else go.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::rules::Rules;
use super::slot::{Decision, Slot};
use crate::audit::ComponentIdentity;
use crate::registry::{
    Admission, AdmissionError, Admitted, Linked, LoadError, Revision, SignedComponent,
};

/// How long compiled code is kept that nobody needs any more.
const LATER: Duration = Duration::from_millis(100);

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
    /// Revisions that are held in memory, whatever for.
    pub linked: usize,
    /// Calls that have an instance, of whichever revision.
    pub calls: usize,
}

/// What the rollout of any component needs of its lane.
#[async_trait]
pub trait Lane: Send + Sync + 'static {
    /// The component's name.
    fn name(&self) -> &'static str;

    /// What runs now.
    fn running(&self) -> Running;

    /// See [`Admission::identify`].
    fn identify(&self, file: &SignedComponent) -> Result<ComponentIdentity, AdmissionError>;

    /// Whether this digest is linked and ready.
    fn is_linked(&self, digest: &str) -> bool {
        self.signature(digest).is_some()
    }

    /// The signature under which this digest is linked; empty where there is none.
    fn signature(&self, digest: &str) -> Option<Arc<str>>;

    /// See [`Admission::may_follow`]; well when it is not linked.
    fn may_follow(&self, digest: &str, rollback: bool) -> Result<(), AdmissionError>;

    /// See [`Admission::recheck`]: what may not run any more is taken out of its place.
    fn recheck(&self);

    /// Whether policy has withdrawn what serves, so that nobody is served.
    fn is_withdrawn(&self) -> bool;

    /// Admit a file in the place of the stable revision, and keep it ready.
    async fn link(&self, file: &SignedComponent, rollback: bool) -> Result<(), AdmissionError>;

    /// Put linked revisions in place and let go of all others. False, and nothing
    /// done, when one that shall serve is not linked.
    fn install(&self, stable: &str, canary: Option<(&str, u8)>, previous: Option<&str>) -> bool;

    /// Let go of everything that is not in a place.
    fn tidy(&self);

    /// Let go of the compiled code of a file that was removed.
    fn forget(&self, digest: &str);

    /// See [`Slot::pending`].
    fn pending(&self) -> Vec<Decision>;

    /// See [`Slot::written`].
    fn written(&self, decision: &Decision);

    /// See [`Slot::decided`].
    async fn decided(&self);
}

/// The lane of one component.
pub struct Track<P> {
    name: &'static str,
    slot: Arc<Slot<P>>,
    admission: Arc<Admission>,
    extract: Extract<P>,
    linked: Mutex<BTreeMap<String, Ready<P>>>,
}

/// The revision of the right component, out of what was linked.
pub type Extract<P> = fn(Linked) -> Result<Arc<Revision<P>>, LoadError>;

/// An admitted revision.
struct Ready<P> {
    revision: Arc<Revision<P>>,
    admitted: Arc<Admitted>,
    minisig: Arc<str>,
}

// === impl Track ===

impl<P: Send + Sync + 'static> Track<P> {
    /// A lane on which `file` serves, once it has been admitted.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn start(
        name: &'static str,
        file: &SignedComponent,
        admission: Arc<Admission>,
        extract: Extract<P>,
        rules: Rules,
    ) -> Result<Self, AdmissionError> {
        let admitted = admission.admit(name, file, None, true).await?;
        let ready = Ready::of(name, admitted, &file.minisig, extract)?;
        let track = Self {
            name,
            slot: Arc::new(Slot::with_rules(Arc::clone(&ready.revision), rules)),
            admission,
            extract,
            linked: Mutex::default(),
        };
        track.admission.serves(&ready.admitted);
        track.linked().insert(ready.digest(), ready);
        track.tidy();
        Ok(track)
    }

    /// Where calls find their revision.
    pub fn slot(&self) -> &Arc<Slot<P>> {
        &self.slot
    }

    /// What serves, as it was admitted.
    fn against(&self) -> Option<Arc<Admitted>> {
        let active = self.slot.active();
        let linked = self.linked();
        let ready = linked.get(&active.identity.digest)?;
        Some(Arc::clone(&ready.admitted))
    }

    fn linked(&self) -> MutexGuard<'_, BTreeMap<String, Ready<P>>> {
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
            linked: self.linked().len(),
            calls: routing.stable.revision.calls(),
        }
    }

    fn identify(&self, file: &SignedComponent) -> Result<ComponentIdentity, AdmissionError> {
        self.admission.identify(self.name, file)
    }

    fn signature(&self, digest: &str) -> Option<Arc<str>> {
        let linked = self.linked();
        linked.get(digest).map(|ready| Arc::clone(&ready.minisig))
    }

    fn may_follow(&self, digest: &str, rollback: bool) -> Result<(), AdmissionError> {
        let linked = self.linked();
        let ready = linked.get(digest).map(|ready| Arc::clone(&ready.admitted));
        drop(linked);
        match (ready, self.against()) {
            (Some(ready), Some(against)) => self.admission.may_follow(&ready, &against, rollback),
            _ => Ok(()),
        }
    }

    fn recheck(&self) {
        let linked: Vec<_> = self
            .linked()
            .values()
            .map(|ready| Arc::clone(&ready.admitted))
            .collect();
        // Asked before the slot is held: policy takes its time.
        let faults: BTreeMap<_, _> = linked
            .iter()
            .filter_map(|admitted| {
                let error = self.admission.recheck(admitted).err()?;
                let why = format!("{}: {}", error.code(), error.refusal);
                Some((admitted.identity.digest.as_str(), why))
            })
            .collect();
        self.slot
            .recheck(|revision| faults.get(revision.identity.digest.as_str()).cloned());
        drop(faults);
        // Else the last of what is let go of would go here.
        drop(linked);
        self.tidy();
    }

    fn is_withdrawn(&self) -> bool {
        self.slot.active().is_withdrawn()
    }

    async fn link(&self, file: &SignedComponent, rollback: bool) -> Result<(), AdmissionError> {
        let against = self.against();
        let admitted = self
            .admission
            .admit(self.name, file, against.as_deref(), rollback)
            .await?;
        let ready = Ready::of(self.name, admitted, &file.minisig, self.extract)?;
        let mut linked = self.linked();
        let there = linked.get(&ready.digest());
        // Another signature of the same file takes the place of the one before.
        if there.is_none_or(|there| there.minisig != ready.minisig) {
            linked.insert(ready.digest(), ready);
        }
        Ok(())
    }

    fn install(&self, stable: &str, canary: Option<(&str, u8)>, previous: Option<&str>) -> bool {
        let find = |digest: &str| {
            let linked = self.linked();
            linked.get(digest).map(|ready| Arc::clone(&ready.revision))
        };
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
        let canary = canary
            .as_ref()
            .map(|(revision, weight)| (revision, *weight));
        self.slot.install(&stable, canary, previous.and_then(find));
        if let Some(admitted) = self.against() {
            self.admission.serves(&admitted);
        }
        self.tidy();
        true
    }

    fn tidy(&self) {
        let routing = self.slot.routing();
        let canary = routing.canary.as_ref().map(|(canary, _)| &canary.revision);
        let kept: Vec<_> = [
            Some(&routing.stable.revision),
            canary,
            routing.previous.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(|revision| revision.identity.digest.clone())
        .collect();
        let gone: Vec<_> = self
            .linked()
            .extract_if(.., |digest, _| !kept.contains(digest))
            .collect();
        release(gone);
        self.admission.runs(self.name, kept);
    }

    fn forget(&self, digest: &str) {
        self.admission.forget(digest);
    }

    fn pending(&self) -> Vec<Decision> {
        self.slot.pending()
    }

    fn written(&self, decision: &Decision) {
        self.slot.written(decision);
    }

    async fn decided(&self) {
        self.slot.decided().await;
    }
}

/// Giving up compiled code gives its memory back to the system, which takes a core its time:
/// nobody waits for that, and what comes right after the change goes first.
fn release<T: Send + 'static>(gone: Vec<T>) {
    if gone.is_empty() {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            tokio::time::sleep(LATER).await;
            drop(tokio::task::spawn_blocking(move || drop(gone)));
        });
    }
}

// === impl Ready ===

impl<P> Ready<P> {
    fn of(
        name: &str,
        admitted: Admitted,
        minisig: &str,
        extract: Extract<P>,
    ) -> Result<Self, AdmissionError> {
        let revision = extract(admitted.revision.clone()).map_err(|error| AdmissionError {
            name: name.to_owned(),
            refusal: error.into(),
        })?;
        Ok(Self {
            revision,
            admitted: Arc::new(admitted),
            minisig: minisig.into(),
        })
    }

    fn digest(&self) -> String {
        self.revision.identity.digest.clone()
    }
}

impl<P> fmt::Debug for Track<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Track")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}
