//! The gate: every question to policy, answered from what is in force now.
//!
//! What is in force is one [`Epoch`], which is swapped as a whole: no decision mixes
//! two of them, and a bundle that is refused leaves the old one in force. Neither
//! asking nor answering waits for a reload.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::sync::watch;

use super::action::{self, Action, OperatorAction};
use super::cache::Key;
use super::decision::{Decision, Question};
use super::epoch::Epoch;
use super::{Bundle, Error, Interface, NO_RELYING_PARTY, Permit, Signers};
use crate::audit::{Actor, ComponentIdentity, Outcome, Record, Trail, target};
use crate::clock::Clock;
use crate::telemetry::metrics::Counter;

/// The longest relying party id that a denial's record repeats: a domain's
/// longest length. The id comes from a guest and may be anything.
const MAX_RECORDED: usize = 253;

/// The policy decision point of the host.
pub struct Gate {
    epoch: ArcSwap<Epoch>,
    /// Held while a successor is made, so that no epoch is given twice.
    reloading: Mutex<()>,
    bindings: Vec<(String, Vec<String>)>,
    changes: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

/// Calls that were decided. Each leaves one record, so that the log must have as
/// many.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Those that got a permit.
    pub allowed: Counter,
    /// Those that were denied.
    pub denied: Counter,
}

/// A refusal. Its record is on the trail already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("policy does not permit `{action}`")]
pub struct Denied {
    /// The action that was asked for.
    pub action: &'static str,
}

// === impl Gate ===

impl Gate {
    /// Put `bundle` in force over `relying_parties`: each id with the SPIFFE ids
    /// of the workloads that the configuration binds to it.
    ///
    /// # Errors
    /// [`Error::RelyingParty`] for an id that is empty, `-` or there twice.
    pub fn new(
        bundle: Bundle,
        relying_parties: Vec<(String, Vec<String>)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let epoch = Epoch::new(1, bundle, &relying_parties)?;
        Ok(Arc::new(Self {
            epoch: ArcSwap::from_pointee(epoch),
            reloading: Mutex::new(()),
            bindings: relying_parties,
            changes: watch::Sender::new(1),
            clock,
            counts: Counts::default(),
        }))
    }

    /// Load `folder` and put it in force; returns the new epoch. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// As [`Bundle::load`]. The old bundle then stays in force.
    pub fn reload(&self, folder: &Path) -> Result<u64, Error> {
        let _one_at_a_time = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let more = self.epoch.load().bundle.more_signers().map(Path::to_owned);
        let bundle = Bundle::load_with_signers(folder, more.as_deref())?;
        let number = self.epoch() + 1;
        self.epoch
            .store(Arc::new(Epoch::new(number, bundle, &self.bindings)?));
        self.changes.send_replace(number);
        Ok(number)
    }

