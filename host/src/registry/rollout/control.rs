//! Changing rollouts: push, activate, roll back, remove.
//!
//! Each change goes the same way: find the revision, think the change through, admit
//! the revision on this host, write the change down with its history and its record,
//! and only then put it in place. What can't be written down does not happen. The
//! changes of one component come one after the other; those of other hosts are told
//! by the epoch.

use super::error::RolloutError;
use super::order::{Change, Order, Overview, Pushed, Wish};
use super::plan;
use super::{Followed, Rollouts};
use crate::registry::SignedComponent;
use crate::store::rollouts::{Artifact, HistoryEntry, RevisionInfo};

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
        file: SignedComponent,
        dry_run: bool,
    ) -> Result<Pushed, RolloutError> {
        let result = self.try_push(&mut order, name, file, dry_run).await;
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

    /// All pushed revisions of a component, oldest first.
    ///
    /// # Errors
    /// There is no such component, or the store can't answer.
    pub async fn revisions(&self, name: &str) -> Result<Vec<RevisionInfo>, RolloutError> {
        self.followed(name)?;
        Ok(self.store()?.revision_list(name).await?)
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
        file: SignedComponent,
        dry_run: bool,
    ) -> Result<Pushed, RolloutError> {
        let followed = self.followed(name)?;
        let store = self.store()?;
        let refused = |digest: &str| {
            let digest = digest.to_owned();
            move |refusal| RolloutError::Refused {
                digest,
                refusal: Box::new(refusal),
            }
        };
        let identity = followed.lane.identify(&file);
        let identity = identity.map_err(refused("the file"))?;
        let info = RevisionInfo {
            component: name.to_owned(),
            digest: identity.digest,
            version: identity.revision,
            size: u64::try_from(file.wasm.len()).unwrap_or(u64::MAX),
            pushed_at: self.clock.now(),
            pushed_by: order.who.clone(),
        };
        // Tried out now, so that whoever pushes learns what is wrong, and so that the
        // compiled code is at hand when it is activated.
        let (linked, held) = {
            let _turn = followed.turn.lock().await;
            let linked = followed.lane.signature(&info.digest);
            let held = match linked {
                Some(_) => None,
                None => followed.lane.link(&file, true).await.err(),
            };
            followed.lane.tidy();
            (linked, held)
        };
        if dry_run {
            let there = store.revision_list(name).await?;
            let new = !there.iter().any(|one| one.digest == info.digest);
            return Ok(Pushed { info, new, held });
        }
        let artifact = Artifact {
            info: info.clone(),
            wasm: file.wasm,
            minisig: file.minisig.clone(),
        };
        let new = self.keep(order, artifact).await?;
        if linked.is_some_and(|linked| *linked != *file.minisig) {
            // What serves is judged by its newer signature, from now on.
            self.catch_up(followed).await;
        }
        let kept = match new {
            true => None,
            // What was said of it before may be what counts.
            false => {
                let listed = store.revision_list(name).await?;
                listed.into_iter().find(|one| one.digest == info.digest)
            }
        };
        let info = kept.unwrap_or(info);
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
        let now = self.present(name).await?;
        let plan = plan::activate(&now.state, &info.digest, weight)?;
        let _tidy = Tidy(followed);
        if let Err(error) = self
            .ready(followed, &now, &info.digest, wish.rollback)
            .await
        {
            let judged = matches!(error, RolloutError::Refused { .. }) && !error.is_transient();
            if judged && !wish.dry_run {
                self.note_refusal(order, followed, &mut progress, now, &info.digest, &error)
                    .await;
            }
            return Err(error);
        }
        let older = wish.rollback && followed.lane.may_follow(&info.digest, false).is_err();
        let plan = if older { plan.of_older() } else { plan };
        let mut change = self
            .change(order, followed, &now, &plan, &wish.why, wish.dry_run)
            .await?;
        change.to_version = info.version;
        if !wish.dry_run {
            self.apply(followed, &mut progress, &now.becoming(plan.state))
                .await;
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
        let now = self.present(name).await?;
        let plan = plan::roll_back(&now.state)?;
        let _tidy = Tidy(followed);
        self.ready(followed, &now, &plan.to, true).await?;
        let change = self
            .change(order, followed, &now, &plan, why, dry_run)
            .await?;
        if !dry_run {
            self.apply(followed, &mut progress, &now.becoming(plan.state))
                .await;
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
        let followed = self.followed(name)?;
        let info = self.find(name, wanted).await?;
        // Nobody activates it in between, neither here nor, as the store sees to, elsewhere.
        let _turn = followed.turn.lock().await;
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
            followed.lane.forget(&info.digest);
        }
        Ok(info)
    }
}

/// Whatever comes of a change, only what is in a place stays linked.
struct Tidy<'a>(&'a Followed);

impl Drop for Tidy<'_> {
    fn drop(&mut self) {
        self.0.lane.tidy();
    }
}

fn weight(percent: u64) -> Result<u8, RolloutError> {
    u8::try_from(percent)
        .ok()
        .filter(|weight| (1..100).contains(weight))
        .ok_or(RolloutError::Weight(percent))
}
