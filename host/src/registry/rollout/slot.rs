//! The slot of a component: where calls find their revision, and where they report
//! how it went.
//!
//! Guarantees: the revisions in a slot change together, at once, for every request
//! that has not been routed yet; a request that was routed keeps its revision until
//! it ends, and the revision's memory goes with its last holder. A verdict against a
//! revision takes effect before the call that brought it is answered; writing it
//! down is the business of [`Rollouts`](super::Rollouts). One for it waits until it is
//! written down, and is void when one against it comes first.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use super::judge::{Ended, Judge, Observation, Verdict};
use super::place::{Place, Routing};
use super::rules::Rules;
use super::watch::Watch;
use crate::capabilities::Routes;
use crate::registry::{CallError, Revision};

/// The revisions of one component that serve now.
pub struct Slot<P> {
    id: u64,
    routing: ArcSwap<Routing<P>>,
    judge: Mutex<Judge>,
    decisions: Mutex<Vec<Decision>>,
    decided: Notify,
    numbers: AtomicU64,
    began: Instant,
}

/// A verdict that is in force here and not written down yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided, and why.
    pub verdict: Verdict,
    /// The digest of the revision that it is about.
    pub digest: String,
    /// Policy has decided, and not what the revision did.
    pub by_policy: bool,
}

// === impl Slot ===

