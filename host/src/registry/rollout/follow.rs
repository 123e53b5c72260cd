//! Following: what other hosts and the judge of this one have decided.
//!
//! A host looks at the epoch of each rollout again and again. It goes to a new one as
//! soon as it has admitted what that names; what it can't admit it says, and stays
//! where it is, until the state, the signatures of what it names or policy change. What
//! may well pass by itself (a busy store, an answer that came too late) is tried again,
//! less and less often. It also stays where it is while the store can't be reached. The
//! verdicts of its own judge are in force before they are written down, and are
//! written as soon as the store can.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::judge::Verdict;
use super::plan::{self, Plan};
use super::slot::Decision;
use super::{Followed, Progress, RolloutError, Rollouts, Tried};
use crate::audit::{Actor, Outcome, Record, Trail};
use crate::clock::Timestamp;
use crate::store::rollouts::{HostReport, Present, RolloutState};

/// A host that has nothing new to say says that it is alive, milliseconds.
const REPORT_EVERY: Timestamp = 30_000;

// === impl Rollouts ===

impl Rollouts {
    /// Follow all rollouts, until dropped.
    pub async fn follow(self: Arc<Self>, every: Duration) {
        let followers = self.lanes.iter().map(|followed| {
            let rollouts = Arc::clone(&self);
            let followed = Arc::clone(followed);
            let mut policy = self.gate.changes();
            async move {
                loop {
                    rollouts.catch_up(&followed).await;
                    tokio::select! {
                        () = tokio::time::sleep(every) => {}
                        () = followed.lane.decided() => {}
                        Ok(()) = policy.changed() => {}
                    }
                }
            }
        });
        futures::future::join_all(followers).await;
    }

    /// Write down what was decided here, and go where the others are.
    pub(super) async fn catch_up(&self, followed: &Followed) {
        // Before the turn: whoever has it may take long.
        self.recheck(followed);
        let mut progress = followed.turn.lock().await;
        let policy = self.gate.epoch();
        // And after it: what was put in place meanwhile was judged before.
        if progress.policy != policy {
            followed.lane.recheck();
            progress.policy = policy;
        }
        for decision in followed.lane.pending() {
            self.settle(followed, &mut progress, &decision).await;
        }
        match self.present(followed.lane.name()).await {
            Ok(now) => {
                progress.cut_off = false;
                let signatures = signatures(&now);
                let news = self.is_news(&progress, &now.state, &signatures);
                if news && followed.lane.pending().is_empty() {
                    progress.signatures = signatures;
                    self.go_along(followed, &mut progress, &now).await;
                }
                if followed.lane.pending().is_empty() {
                    self.keep_ready(followed, &mut progress, &now).await;
                }
            }
            Err(error) if !progress.cut_off => {
                progress.cut_off = true;
                tracing::warn!(
                    component = followed.lane.name(),
                    %error,
                    "the rollout can't be looked at: what serves goes on serving"
                );
            }
            Err(_) => {}
        }
        self.report(followed, &mut progress).await;
    }

    /// Hold what runs against the policy that is in force, once for each.
    fn recheck(&self, followed: &Followed) {
        let mut held = followed
            .policy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let policy = self.gate.epoch();
        if *held != policy {
            followed.lane.recheck();
            *held = policy;
        }
    }

    /// Whether there is something to put in place. A state that was not admitted is tried
    /// again when policy has changed, or a signature, or when it is time.
    fn is_news(&self, progress: &Progress, state: &RolloutState, signatures: &[String]) -> bool {
        *signatures != *progress.signatures
            || match &progress.refused {
                Some(tried) => tried.is_due((state.epoch, self.gate.epoch())),
                None => state.epoch != progress.epoch,
            }
    }

    /// Put a state in place on this host. What it names is admitted first; the
    /// predecessor only if that goes well.
    pub(super) async fn apply(&self, followed: &Followed, progress: &mut Progress, now: &Present) {
        let state = &now.state;
        let canary = state.canary.as_ref();
        let serving = [Some(&state.stable), canary.map(|one| &one.digest)];
        for digest in serving.into_iter().flatten() {
            if let Err(error) = self.ready(followed, now, digest, true).await {
                if matches!(error, RolloutError::Store) {
                    progress.signatures.clear();
                    return;
                }
                self.stay(followed, progress, state, &error);
                return;
            }
        }
        // Of all that serves at this very moment: policy may have changed while one of them
        // was made ready.
        let serve = || {
            let mut serving = serving.into_iter().flatten();
            serving.try_for_each(|digest| followed.lane.may_follow(digest, true))
        };
        if serve().is_err() {
            progress.signatures.clear();
            return;
        }
        let previous = state.predecessors.last();
        // In place before the predecessor is looked at: traffic does not wait for it.
        let put = |previous: Option<&String>| {
            followed.lane.install(
                &state.stable,
                canary.map(|one| (one.digest.as_str(), one.weight)),
                previous.map(String::as_str),
            )
        };
        let lane = &followed.lane;
        let linked = previous
            .filter(|digest| lane.is_linked(digest) && lane.may_follow(digest, true).is_ok());
        if !put(linked) {
            return;
        }
        if let Some(previous) = previous.filter(|_| linked.is_none()) {
            match self.ready(followed, now, previous, true).await {
                Ok(()) => {
                    put(Some(previous));
                }
                Err(error) => tracing::warn!(
                    component = followed.lane.name(),
                    digest = previous,
                    %error,
                    "a rollback would not be admitted now"
                ),
            }
        }
        if progress.epoch != state.epoch {
            tracing::info!(
                component = followed.lane.name(),
                epoch = state.epoch,
                stable = state.stable,
                "following the rollout"
            );
        }
        progress.epoch = state.epoch;
        progress.refused = None;
        progress.problem.clear();
    }

