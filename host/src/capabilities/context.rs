//! What the host knows about a call while a component runs.
//!
//! The context is fixed when the call starts. A component can't change who it
//! acts for; it can only name a relying party and be told no.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::party::RelyingParty;
use super::routes::Routes;
use crate::audit::{Actor, ComponentIdentity, Requests, Trail};
use crate::clock::Clock;
use crate::metadata::Metadata;
use crate::policy::action::Action;
use crate::policy::{Denied, Gate, Permit};
use crate::runtime::Deadline;
use crate::secrets::{Pseudonyms, Signer};
use crate::store::Store;

/// What all calls share.
pub struct Services {
    /// The policy gate.
    pub gate: Arc<Gate>,
    /// The credential store.
    pub store: Arc<dyn Store>,
    /// The configured relying parties by id.
    pub relying_parties: BTreeMap<String, RelyingParty>,
    /// What FIDO says of authenticators.
    pub metadata: Arc<Metadata>,
    /// Signs and checks session tokens.
    pub signer: Signer,
    /// Answers about unknown names.
    pub pseudonyms: Pseudonyms,
    /// The host's clock.
    pub clock: Arc<dyn Clock>,
    /// How long a session may rest, in milliseconds.
    pub session_idle: u64,
    /// Requests that are under way here.
    pub requests: Requests,
}

/// The workload at the other end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its SPIFFE id.
    pub workload: String,
    /// SHA-256 of its certificate in DER.
    pub thumbprint: [u8; 32],
    /// The relying parties that policy lets it act for in this request.
    pub relying_parties: Vec<String>,
}

/// Whose sign-in a call is about, as the host saw it: the account that the taken
/// ceremony is pinned to, or else the owner of the credential that was read. A
/// component does not say it, so none can forget it.
pub type Attempt = Arc<OnceLock<String>>;

/// One call of one component, on behalf of one request.
#[derive(Clone)]
pub struct CallContext {
    /// The request's origin and the component that runs.
    pub actor: Actor,
    /// Who sent the request.
    pub caller: Arc<Caller>,
    /// The request's audit records.
    pub trail: Trail,
    /// Which revision of each component serves the request.
    pub routes: Routes,
    /// When the call must be over.
    pub deadline: Deadline,
    /// There in the second half of a sign-in, for the host to fill.
    pub attempt: Option<Attempt>,
    /// What all calls share.
    pub services: Arc<Services>,
}

// === impl CallContext ===

impl CallContext {
    /// The context of a call that `component` makes on behalf of the same request.
    pub fn nested(&self, component: Arc<ComponentIdentity>, deadline: Deadline) -> Self {
        Self {
            actor: Actor {
                origin: self.actor.origin.clone(),
                component: Some(component),
            },
            deadline,
            ..self.clone()
        }
    }

    /// Note whose sign-in this is; the first word counts.
    pub(super) fn attempts(&self, user_id: &str) {
        if let Some(attempt) = &self.attempt {
            let _ = attempt.set(user_id.to_owned());
        }
    }

    /// Ask the gate whether this component may do `A` on `rp_id` for this caller. The
    /// permit knows when the call must be over.
    pub(super) fn permit<A: Action>(&self, rp_id: &str) -> Result<Permit<A>, Denied> {
        let gate = &self.services.gate;
        let permit = gate.authorize::<A>(&self.actor, Some(rp_id), &self.trail)?;
        Ok(permit.until(self.deadline))
    }

    /// The same for an action that concerns no relying party.
    pub(super) fn permit_anywhere<A: Action>(&self) -> Result<Permit<A>, Denied> {
        self.services
            .gate
            .authorize::<A>(&self.actor, None, &self.trail)
    }
}
