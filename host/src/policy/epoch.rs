//! One epoch: a bundle, the facts it was put in force over, and what was decided by them.
//! No decision outlives it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::action::{Action as _, ApiAuthentications};
use super::cache::{Cache, Key};
use super::decision::{Decision, Question};
use super::facts::Facts;
use super::{Bundle, Error};

/// Workloads whose relying parties are remembered.
const MAX_SERVED: usize = 4_096;

/// What is in force at one time.
pub(super) struct Epoch {
    /// From 1.
    pub(super) number: u64,
    pub(super) bundle: Bundle,
    pub(super) facts: Facts,
    cache: Cache,
    served: RwLock<HashMap<String, Arc<[String]>>>,
}

// === impl Epoch ===

impl Epoch {
    pub(super) fn new(
        number: u64,
        bundle: Bundle,
        bindings: &[(String, Vec<String>)],
    ) -> Result<Self, Error> {
        let facts = Facts::new(bundle.rules().schema(), bindings)?;
        Ok(Self {
            number,
            bundle,
            facts,
            cache: Cache::default(),
            served: RwLock::default(),
        })
    }

    /// The decision about a call, which is remembered.
    pub(super) fn call(&self, key: Key<'_>) -> Decision {
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

    /// The relying parties that a workload may act for, sorted, which are remembered.
    pub(super) fn served(&self, workload: &str) -> Arc<[String]> {
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
