//! Changing rollouts: push, activate, roll back, remove.
//!
//! Each change goes the same way: find the revision, think the change through, admit
//! the revision on this host, write the change down with its history and its record,
//! and only then put it in place. What can't be written down does not happen. The
//! changes of one component come one after the other; those of other hosts are told
//! by the epoch.

use std::sync::Arc;

use serde::Serialize;

use super::error::RolloutError;
use super::lane::{Running, Signed};
use super::plan::{self, Plan};
use super::{Followed, Progress, Rollouts};
use crate::audit::{Outcome, Record, Trail};
use crate::registry::{AdmissionError, SignedComponent};
use crate::store::rollouts::{Artifact, HistoryEntry, HostReport, RevisionInfo, RolloutState};

/// Whose wish a change is. Owes one audit record.
#[derive(Debug)]
pub struct Order {
    /// The operator's SPIFFE id.
    pub who: String,
    /// The record of the change, as if all goes well.
    record: Option<Record>,
    trail: Trail,
}

/// What shall serve.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// A digest, its beginning, or a version.
    pub revision: String,
    /// As canary, per cent.
    pub canary: Option<u64>,
    /// An older version is what is wanted.
    pub rollback: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// A reason for the history.
    pub why: String,
}

/// A change that was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The component.
    pub component: String,
    /// As history calls it.
    pub what: &'static str,
    /// The digest before, or `-`.
    pub from: String,
    /// Its version.
    pub from_version: String,
    /// The digest afterwards.
    pub to: String,
    /// Its version.
    pub to_version: String,
    /// Of a canary, per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<u8>,
    /// The epoch that it began.
    pub epoch: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// A revision that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The revision.
    pub info: RevisionInfo,
    /// Whether its bytes were not there before.
    pub new: bool,
    /// Why it would not be admitted now.
    pub held: Option<AdmissionError>,
}

/// Everything there is to know about a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The rollout.
    pub state: RolloutState,
    /// What this host runs.
    pub running: Running,
    /// All pushed revisions, oldest first.
    pub revisions: Vec<RevisionInfo>,
    /// What each host runs.
    pub hosts: Vec<HostReport>,
}

/// The fewest digits of a digest that name a revision.
const LEAST_DIGITS: usize = 6;

// === impl Order ===

impl Order {
    /// An order of `who`, which owes `record`.
    pub fn new(who: &str, record: Option<Record>, trail: &Trail) -> Self {
        Self {
            who: who.to_owned(),
            record,
            trail: trail.clone(),
        }
    }

    /// The record, for a store that writes it with the change.
    pub(super) fn take(&mut self) -> Option<Record> {
        self.record.take()
    }

    /// What came of it, unless the store has written that.
    fn settle<T>(mut self, result: &Result<T, RolloutError>) {
        if let Some(record) = self.record.take() {
            let outcome = match result {
                Ok(_) => Outcome::Success,
                Err(error) => Outcome::Failed(error.code()),
            };
            self.trail.push(Record { outcome, ..record });
        }
    }
}

// === impl Rollouts ===

impl Rollouts {
    /// Keep a revision. It serves nobody until it is activated. With `dry_run` it is only
    /// tried out.
    ///
    /// # Errors
    /// [`RolloutError::Refused`] when it is not to be trusted.
    pub async fn push(
        &self,
        mut order: Order,
        name: &str,
        wasm: Vec<u8>,
        minisig: String,
        dry_run: bool,
    ) -> Result<Pushed, RolloutError> {
        let component = SignedComponent {
            wasm: wasm.into(),
            minisig,
        };
        let result = self.try_push(&mut order, name, component, dry_run).await;
        order.settle(&result);
        result
    }

    /// Give a revision everybody, or as canary a part.
    ///
    /// # Errors
    /// Whatever speaks against it; then nothing has changed.
    pub async fn activate(
        &self,
        mut order: Order,
        name: &str,
        wish: &Wish,
    ) -> Result<Change, RolloutError> {
        let result = self.try_activate(&mut order, name, wish).await;
        order.settle(&result);
        result
    }

    /// Take the canary back, or return to the predecessor.
    ///
    /// # Errors
    /// Whatever speaks against it; then nothing has changed.
    pub async fn roll_back(
        &self,
        mut order: Order,
        name: &str,
        why: &str,
        dry_run: bool,
    ) -> Result<Change, RolloutError> {
        let result = self.try_roll_back(&mut order, name, why, dry_run).await;
        order.settle(&result);
        result
    }

    /// Forget a revision that nobody needs.
    ///
    /// # Errors
    /// [`RolloutError::InUse`] when it serves or can be returned to.
    pub async fn remove(
        &self,
        mut order: Order,
        name: &str,
        wanted: &str,
        dry_run: bool,
    ) -> Result<RevisionInfo, RolloutError> {
        let result = self.try_remove(&mut order, name, wanted, dry_run).await;
        order.settle(&result);
        result
    }

