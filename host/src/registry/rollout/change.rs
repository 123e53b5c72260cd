//! The steps that all changes of a rollout share: find the revision, admit it here, write
//! the change down with its history and its record.

use std::sync::Arc;

use super::error::RolloutError;
use super::order::{Change, Order};
use super::plan::{self, Plan};
use super::{Followed, Progress, Rollouts};
use crate::audit::{Outcome, Record, Trail};
use crate::clock::rfc3339;
use crate::registry::{AdmissionError, Refusal, SignedComponent, signature};
use crate::store::rollouts::{Artifact, HistoryEntry, Present, RevisionInfo, RolloutState};

/// The fewest digits of a digest that name a revision.
const LEAST_DIGITS: usize = 6;

/// The digits of a digest that people are shown.
const SHOWN_DIGITS: usize = 12;

// === impl Rollouts ===

impl Rollouts {
    /// An activation that admission refused is a part of the history too: a change
    /// that changes nothing.
    pub(super) async fn note_refusal(
        &self,
        order: &mut Order,
        followed: &Followed,
        progress: &mut Progress,
        now: Present,
        digest: &str,
        error: &RolloutError,
    ) {
        let plan = plan::refuse(&now.state, digest);
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
            self.apply(followed, progress, &now.becoming(plan.state))
                .await;
        }
    }

    /// Write a change down. What it leads from and to is vouched for in `now`, where it is
    /// there.
    pub(super) async fn change(
        &self,
        order: &mut Order,
        followed: &Followed,
        now: &Present,
        plan: &Plan,
        why: &str,
        dry_run: bool,
    ) -> Result<Change, RolloutError> {
        let name = followed.lane.name();
        let version = |digest: &str| {
            now.of(digest)
                .map_or_else(|| "-".to_owned(), |one| one.version.clone())
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
            ended_version: plan.ended.as_deref().map(version),
            ended: plan.ended.clone(),
            canary: match plan.what {
                "canary" | "canary-older" => plan.state.canary.as_ref().map(|one| one.weight),
                _ => None,
            },
            epoch: plan.state.epoch,
            dry_run,
        })
    }

    /// Write a plan down, with a word about the canary that ends besides.
    pub(super) async fn write(
        &self,
        who: &str,
        plan: &Plan,
        why: &str,
        record: Record,
        trail: &Trail,
    ) -> Result<(), RolloutError> {
        let ends = plan.ended.as_deref().map(|digest| {
            let digest = digest.get(..SHOWN_DIGITS).unwrap_or(digest);
            format!("the trial of {digest} ends")
        });
        let why = match ends {
            Some(ends) if why == "-" => ends,
            Some(ends) => format!("{why}; {ends}"),
            None => why.to_owned(),
        };
        let entry = HistoryEntry {
            component: plan.state.component.clone(),
            epoch: plan.state.epoch,
            time: self.clock.now(),
            who: who.to_owned(),
            what: plan.what.to_owned(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            why: why.clone(),
        };
        self.store()?
            .rollout_set(trail, record, plan.state.clone(), entry)
            .await
            .map_err(|error| match error {
                crate::store::Error::NotFound => missing(&plan.state.component, &plan.to),
                error => error.into(),
            })?;
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

    /// Admit a revision on this host, unless it is linked already. `now` was read in this
    /// turn: of what it vouches for, the store is not asked again.
    pub(super) async fn ready(
        &self,
        followed: &Followed,
        now: &Present,
        digest: &str,
        rollback: bool,
    ) -> Result<(), RolloutError> {
        let refused = |refusal| RolloutError::Refused {
            digest: digest.to_owned(),
            refusal: Box::new(refusal),
        };
        let lane = &followed.lane;
        let linked = lane.signature(digest);
        if let Some(linked) = &linked {
            let same = match now.of(digest) {
                Some(kept) => *kept.minisig == **linked,
                None => {
                    let kept = self.store()?.revision_signature(lane.name(), digest).await;
                    kept.map_or(true, |kept| *kept == **linked)
                }
            };
            // Unless the file has been signed anew, what is linked is what was pushed. It
            // also counts while the store can't say.
            if same {
                return lane.may_follow(digest, rollback).map_err(refused);
            }
        }
        let artifact = self
            .store()?
            .revision_get(followed.lane.name(), digest)
            .await
            .map_err(|error| match error {
                crate::store::Error::NotFound => missing(lane.name(), digest),
                error => error.into(),
            })?;
        let file = SignedComponent {
            wasm: artifact.wasm,
            minisig: artifact.minisig,
        };
        match lane.link(&file, rollback).await {
            // Here the older signature is the one that is trusted.
            Err(AdmissionError {
                refusal: Refusal::Distrust(_),
                ..
            }) if linked.is_some() => {}
            linked => linked.map_err(refused)?,
        }
        // Compiling takes seconds, and policy may have changed in them.
        lane.may_follow(digest, rollback).map_err(refused)
    }

    /// Keep a file with its signature. Of two signatures of the same file the one that
    /// was made later is kept, and any rather than none. True when the file is new.
    ///
    /// # Errors
    /// [`RolloutError::SignedLater`] when the signature that is kept is the later one.
    pub(super) async fn keep(
        &self,
        order: &mut Order,
        artifact: Artifact,
    ) -> Result<bool, RolloutError> {
        let store = self.store()?;
        let RevisionInfo {
            component, digest, ..
        } = &artifact.info;
        let kept = match store.revision_signature(component, digest).await {
            Ok(kept) => Some(kept).filter(|kept| *kept != artifact.minisig),
            Err(crate::store::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let offered = signature::stated(&artifact.minisig);
        let stated = kept.as_deref().and_then(signature::stated);
        let instead_of = match (offered, stated) {
            (None, _) => None,
            (Some(_), None) => kept,
            (Some(offered), Some(stated)) if offered.supersedes(&stated) => kept,
            (Some(_), Some(stated)) => {
                return Err(RolloutError::SignedLater {
                    digest: digest.clone(),
                    version: stated.version.to_string(),
                    time: rfc3339(stated.time),
                });
            }
        };
        let record = order.take().ok_or(RolloutError::Store)?;
        Ok(store
            .revision_push(&order.trail, record, artifact, instead_of)
            .await?)
    }

    pub(super) async fn state(&self, name: &str) -> Result<RolloutState, RolloutError> {
        let state = self.store()?.rollout_get(name).await?;
        state.ok_or(RolloutError::Store)
    }

    /// [`Self::state`], with what vouches for what it runs.
    pub(super) async fn present(&self, name: &str) -> Result<Present, RolloutError> {
        let present = self.store()?.rollout_present(name).await?;
        present.ok_or(RolloutError::Store)
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
            (None, _) => Err(missing(name, wanted)),
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

    pub(super) fn followed(&self, name: &str) -> Result<&Followed, RolloutError> {
        self.lanes
            .iter()
            .find(|followed| followed.lane.name() == name)
            .map(Arc::as_ref)
            .ok_or_else(|| RolloutError::NoComponent(name.to_owned()))
    }
}

fn missing(component: &str, wanted: &str) -> RolloutError {
    RolloutError::NoRevision {
        component: component.to_owned(),
        wanted: wanted.to_owned(),
    }
}