    /// This host does not go to a state, and says why.
    pub(super) fn stay(
        &self,
        followed: &Followed,
        progress: &mut Progress,
        state: &RolloutState,
        error: &RolloutError,
    ) {
        tracing::error!(
            component = followed.lane.name(),
            epoch = state.epoch,
            %error,
            "this host does not follow the rollout: it stays where it is"
        );
        let of = (state.epoch, self.gate.epoch());
        progress.refused = Some(Tried::after(progress.refused.take(), of, error));
        progress.problem = format!("{}: {error}", error.code());
        followed.lane.tidy();
    }

    /// Write a verdict down and put the outcome in place. Void when the rollout has
    /// gone elsewhere meanwhile; kept when the store can't be reached.
    async fn settle(&self, followed: &Followed, progress: &mut Progress, decision: &Decision) {
        let name = followed.lane.name();
        let digest = &decision.digest;
        let Ok(now) = self.present(name).await else {
            return;
        };
        // The store may have taken its time, and a verdict against a canary replaces one for it.
        let void = !followed.lane.pending().contains(decision);
        if matches!(decision.verdict, Verdict::Promote(_)) && void {
            return;
        }
        // It may have been signed anew by somebody who is trusted, or policy may admit it
        // again.
        if decision.by_policy && self.ready(followed, &now, digest, true).await.is_ok() {
            followed.lane.written(decision);
            self.go_along(followed, progress, &now).await;
            return;
        }
        let (plan, action, why) = match &decision.verdict {
            Verdict::Promote(why) => (plan::promote(&now.state, digest), "rollout.promote", why),
            Verdict::RollBack(why) => (plan::condemn(&now.state, digest), "rollout.roll-back", why),
            Verdict::TakeOut(why) => match self.successor(followed, &now, digest).await {
                Ok(plan) => (plan, "rollout.take-out", why),
                Err(_) => return,
            },
        };
        let Some(plan) = plan else {
            followed.lane.written(decision);
            let in_place = followed.lane.running().stable.digest == *digest;
            match &decision.verdict {
                // Put in place anew it would be judged anew, again and again.
                Verdict::TakeOut(why) if in_place && now.state.stable == *digest => {
                    tracing::error!(
                        component = name,
                        digest,
                        why,
                        "a revision crash-loops and has no predecessor: it stays"
                    )
                }
                _ => self.go_along(followed, progress, &now).await,
            }
            return;
        };
        let trail = Trail::new();
        let record = self.record(action, format!("{name} {} to {}", plan.from, plan.to));
        match self.write(&self.host, &plan, why, record, &trail).await {
            Ok(()) => {
                followed.lane.written(decision);
                self.apply(followed, progress, &now.becoming(plan.state))
                    .await;
            }
            Err(RolloutError::Store) => {}
            // Somebody was quicker; the next look finds out what it was.
            Err(_) => {
                if let Ok(now) = self.present(name).await {
                    self.go_along(followed, progress, &now).await;
                }
            }
        }
        self.services_store().owe(&trail).await;
    }

    /// What follows a stable revision that is taken out: the nearest predecessor that is
    /// admitted, or nobody where policy wants nobody.
    ///
    /// # Errors
    /// The store can't say.
    async fn successor(
        &self,
        followed: &Followed,
        now: &Present,
        digest: &str,
    ) -> Result<Option<Plan>, RolloutError> {
        let state = &now.state;
        if state.stable != digest {
            return Ok(None);
        }
        for to in state.predecessors.iter().rev() {
            match self.ready(followed, now, to, true).await {
                Ok(()) => return Ok(plan::take_out(state, digest, to)),
                Err(error) if error.is_transient() => return Err(RolloutError::Store),
                Err(error) => {
                    tracing::warn!(component = state.component, digest = to, %error, "passed over");
                }
            }
        }
        Ok(followed.lane.is_withdrawn().then(|| plan::withdraw(state)))
    }

    /// Tell the other hosts and the operators what runs here.
    async fn report(&self, followed: &Followed, progress: &mut Progress) {
        let Ok(store) = self.store() else { return };
        let running = followed.lane.running();
        let now = self.clock.now();
        let report = HostReport {
            host: self.host.clone(),
            component: followed.lane.name().to_owned(),
            epoch: progress.epoch,
            stable: running.stable.digest.clone(),
            canary: running.canary.map(|(canary, _)| canary.digest.clone()),
            problem: progress.problem.clone(),
            seen_at: now,
        };
        let same = progress.reported.as_ref().is_some_and(|last| {
            now.saturating_sub(last.seen_at) < REPORT_EVERY
                && *last
                    == HostReport {
                        seen_at: last.seen_at,
                        ..report.clone()
                    }
        });
        if !same && !progress.cut_off && store.host_report(report.clone()).await.is_ok() {
            progress.reported = Some(report);
        }
    }

    /// The record of something that the host does by itself.
    pub(super) fn record(&self, action: &'static str, target: String) -> Record {
        let actor = Actor::local(self.host.as_str());
        Record::plain(self.clock.now(), actor, action, target, Outcome::Success)
    }
}

/// The signatures of what a state puts in a place; empty where there is none.
fn signatures(now: &Present) -> Vec<String> {
    let Present { state, .. } = now;
    let canary = state.canary.as_ref().map(|one| &one.digest);
    [Some(&state.stable), canary, state.predecessors.last()]
        .into_iter()
        .flatten()
        .map(|digest| {
            now.of(digest)
                .map_or_else(String::new, |one| one.minisig.clone())
        })
        .collect()
}