    /// Everything there is to know about a component.
    ///
    /// # Errors
    /// There is no such component, or the store can't answer.
    pub async fn overview(&self, name: &str) -> Result<Overview, RolloutError> {
        let followed = self.followed(name)?;
        let store = self.store()?;
        let mut hosts = store.host_reports().await?;
        hosts.retain(|report| report.component == name);
        Ok(Overview {
            state: store.rollout_get(name).await?.ok_or(RolloutError::Store)?,
            running: followed.lane.running(),
            revisions: store.revision_list(name).await?,
            hosts,
        })
    }

    /// The last changes of a component, newest first.
    ///
    /// # Errors
    /// There is no such component, or the store can't answer.
    pub async fn history(&self, name: &str, limit: u32) -> Result<Vec<HistoryEntry>, RolloutError> {
        self.followed(name)?;
        Ok(self.store()?.rollout_history(name, limit).await?)
    }

    async fn try_push(
        &self,
        order: &mut Order,
        name: &str,
        component: SignedComponent,
        dry_run: bool,
    ) -> Result<Pushed, RolloutError> {
        let SignedComponent { wasm, minisig } = component;
        let followed = self.followed(name)?;
        let store = self.store()?;
        let file = Signed {
            wasm: &wasm,
            minisig: &minisig,
        };
        let refused = |digest: &str| {
            let digest = digest.to_owned();
            move |refusal| RolloutError::Refused {
                digest,
                refusal: Box::new(refusal),
            }
        };
        let identity = followed.lane.identify(file).map_err(refused("the file"))?;
        let info = RevisionInfo {
            component: name.to_owned(),
            digest: identity.digest,
            version: identity.revision,
            size: u64::try_from(wasm.len()).unwrap_or(u64::MAX),
            pushed_at: self.clock.now(),
            pushed_by: order.who.clone(),
        };
        // Tried out now, so that whoever pushes learns what is wrong, and so that the
        // compiled code is at hand when it is activated.
        let held = {
            let _turn = followed.turn.lock().await;
            let held = match followed.lane.is_linked(&info.digest) {
                true => None,
                false => followed.lane.link(file, true).await.err(),
            };
            followed.lane.tidy();
            held
        };
        if dry_run {
            let there = store.revision_list(name).await?;
            let new = !there.iter().any(|one| one.digest == info.digest);
            return Ok(Pushed { info, new, held });
        }
        let artifact = Artifact {
            info: info.clone(),
            wasm: wasm.to_vec(),
            minisig,
        };
        let record = order.take().ok_or(RolloutError::Store)?;
        let new = store.revision_push(&order.trail, record, artifact).await?;
        Ok(Pushed { info, new, held })
    }

    async fn try_activate(
        &self,
        order: &mut Order,
        name: &str,
        wish: &Wish,
    ) -> Result<Change, RolloutError> {
        let followed = self.followed(name)?;
        let weight = wish.canary.map(weight).transpose()?;
        let info = self.find(name, &wish.revision).await?;
        let mut progress = followed.turn.lock().await;
        let now = self.state(name).await?;
        let plan = plan::activate(&now, &info.digest, weight)?;
        if let Err(error) = self.ready(followed, &info.digest, wish.rollback).await {
            if matches!(error, RolloutError::Refused { .. }) && !wish.dry_run {
                self.note_refusal(order, followed, &mut progress, &now, &info.digest, &error)
                    .await;
            }
            return Err(error);
        }
        let change = self
            .change(order, followed, &plan, &wish.why, wish.dry_run)
            .await?;
        if !wish.dry_run {
            self.apply(followed, &mut progress, &plan.state).await;
        }
        Ok(change)
    }

    async fn try_roll_back(
        &self,
        order: &mut Order,
        name: &str,
        why: &str,
        dry_run: bool,
    ) -> Result<Change, RolloutError> {
        let followed = self.followed(name)?;
        let mut progress = followed.turn.lock().await;
        let now = self.state(name).await?;
        let plan = plan::roll_back(&now)?;
        self.ready(followed, &plan.to, true).await?;
        let change = self.change(order, followed, &plan, why, dry_run).await?;
        if !dry_run {
            self.apply(followed, &mut progress, &plan.state).await;
        }
        Ok(change)
    }

    async fn try_remove(
        &self,
        order: &mut Order,
        name: &str,
        wanted: &str,
        dry_run: bool,
    ) -> Result<RevisionInfo, RolloutError> {
        self.followed(name)?;
        let info = self.find(name, wanted).await?;
        if self.state(name).await?.names(&info.digest) {
            return Err(RolloutError::InUse(info.digest));
        }
        if !dry_run {
            let record = order.take().ok_or(RolloutError::Store)?;
            self.store()?
                .revision_remove(&order.trail, record, name, &info.digest)
                .await
                .map_err(|error| match error {
                    crate::store::Error::Conflict => RolloutError::InUse(info.digest.clone()),
                    error => error.into(),
                })?;
        }
        Ok(info)
    }