impl<P: Send + Sync + 'static> Slot<P> {
    /// A slot in which `revision` serves, with the default rules.
    pub fn new(revision: Arc<Revision<P>>) -> Self {
        Self::with_rules(revision, Rules::default())
    }

    /// A slot in which `revision` serves.
    pub fn with_rules(revision: Arc<Revision<P>>, rules: Rules) -> Self {
        static SLOTS: AtomicU64 = AtomicU64::new(0);
        let stable = Place {
            revision,
            number: 0,
        };
        Self {
            id: SLOTS.fetch_add(1, Ordering::Relaxed),
            routing: ArcSwap::from_pointee(Routing {
                stable,
                canary: None,
                previous: None,
            }),
            judge: Mutex::new(Judge::new(rules, 0)),
            decisions: Mutex::default(),
            decided: Notify::new(),
            numbers: AtomicU64::new(1),
            began: Instant::now(),
        }
    }

    /// The stable revision.
    pub fn active(&self) -> Arc<Revision<P>> {
        Arc::clone(&self.routing.load().stable.revision)
    }

    /// Who serves whom now.
    pub fn routing(&self) -> Arc<Routing<P>> {
        self.routing.load_full()
    }

    /// The revision for a request: the same one each time the request asks.
    pub fn route(&self, routes: &Routes) -> Place<P> {
        routes.once(self.id, || {
            let routing = self.routing.load();
            match &routing.canary {
                Some((canary, weight))
                    if routes.chosen_for(&canary.revision.identity.name, *weight) =>
                {
                    canary.clone()
                }
                _ => routing.stable.clone(),
            }
        })
    }

    /// A call for a request, by the revision that serves it.
    pub fn watch<'a>(&'a self, routes: &'a Routes) -> Watch<'a, P> {
        Watch::new(self, routes)
    }

    /// Report how a call of `place` went that took `taken`.
    pub(super) fn observe(&self, place: &Place<P>, ended: Ended, taken: Duration) {
        let mut judge = self.judge();
        let seen = Observation { ended, taken };
        let Some(verdict) = judge.record(self.began.elapsed(), place.number, seen) else {
            return;
        };
        self.obey(&mut judge, verdict, false);
    }

    /// Put these in place from now on. Revisions that stay keep what the judge knows
    /// of them. Verdicts that were not written down are void.
    pub fn install(
        &self,
        stable: &Arc<Revision<P>>,
        canary: Option<(&Arc<Revision<P>>, u8)>,
        previous: Option<Arc<Revision<P>>>,
    ) {
        let mut judge = self.judge();
        let now = self.routing.load_full();
        let stable = self.place(&now, stable);
        let canary = canary.map(|(revision, weight)| (self.place(&now, revision), weight));
        self.decisions().clear();
        self.put(
            &mut judge,
            Routing {
                stable,
                canary,
                previous,
            },
        );
    }

    /// Ask of each revision whether it may still run; `fault` says why not. One that may
    /// not is called no more, from now on: a canary leaves, the stable revision gives its
    /// place to the one before, and where that may not run either nobody is served.
    pub fn recheck(&self, fault: impl Fn(&Revision<P>) -> Option<String>) {
        let mut judge = self.judge();
        let now = self.routing.load_full();
        let judged = |revision: &Arc<Revision<P>>| {
            let found = fault(revision);
            let news = found.is_some() != revision.is_withdrawn();
            revision.withdraw(found.is_some());
            found.filter(|_| news)
        };
        let mut kept = Routing::clone(&now);
        if let Some(previous) = &now.previous {
            judged(previous);
            kept.previous = Some(Arc::clone(previous)).filter(|one| !one.is_withdrawn());
        }
        let canary = now
            .canary
            .as_ref()
            .and_then(|(canary, _)| judged(&canary.revision));
        let stable = judged(&now.stable.revision);
        if kept.previous.is_none() && now.previous.is_some() {
            self.put(&mut judge, kept);
        }
        if let Some(why) = stable {
            self.obey(&mut judge, Verdict::TakeOut(why), true);
        } else if let Some(why) = canary {
            self.obey(&mut judge, Verdict::RollBack(why), true);
        }
    }

    /// Calls of the canary that ended well, since it began.
    pub fn healthy(&self) -> u64 {
        self.judge().healthy()
    }

    /// The verdicts that are not written down yet.
    pub fn pending(&self) -> Vec<Decision> {
        self.decisions().clone()
    }

    /// A verdict is written down.
    pub fn written(&self, decision: &Decision) {
        self.decisions().retain(|one| one != decision);
    }

    /// Ready when there is a verdict to write down.
    pub async fn decided(&self) {
        self.decided.notified().await;
    }

    fn obey(&self, judge: &mut Judge, verdict: Verdict, by_policy: bool) {
        let now = self.routing.load_full();
        let digest = match (&verdict, &now.canary) {
            (Verdict::TakeOut(_), _) | (_, None) => &now.stable.revision.identity.digest,
            (_, Some((canary, _))) => &canary.revision.identity.digest,
        };
        let decision = Decision {
            digest: digest.clone(),
            verdict,
            by_policy,
        };
        match &decision.verdict {
            // Takes effect when it is written down: nobody is harmed meanwhile.
            Verdict::Promote(_) => {}
            Verdict::RollBack(_) => self.put(
                judge,
                Routing {
                    stable: now.stable.clone(),
                    canary: None,
                    previous: now.previous.clone(),
                },
            ),
            Verdict::TakeOut(_) => match &now.previous {
                Some(previous) => {
                    let stable = self.place(&now, previous);
                    self.put(
                        judge,
                        Routing {
                            stable,
                            canary: None,
                            previous: None,
                        },
                    );
                }
                // It is called no more, whoever follows it.
                None if now.stable.revision.is_withdrawn() => self.put(
                    judge,
                    Routing {
                        stable: now.stable.clone(),
                        canary: None,
                        previous: None,
                    },
                ),
                // Whoever follows it has to be linked first.
                None => {}
            },
        }
        tracing::warn!(?decision, "a verdict on a revision");
        let mut decisions = self.decisions();
        if matches!(decision.verdict, Verdict::RollBack(_)) {
            // What it did well until then does not count any more.
            decisions.retain(|one| {
                one.digest != decision.digest || !matches!(one.verdict, Verdict::Promote(_))
            });
        }
        decisions.push(decision);
        drop(decisions);
        self.decided.notify_one();
    }

    fn put(&self, judge: &mut Judge, routing: Routing<P>) {
        let canary = routing.canary.as_ref().map(|(canary, _)| canary.number);
        judge.watch(routing.stable.number, canary);
        self.routing.store(Arc::new(routing));
    }

    /// A revision that is in a place keeps its number.
    fn place(&self, now: &Routing<P>, revision: &Arc<Revision<P>>) -> Place<P> {
        let canary = now.canary.as_ref().map(|(canary, _)| canary);
        [Some(&now.stable), canary]
            .into_iter()
            .flatten()
            .find(|place| Arc::ptr_eq(&place.revision, revision))
            .cloned()
            .unwrap_or_else(|| Place {
                revision: Arc::clone(revision),
                number: self.numbers.fetch_add(1, Ordering::Relaxed),
            })
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decisions(&self) -> MutexGuard<'_, Vec<Decision>> {
        self.decisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routing = self.routing.load();
        f.debug_struct("Slot")
            .field("stable", &routing.stable.revision.identity)
            .finish_non_exhaustive()
    }
}

// === impl CallError ===

impl CallError {
    /// What it says about the revision; nothing where it was only overloaded.
    pub fn ended(&self) -> Option<Ended> {
        match self {
            Self::Busy | Self::Withdrawn => None,
            // It may have waited for a store that hangs.
            Self::Deadline => Some(Ended::Error),
            Self::Overrun | Self::Trapped(_) | Self::Unusable(_) => Some(Ended::Trapped),
        }
    }
}