    /// Load `folder` as a reload would, and put nothing in force; its digest. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn check(&self, folder: &Path) -> Result<String, Error> {
        let more = self.epoch.load().bundle.more_signers().map(Path::to_owned);
        let bundle = Bundle::load_with_signers(folder, more.as_deref())?;
        // It must also fit the relying parties.
        let epoch = Epoch::new(self.epoch(), bundle, &self.bindings)?;
        Ok(epoch.bundle.digest().to_owned())
    }

    /// Tells of each new epoch, after it is in force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Counts the bundles that were in force, from 1.
    pub fn epoch(&self) -> u64 {
        self.epoch.load().number
    }

    /// [`Bundle::digest`] of what is in force.
    pub fn digest(&self) -> String {
        self.epoch.load().bundle.digest().to_owned()
    }

    /// Who may sign components.
    pub fn signers(&self) -> Signers {
        self.epoch.load().bundle.signers().clone()
    }

    /// Whether `component` may import `interface`, by its name with a full
    /// version or with the compatibility track alone. A name that is no versioned
    /// interface is denied. Not remembered: asked at load time only.
    pub fn may_link(&self, component: &ComponentIdentity, interface: &str) -> Decision {
        let epoch = self.epoch.load();
        match Interface::parse(interface) {
            Ok(interface) => Question::Link {
                component,
                interface: &interface,
            }
            .decide(epoch.bundle.rules(), &epoch.facts),
            Err(_) => Decision::denied(),
        }
    }

    /// Permission for `actor` to do `A` to a relying party, or to none in
    /// particular. The component acts where the actor has one, else the workload.
    ///
    /// # Errors
    /// [`Denied`] when no policy permits it, one forbids it, one fails to
    /// evaluate, or the configuration has no such relying party. The denial's
    /// record is then on `trail`.
    pub fn authorize<A: Action>(
        &self,
        actor: &Actor,
        relying_party: Option<&str>,
        trail: &Trail,
    ) -> Result<Permit<A>, Denied> {
        let decision = self.epoch.load().call(Key {
            action: A::NAME,
            component: actor.component.as_deref(),
            workload: &actor.origin.workload,
            relying_party,
        });
        match decision.allowed {
            true => self.counts.allowed.add(1),
            false => self.counts.denied.add(1),
        }
        let relying_party = cut(relying_party.unwrap_or(NO_RELYING_PARTY));
        self.decided(decision, actor, relying_party, target::NONE, trail)
    }

    /// Permission for an operator, who is the origin of `actor`, to do `A` to a
    /// revision of a component, or to the host where none is concerned. Not
    /// remembered: operators ask rarely.
    ///
    /// # Errors
    /// [`Denied`]; the denial's record is then on `trail`, about `target`.
    pub fn authorize_operator<A: OperatorAction>(
        &self,
        actor: &Actor,
        component: Option<&ComponentIdentity>,
        target: &str,
        trail: &Trail,
    ) -> Result<Permit<A>, Denied> {
        let epoch = self.epoch.load();
        let question = Question::Operate {
            operator: &actor.origin.workload,
            action: A::NAME,
            component,
        };
        let decision = question.decide(epoch.bundle.rules(), &epoch.facts);
        self.decided(decision, actor, NO_RELYING_PARTY, target, trail)
    }

    /// The permit of a decision, or the record of a denial.
    fn decided<A: Action>(
        &self,
        decision: Decision,
        actor: &Actor,
        relying_party: &str,
        target: &str,
        trail: &Trail,
    ) -> Result<Permit<A>, Denied> {
        let Decision { allowed, policies } = decision;
        let (time, actor) = (self.clock.now(), actor.clone());
        let relying_party = relying_party.to_owned();
        if allowed {
            let trail = trail.clone();
            return Ok(Permit::grant(time, actor, relying_party, policies, trail));
        }
        trail.push(Record {
            time,
            actor,
            action: A::NAME,
            relying_party,
            target: target.to_owned(),
            outcome: Outcome::Denied,
            policies,
        });
        Err(Denied { action: A::NAME })
    }

    /// Whether an operator may do this to a revision of a component. It leaves no record:
    /// whoever goes on is asked for a permit.
    pub fn may_operate(
        &self,
        operator: &str,
        action: &'static str,
        component: &ComponentIdentity,
    ) -> bool {
        let epoch = self.epoch.load();
        let question = Question::Operate {
            operator,
            action,
            component: Some(component),
        };
        question.decide(epoch.bundle.rules(), &epoch.facts).allowed
    }

    /// Whether a workload may use any part of the API at all, for any relying party
    /// or for none. It leaves no record: nobody asked for anything.
    pub fn admits(&self, workload: &str) -> bool {
        let epoch = self.epoch.load();
        let parties = epoch.facts.relying_parties().map(Some).chain([None]);
        parties.into_iter().any(|relying_party| {
            action::API.iter().any(|action| {
                epoch
                    .call(Key {
                        action,
                        component: None,
                        workload,
                        relying_party,
                    })
                    .allowed
            })
        })
    }

    /// Whether a component may call anything at all over a link, on behalf of any workload
    /// for a relying party that it is bound to. It leaves no record: nobody asked for
    /// anything.
    pub fn admits_component(&self, component: &ComponentIdentity) -> bool {
        let epoch = self.epoch.load();
        let bound = self.bindings.iter().flat_map(|(relying_party, workloads)| {
            workloads
                .iter()
                .map(move |workload| (relying_party, workload))
        });
        bound.into_iter().any(|(relying_party, workload)| {
            action::LINK.iter().any(|action| {
                epoch
                    .call(Key {
                        action,
                        component: Some(component),
                        workload,
                        relying_party: Some(relying_party),
                    })
                    .allowed
            })
        })
    }

    /// Whether an operator may do anything at all to one of these components or to the
    /// host. It leaves no record: nobody asked for anything.
    pub fn admits_operator(&self, operator: &str, components: &[ComponentIdentity]) -> bool {
        let epoch = self.epoch.load();
        let targets = || components.iter().map(Some).chain([None]);
        action::OPERATOR.iter().any(|action| {
            targets().any(|component| {
                let question = Question::Operate {
                    operator,
                    action,
                    component,
                };
                action.starts_with("components.") == component.is_some()
                    && question.decide(epoch.bundle.rules(), &epoch.facts).allowed
            })
        })
    }

    /// The calls decided so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The relying parties that a workload may act for, sorted: those for which
    /// policy lets it ask for authentications.
    pub fn served(&self, workload: &str) -> Vec<String> {
        self.epoch.load().served(workload).to_vec()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch.load();
        f.debug_struct("Gate")
            .field("epoch", &epoch.number)
            .field("digest", &epoch.bundle.digest())
            .finish_non_exhaustive()
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_RECORDED))
        .unwrap_or_default()
}
