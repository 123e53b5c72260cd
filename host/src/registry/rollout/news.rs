//! News of other hosts: whether this one goes along, and the record that it has.
//!
//! A version goes up here whoever activates it. Nobody steps back for the word of the
//! state alone: an older version than what serves here is put in place only if a line of
//! the history says that somebody has gone back since. Whatever comes to serve here, or
//! serves no more, because of another host leaves a record in the log of this one.

use super::lane::Running;
use super::{Followed, Progress, RolloutError, Rollouts, plan};
use crate::audit::Trail;
use crate::registry::{Statement, signature};
use crate::store;
use crate::store::rollouts::{Present, RolloutState};

// === impl Rollouts ===

impl Rollouts {
    /// Go where a state is that somebody else may have written.
    pub(super) async fn go_along(
        &self,
        followed: &Followed,
        progress: &mut Progress,
        now: &Present,
    ) {
        let state = &now.state;
        let (before, since) = (followed.lane.running(), progress.epoch);
        match self.is_explained(&before, since, now).await {
            Ok(()) => {}
            Err(RolloutError::Store) => {
                progress.signatures.clear();
                return;
            }
            Err(error) => {
                self.stay(followed, progress, state, &error);
                return;
            }
        }
        self.apply(followed, progress, now).await;
        if progress.epoch != since {
            let trail = Trail::new();
            for target in changes(&before, &followed.lane.running(), state) {
                trail.push(self.record("rollout.follow", target));
            }
            self.services_store().owe(&trail).await;
        }
    }

    /// Whether the history has a word about each step back that a state would be.
    ///
    /// # Errors
    /// It has not, or the store can't say.
    async fn is_explained(
        &self,
        running: &Running,
        since: u64,
        now: &Present,
    ) -> Result<(), RolloutError> {
        let state = &now.state;
        let serves = |digest: &str| {
            let canary = running.canary.as_ref().map(|(canary, _)| &canary.digest);
            running.stable.digest == digest || canary.is_some_and(|canary| canary == digest)
        };
        let canary = state.canary.as_ref().map(|one| &one.digest);
        for digest in [Some(&state.stable), canary].into_iter().flatten() {
            if serves(digest) {
                continue;
            }
            let back = self.step_back(now, &running.stable.digest, digest).await?;
            let Some((active, offered)) = back else {
                continue;
            };
            if !self.went_back(running, since, now, digest).await? {
                return Err(RolloutError::Unexplained {
                    digest: digest.clone(),
                    offered,
                    active,
                });
            }
        }
        Ok(())
    }

    /// Whether the history since an epoch leads from what runs here to an older digest by
    /// ways that are open: a line that says that somebody went back, and after it none but
    /// upwards.
    async fn went_back(
        &self,
        running: &Running,
        since: u64,
        now: &Present,
        digest: &str,
    ) -> Result<bool, RolloutError> {
        let state = &now.state;
        let lines = u32::try_from(state.epoch.saturating_sub(since)).unwrap_or(u32::MAX);
        let name = &state.component;
        let history = self.store()?.rollout_history(name, lines).await?;
        let mut at = digest;
        // Newest first.
        for line in history.iter().filter(|line| line.epoch > since) {
            let nobody_went = matches!(line.what.as_str(), "refused" | "canary-ended");
            if line.to != at || line.from == at || nobody_went {
                continue;
            }
            if plan::goes_back(&line.what) {
                return Ok(true);
            }
            // A canary of before that was promoted has its word in an earlier line.
            if self.step_back(now, &line.from, at).await?.is_none() {
                at = &line.from;
            }
        }
        let back = self.step_back(now, &running.stable.digest, at).await?;
        Ok(back.is_none())
    }

    /// Two versions, where the second one is older. What is not signed has none.
    async fn step_back(
        &self,
        now: &Present,
        from: &str,
        to: &str,
    ) -> Result<Option<(String, String)>, RolloutError> {
        let (from, to) = (self.stated(now, from).await?, self.stated(now, to).await?);
        Ok(from
            .zip(to)
            .filter(|(from, to)| to.version < from.version)
            .map(|(from, to)| (from.version.to_string(), to.version.to_string())))
    }

    /// What the signature of a revision states.
    async fn stated(&self, now: &Present, digest: &str) -> Result<Option<Statement>, RolloutError> {
        if let Some(kept) = now.of(digest) {
            return Ok(signature::stated(&kept.minisig));
        }
        let name = &now.state.component;
        match self.store()?.revision_signature(name, digest).await {
            Ok(kept) => Ok(signature::stated(&kept)),
            Err(store::Error::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What serves otherwise than before, as records have it.
fn changes(before: &Running, after: &Running, state: &RolloutState) -> Vec<String> {
    let canary = |running: &Running| {
        let canary = running.canary.as_ref();
        canary.map_or_else(|| "-".to_owned(), |(canary, _)| canary.digest.clone())
    };
    let of = format!("{} epoch {}", state.component, state.epoch);
    [
        (
            "",
            before.stable.digest.clone(),
            after.stable.digest.clone(),
        ),
        (" canary", canary(before), canary(after)),
    ]
    .into_iter()
    .filter(|(_, from, to)| from != to)
    .map(|(what, from, to)| format!("{of}{what} {from} to {to}"))
    .collect()
}