    /// An activation that admission refused is a part of the history too: a change
    /// that changes nothing.
    async fn note_refusal(
        &self,
        order: &mut Order,
        followed: &Followed,
        progress: &mut Progress,
        now: &RolloutState,
        digest: &str,
        error: &RolloutError,
    ) {
        let plan = plan::refuse(now, digest);
        let Some(record) = order.take() else { return };
        let record = Record {
            outcome: Outcome::Failed(error.code()),
            ..record
        };
        let why = format!("{}: {error}", error.code());
        let written = self
            .write(&order.who, &plan, &why, record, &order.trail)
            .await;
        if written.is_ok() {
            self.apply(followed, progress, &plan.state).await;
        }
    }

    /// Write a change down.
    async fn change(
        &self,
        order: &mut Order,
        followed: &Followed,
        plan: &Plan,
        why: &str,
        dry_run: bool,
    ) -> Result<Change, RolloutError> {
        let name = followed.lane.name();
        let versions = self.store()?.revision_list(name).await?;
        let version = |digest: &str| {
            versions
                .iter()
                .find(|info| info.digest == digest)
                .map_or_else(|| "-".to_owned(), |info| info.version.clone())
        };
        if !dry_run {
            let record = order.take().ok_or(RolloutError::Store)?;
            let why = if why.is_empty() { "-" } else { why };
            self.write(&order.who, plan, why, record, &order.trail)
                .await?;
        }
        Ok(Change {
            component: name.to_owned(),
            what: plan.what,
            from: plan.from.clone(),
            from_version: version(&plan.from),
            to: plan.to.clone(),
            to_version: version(&plan.to),
            canary: match plan.what {
                "canary" => plan.state.canary.as_ref().map(|one| one.weight),
                _ => None,
            },
            epoch: plan.state.epoch,
            dry_run,
        })
    }

    pub(super) async fn write(
        &self,
        who: &str,
        plan: &Plan,
        why: &str,
        record: Record,
        trail: &Trail,
    ) -> Result<(), RolloutError> {
        let entry = HistoryEntry {
            component: plan.state.component.clone(),
            epoch: plan.state.epoch,
            time: self.clock.now(),
            who: who.to_owned(),
            what: plan.what.to_owned(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            why: why.to_owned(),
        };
        self.store()?
            .rollout_set(trail, record, plan.state.clone(), entry)
            .await?;
        tracing::info!(
            component = plan.state.component,
            epoch = plan.state.epoch,
            what = plan.what,
            from = plan.from,
            to = plan.to,
            who,
            why,
            "rollout changed"
        );
        Ok(())
    }

    /// Admit a revision on this host, unless it is linked already.
    pub(super) async fn ready(
        &self,
        followed: &Followed,
        digest: &str,
        rollback: bool,
    ) -> Result<(), RolloutError> {
        let refused = |refusal| RolloutError::Refused {
            digest: digest.to_owned(),
            refusal: Box::new(refusal),
        };
        if followed.lane.is_linked(digest) {
            return followed.lane.may_follow(digest, rollback).map_err(refused);
        }
        let artifact = self
            .store()?
            .revision_get(followed.lane.name(), digest)
            .await
            .map_err(|error| match error {
                crate::store::Error::NotFound => RolloutError::NoRevision {
                    component: followed.lane.name().to_owned(),
                    wanted: digest.to_owned(),
                },
                error => error.into(),
            })?;
        let file = Signed {
            wasm: &artifact.wasm,
            minisig: &artifact.minisig,
        };
        followed.lane.link(file, rollback).await.map_err(refused)
    }

    pub(super) async fn state(&self, name: &str) -> Result<RolloutState, RolloutError> {
        let state = self.store()?.rollout_get(name).await?;
        state.ok_or(RolloutError::Store)
    }

    /// The revision that somebody means: by its digest, the beginning of it, or its
    /// version.
    ///
    /// # Errors
    /// None fits, or several do.
    pub async fn find(&self, name: &str, wanted: &str) -> Result<RevisionInfo, RolloutError> {
        let all = self.store()?.revision_list(name).await?;
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        let fits = |info: &&RevisionInfo| {
            info.version == wanted
                || (digits.len() >= LEAST_DIGITS && info.digest.starts_with(digits))
        };
        let mut found: Vec<_> = all.iter().filter(fits).cloned().collect();
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(RolloutError::NoRevision {
                component: name.to_owned(),
                wanted: wanted.to_owned(),
            }),
            (Some(last), false) => Err(RolloutError::Ambiguous {
                wanted: wanted.to_owned(),
                digests: found
                    .into_iter()
                    .chain([last])
                    .map(|info| info.digest)
                    .collect(),
            }),
        }
    }

    fn followed(&self, name: &str) -> Result<&Followed, RolloutError> {
        self.lanes
            .iter()
            .find(|followed| followed.lane.name() == name)
            .map(Arc::as_ref)
            .ok_or_else(|| RolloutError::NoComponent(name.to_owned()))
    }
}

fn weight(percent: u64) -> Result<u8, RolloutError> {
    u8::try_from(percent)
        .ok()
        .filter(|weight| (1..100).contains(weight))
        .ok_or(RolloutError::Weight(percent))
}
