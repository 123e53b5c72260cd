//! What can be refused before a body is read.
//!
//! Which revision is to be activated stands in the body, and policy may judge revisions one
//! by one. But it can only be one of those that were pushed: an operator who may activate
//! none of them is refused at once, whatever it would have sent. Others are asked again,
//! about the one that they mean.

use super::{AdminDoor, Asked, Refused, cut};
use crate::audit::ComponentIdentity;
use crate::policy::action::{Action as _, ComponentsActivate};

// === impl AdminDoor ===

impl AdminDoor {
    /// Refuse an operator who may activate nothing of this component.
    ///
    /// # Errors
    /// The refusal, with its record on the trail.
    pub(super) async fn may_activate(&self, asked: &Asked, name: &str) -> Result<(), Refused> {
        let operator = &asked.actor.origin.workload;
        let gate = &self.services.gate;
        let may = |component: &ComponentIdentity| {
            gate.may_operate(operator, ComponentsActivate::NAME, component)
        };
        let nothing = nothing_of(name);
        // Nearly always this is the answer already.
        if may(self.serving(name).as_deref().unwrap_or(&nothing)) || may(&nothing) {
            return Ok(());
        }
        let pushed = self.rollouts.revisions(name).await.unwrap_or_default();
        let judged = |info: crate::store::rollouts::RevisionInfo| ComponentIdentity {
            name: info.component,
            digest: info.digest,
            revision: info.version,
        };
        if pushed.into_iter().map(judged).any(|one| may(&one)) {
            return Ok(());
        }
        // Where policy has changed meanwhile, the body decides after all.
        self.on::<ComponentsActivate>(asked, name, None)
            .map(|permit| drop(permit.into_record(cut(name))))
    }
}

/// A component of which no revision is meant.
pub(super) fn nothing_of(name: &str) -> ComponentIdentity {
    ComponentIdentity {
        name: cut(name),
        digest: String::new(),
        revision: String::new(),
    }
}
