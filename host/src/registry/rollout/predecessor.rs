//! The predecessor of what serves, kept linked: a rollback compiles nothing, and the
//! breaker has something to return to.
//!
//! It may be missing: it was not admitted when the state was put in place, or policy has
//! taken it back for a while. It is tried again when policy changes, and what may pass by
//! itself when it is time. A new signature makes the whole state news.

use super::{Followed, Progress, Rollouts, Tried};
use crate::store::rollouts::Present;

// === impl Rollouts ===

impl Rollouts {
    /// Link the predecessor that the state in place names, where it is missing.
    pub(super) async fn keep_ready(
        &self,
        followed: &Followed,
        progress: &mut Progress,
        now: &Present,
    ) {
        let state = &now.state;
        let lane = &followed.lane;
        let running = lane.running();
        let missing = state
            .predecessors
            .last()
            .filter(|_| running.previous.is_none() && progress.epoch == state.epoch);
        let of = (state.epoch, self.gate.epoch());
        let due = progress
            .not_ready
            .as_ref()
            .is_none_or(|tried| tried.is_due(of));
        let Some(digest) = missing.filter(|_| due) else {
            return;
        };
        if let Err(error) = self.ready(followed, now, digest, true).await {
            progress.not_ready = Some(Tried::after(progress.not_ready.take(), of, &error));
            lane.tidy();
            tracing::warn!(
                component = lane.name(),
                digest,
                %error,
                "a rollback would not be admitted now"
            );
            return;
        }
        progress.not_ready = None;
        let (running, canary) = (lane.running(), state.canary.as_ref());
        let same = running.stable.digest == state.stable
            && running.canary.as_ref().map(|(one, _)| &one.digest) == canary.map(|one| &one.digest);
        // A verdict that came meanwhile goes first.
        if same && lane.pending().is_empty() {
            lane.install(
                &state.stable,
                canary.map(|one| (one.digest.as_str(), one.weight)),
                Some(digest),
            );
        } else {
            lane.tidy();
        }
    }
}
