//! Remembered decisions.
//!
//! A cache belongs to one epoch of policy and dies with it. It is bounded: when
//! full it is emptied, which costs each question one evaluation. A hit allocates
//! nothing. Two keys that share a hash displace each other; every hit compares
//! the whole key, so that a collision can cost time but never a decision.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use super::Decision;
use crate::audit::ComponentIdentity;

/// How many decisions are kept.
pub(super) const CAPACITY: usize = 16_384;

/// Everything that a decision depends on within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub action: &'static str,
    pub component: Option<&'a ComponentIdentity>,
    pub workload: &'a str,
    pub relying_party: Option<&'a str>,
}

#[derive(Debug)]
struct Entry {
    action: &'static str,
    component: Option<ComponentIdentity>,
    workload: String,
    relying_party: Option<String>,
    decision: Decision,
}

/// The decisions of one epoch.
#[derive(Debug, Default)]
pub(super) struct Cache {
    hasher: RandomState,
    entries: RwLock<HashMap<u64, Arc<Entry>>>,
}

// === impl Cache ===

impl Cache {
    pub fn get(&self, key: &Key<'_>) -> Option<Decision> {
        let hash = self.hasher.hash_one(key);
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&hash)?;
        (entry.key() == *key).then(|| entry.decision.clone())
    }

    pub fn insert(&self, key: &Key<'_>, decision: Decision) {
        let hash = self.hasher.hash_one(key);
        let entry = Arc::new(Entry {
            action: key.action,
            component: key.component.cloned(),
            workload: key.workload.to_owned(),
            relying_party: key.relying_party.map(str::to_owned),
            decision,
        });
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY && !entries.contains_key(&hash) {
            entries.clear();
        }
        entries.insert(hash, entry);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

// === impl Entry ===

impl Entry {
    fn key(&self) -> Key<'_> {
        Key {
            action: self.action,
            component: self.component.as_ref(),
            workload: &self.workload,
            relying_party: self.relying_party.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(workload: &str) -> Key<'_> {
        Key {
            action: "api.users",
            component: None,
            workload,
            relying_party: Some("shop.example"),
        }
    }

    #[test]
    fn a_decision_is_found_under_its_whole_key_only() {
        let cache = Cache::default();
        let component = |digest: &str| ComponentIdentity {
            name: "auth-service".into(),
            digest: digest.into(),
            revision: "1".into(),
        };
        let (one, other) = (component("aa"), component("bb"));
        let asked = Key {
            component: Some(&one),
            ..key("w")
        };
        let decision = Decision {
            allowed: true,
            policies: Arc::new(["p".to_owned()]),
        };
        cache.insert(&asked, decision.clone());

        assert_eq!(cache.get(&asked), Some(decision));
        for unlike in [
            Key {
                component: Some(&other),
                ..asked
            },
            Key {
                component: None,
                ..asked
            },
            Key {
                workload: "x",
                ..asked
            },
            Key {
                action: "api.sessions",
                ..asked
            },
            Key {
                relying_party: Some("bank.example"),
                ..asked
            },
            Key {
                relying_party: None,
                ..asked
            },
        ] {
            assert_eq!(cache.get(&unlike), None, "{unlike:?}");
        }
    }

    #[test]
    fn the_cache_never_passes_its_bound() {
        let cache = Cache::default();
        for number in 0..=CAPACITY {
            cache.insert(&key(&number.to_string()), Decision::denied());
            assert!(cache.len() <= CAPACITY);
        }
        assert!(cache.get(&key(&CAPACITY.to_string())).is_some());
        assert!(cache.get(&key("0")).is_none());
    }
}
