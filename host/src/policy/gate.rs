//! The gate: every question to policy, answered from what is in force now.
//!
//! Bundle, facts and remembered decisions of one epoch form one value that is
//! swapped as a whole: no decision mixes two epochs, none outlives its own, and
//! a bundle that is refused leaves the old one in force. Neither asking nor
//! answering waits for a reload.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::sync::watch;

use super::action::{self, Action, ApiAuthentications, OperatorAction};
use super::cache::{Cache, Key};
use super::decision::{Decision, Question};
use super::facts::Facts;
use super::{Bundle, Error, Interface, NO_RELYING_PARTY, Permit, Signers};
use crate::audit::{Actor, ComponentIdentity, Outcome, Record, Trail, target};
use crate::clock::Clock;
use crate::telemetry::metrics::Counter;

/// The longest relying party id that a denial's record repeats: a domain's
/// longest length. The id comes from a guest and may be anything.
const MAX_RECORDED: usize = 253;
/// Workloads whose relying parties are remembered.
const MAX_SERVED: usize = 4_096;

/// The policy decision point of the host.
pub struct Gate {
    state: ArcSwap<State>,
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

/// One epoch.
struct State {
    epoch: u64,
    bundle: Bundle,
    facts: Facts,
    cache: Cache,
    served: RwLock<HashMap<String, Arc<[String]>>>,
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
        let state = State::new(1, bundle, &relying_parties)?;
        Ok(Arc::new(Self {
            state: ArcSwap::from_pointee(state),
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
        let more = self.state.load().bundle.more_signers().map(Path::to_owned);
        let bundle = Bundle::load_with_signers(folder, more.as_deref())?;
        let epoch = self.epoch() + 1;
        self.state
            .store(Arc::new(State::new(epoch, bundle, &self.bindings)?));
        self.changes.send_replace(epoch);
        Ok(epoch)
    }

    /// Load `folder` as a reload would, and put nothing in force; its digest. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn check(&self, folder: &Path) -> Result<String, Error> {
        let more = self.state.load().bundle.more_signers().map(Path::to_owned);
        let bundle = Bundle::load_with_signers(folder, more.as_deref())?;
        // It must also fit the relying parties.
        let state = State::new(self.epoch(), bundle, &self.bindings)?;
        Ok(state.bundle.digest().to_owned())
    }

    /// Tells of each new epoch, after it is in force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Counts the bundles that were in force, from 1.
    pub fn epoch(&self) -> u64 {
        self.state.load().epoch
    }

    /// [`Bundle::digest`] of what is in force.
    pub fn digest(&self) -> String {
        self.state.load().bundle.digest().to_owned()
    }

    /// Who may sign components.
    pub fn signers(&self) -> Signers {
        self.state.load().bundle.signers().clone()
    }

    /// Whether `component` may import `interface`, by its name with a full
    /// version or with the compatibility track alone. A name that is no versioned
    /// interface is denied. Not remembered: asked at load time only.
    pub fn may_link(&self, component: &ComponentIdentity, interface: &str) -> Decision {
        let state = self.state.load();
        match Interface::parse(interface) {
            Ok(interface) => Question::Link {
                component,
                interface: &interface,
            }
            .decide(state.bundle.rules(), &state.facts),
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
        let decision = self.state.load().call(Key {
            action: A::NAME,
            component: actor.component.as_deref(),
            workload: &actor.origin.workload,
            relying_party,
        });
        let (time, actor) = (self.clock.now(), actor.clone());
        let relying_party = cut(relying_party.unwrap_or(NO_RELYING_PARTY)).to_owned();
        let policies = decision.policies;
        if decision.allowed {
            self.counts.allowed.add(1);
            return Ok(Permit::grant(
                time,
                actor,
                relying_party,
                policies,
                trail.clone(),
            ));
        }
        self.counts.denied.add(1);
        trail.push(Record {
            time,
            actor,
            action: A::NAME,
            relying_party,
            target: target::NONE.to_owned(),
            outcome: Outcome::Denied,
            policies,
        });
        Err(Denied { action: A::NAME })
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
        let state = self.state.load();
        let question = Question::Operate {
            operator: &actor.origin.workload,
            action: A::NAME,
            component,
        };
        let decision = question.decide(state.bundle.rules(), &state.facts);
        let (time, actor, policies) = (self.clock.now(), actor.clone(), decision.policies);
        let relying_party = NO_RELYING_PARTY.to_owned();
        if decision.allowed {
            return Ok(Permit::grant(
                time,
                actor,
                relying_party,
                policies,
                trail.clone(),
            ));
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

    /// Whether a workload may use any part of the API at all, for any relying party
    /// or for none. It leaves no record: nobody asked for anything.
    pub fn admits(&self, workload: &str) -> bool {
        let state = self.state.load();
        let parties = state.facts.relying_parties().map(Some).chain([None]);
        parties.into_iter().any(|relying_party| {
            action::API.iter().any(|action| {
                state
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
        let state = self.state.load();
        let bound = self.bindings.iter().flat_map(|(relying_party, workloads)| {
            workloads
                .iter()
                .map(move |workload| (relying_party, workload))
        });
        bound.into_iter().any(|(relying_party, workload)| {
            action::LINK.iter().any(|action| {
                state
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
        let state = self.state.load();
        let targets = || components.iter().map(Some).chain([None]);
        action::OPERATOR.iter().any(|action| {
            targets().any(|component| {
                let question = Question::Operate {
                    operator,
                    action,
                    component,
                };
                action.starts_with("components.") == component.is_some()
                    && question.decide(state.bundle.rules(), &state.facts).allowed
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
        self.state.load().served(workload).to_vec()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load();
        f.debug_struct("Gate")
            .field("epoch", &state.epoch)
            .field("digest", &state.bundle.digest())
            .finish_non_exhaustive()
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_RECORDED))
        .unwrap_or_default()
}

// === impl State ===

impl State {
    fn new(epoch: u64, bundle: Bundle, bindings: &[(String, Vec<String>)]) -> Result<Self, Error> {
        let facts = Facts::new(bundle.rules().schema(), bindings)?;
        Ok(Self {
            epoch,
            bundle,
            facts,
            cache: Cache::default(),
            served: RwLock::default(),
        })
    }

    fn call(&self, key: Key<'_>) -> Decision {
        // Not remembered: a guest could ask for any number of ids.
        if key.relying_party.is_some_and(|id| !self.facts.knows(id)) {
            return Decision::denied();
        }
        if let Some(decision) = self.cache.get(&key) {
            return decision;
        }
        let question = Question::Call {
            component: key.component,
            workload: key.workload,
            action: key.action,
            relying_party: key.relying_party,
        };
        let decision = question.decide(self.bundle.rules(), &self.facts);
        self.cache.insert(&key, decision.clone());
        decision
    }

    fn served(&self, workload: &str) -> Arc<[String]> {
        if let Some(known) = self
            .served
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(workload)
        {
            return Arc::clone(known);
        }
        let may_act = |id: &&str| {
            self.call(Key {
                action: ApiAuthentications::NAME,
                component: None,
                workload,
                relying_party: Some(id),
            })
            .allowed
        };
        let served: Arc<[String]> = self
            .facts
            .relying_parties()
            .filter(may_act)
            .map(str::to_owned)
            .collect();
        let mut all = self.served.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_SERVED {
            all.clear();
        }
        all.insert(workload.to_owned(), Arc::clone(&served));
        served
    }
}
