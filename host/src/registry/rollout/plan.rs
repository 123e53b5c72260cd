//! What a rollout becomes: from one state to the next, without doing it.

use super::error::RolloutError;
use crate::store::rollouts::{CanaryState, MAX_PREDECESSORS, RolloutState};

/// A change that is thought through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The state after it.
    pub state: RolloutState,
    /// As history calls it.
    pub what: &'static str,
    /// The digest that has the traffic in question before, or `-`.
    pub from: String,
    /// The digest that has it afterwards.
    pub to: String,
    /// The canary whose trial ends besides.
    pub ended: Option<String>,
}

// === impl Plan ===

impl Plan {
    /// The same, and somebody wants it although the version is an older one: history says
    /// so, for the hosts that follow.
    #[must_use]
    pub fn of_older(self) -> Self {
        Self {
            what: match self.what {
                "activated" => "activated-older",
                "canary" => "canary-older",
                "promoted" => "promoted-older",
                other => other,
            },
            ..self
        }
    }
}

/// Whether a line of history says that somebody has gone back.
pub fn goes_back(what: &str) -> bool {
    matches!(what, "rolled-back" | "taken-out") || what.ends_with("-older")
}

/// The first state of a component.
pub fn begin(component: &str, digest: &str) -> Plan {
    Plan {
        state: RolloutState {
            component: component.to_owned(),
            epoch: 1,
            stable: digest.to_owned(),
            canary: None,
            predecessors: Vec::new(),
        },
        what: "configured",
        from: "-".to_owned(),
        to: digest.to_owned(),
        ended: None,
    }
}

/// Give a revision everybody, or as canary a weight. The stable one gets everybody back
/// from its canary.
///
/// # Errors
/// It has that already.
pub fn activate(
    now: &RolloutState,
    digest: &str,
    weight: Option<u8>,
) -> Result<Plan, RolloutError> {
    let canary = weight.map(|weight| CanaryState {
        digest: digest.to_owned(),
        weight,
    });
    let serves = now.stable == digest && (canary.is_some() || now.canary.is_none());
    if serves || (canary.is_some() && now.canary == canary) {
        return Err(RolloutError::Already {
            digest: digest.to_owned(),
            weight: weight.filter(|_| now.stable != digest),
        });
    }
    let mut state = next(now);
    if now.stable == digest
        && let Some(ended) = state.canary.take()
    {
        return Ok(plan_from(now, state, "canary-ended", &ended.digest, digest));
    }
    let what = match canary {
        Some(_) => "canary",
        None if now.canary.as_ref().is_some_and(|one| one.digest == digest) => "promoted",
        None => "activated",
    };
    state.canary = canary;
    if weight.is_none() {
        succeed(&mut state, digest);
    }
    Ok(plan(now, state, what, digest))
}

/// Take the canary back, or return to the predecessor.
///
/// # Errors
/// There is neither.
pub fn roll_back(now: &RolloutState) -> Result<Plan, RolloutError> {
    let mut state = next(now);
    if let Some(canary) = state.canary.take() {
        let (from, to) = (&canary.digest, &now.stable);
        return Ok(plan_from(now, state, "rolled-back", from, to));
    }
    let to = state
        .predecessors
        .pop()
        .ok_or_else(|| RolloutError::NoPredecessor(now.component.clone()))?;
    state.stable.clone_from(&to);
    Ok(plan(now, state, "rolled-back", &to))
}

/// A revision that was not admitted: everything stays, and history says so.
pub fn refuse(now: &RolloutState, digest: &str) -> Plan {
    plan(now, next(now), "refused", digest)
}

/// Let the canary take over, if this is still it.
pub fn promote(now: &RolloutState, digest: &str) -> Option<Plan> {
    now.canary.as_ref().filter(|one| one.digest == digest)?;
    activate(now, digest, None).ok()
}

/// Take the canary back, if this is still it.
pub fn condemn(now: &RolloutState, digest: &str) -> Option<Plan> {
    now.canary.as_ref().filter(|one| one.digest == digest)?;
    roll_back(now).ok()
}

/// Return from the stable revision, if this is still it, to one of its predecessors. Those
/// that came after that one are forgotten.
pub fn take_out(now: &RolloutState, digest: &str, to: &str) -> Option<Plan> {
    let place = now.predecessors.iter().rposition(|one| one == to)?;
    (now.stable == digest).then(|| {
        let mut state = next(now);
        state.canary = None;
        state.predecessors.truncate(place);
        to.clone_into(&mut state.stable);
        plan(now, state, "taken-out", to)
    })
}

/// The stable revision may not run and none is there in its place: nobody is served.
pub fn withdraw(now: &RolloutState) -> Plan {
    let mut state = next(now);
    state.canary = None;
    plan(now, state, "withdrawn", "-")
}

fn next(now: &RolloutState) -> RolloutState {
    RolloutState {
        epoch: now.epoch + 1,
        ..now.clone()
    }
}

/// The stable revision becomes the nearest predecessor of `digest`.
fn succeed(state: &mut RolloutState, digest: &str) {
    let before = std::mem::replace(&mut state.stable, digest.to_owned());
    state
        .predecessors
        .retain(|one| one != digest && *one != before);
    state.predecessors.push(before);
    let surplus = state.predecessors.len().saturating_sub(MAX_PREDECESSORS);
    state.predecessors.drain(..surplus);
}

fn plan(now: &RolloutState, state: RolloutState, what: &'static str, to: &str) -> Plan {
    plan_from(now, state, what, &now.stable, to)
}

fn plan_from(
    now: &RolloutState,
    state: RolloutState,
    what: &'static str,
    from: &str,
    to: &str,
) -> Plan {
    let on_trial = |state: &RolloutState| state.canary.as_ref().map(|one| one.digest.clone());
    let goes_on = on_trial(&state);
    Plan {
        ended: on_trial(now).filter(|digest| {
            *digest != from && *digest != state.stable && Some(digest) != goes_on.as_ref()
        }),
        state,
        what,
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(stable: &str, canary: Option<(&str, u8)>, before: &[&str]) -> RolloutState {
        RolloutState {
            component: "auth-service".into(),
            epoch: 5,
            stable: stable.into(),
            canary: canary.map(|(digest, weight)| CanaryState {
                digest: digest.into(),
                weight,
            }),
            predecessors: before.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    fn shape(plan: &Plan) -> (&'static str, &str, Option<u8>, Vec<&str>) {
        let state = &plan.state;
        assert_eq!(state.epoch, 6);
        (
            plan.what,
            &state.stable,
            state.canary.as_ref().map(|one| one.weight),
            state.predecessors.iter().map(String::as_str).collect(),
        )
    }

    #[test]
    fn activated_revision_remembers_whom_it_replaced() {
        let plan = activate(&now("a", None, &["z"]), "b", None).unwrap();
        assert_eq!(shape(&plan), ("activated", "b", None, vec!["z", "a"]));
        assert_eq!((plan.from.as_str(), plan.to.as_str()), ("a", "b"));
    }

    #[test]
    fn alternating_revisions_remember_each_other_once() {
        let plan = activate(&now("b", None, &["z", "a"]), "a", None).unwrap();
        assert_eq!(shape(&plan), ("activated", "a", None, vec!["z", "b"]));
    }

    #[test]
    fn canary_leaves_the_stable_revision_in_place() {
        let plan = activate(&now("a", None, &[]), "b", Some(10)).unwrap();
        assert_eq!(shape(&plan), ("canary", "a", Some(10), vec![]));
        let more = activate(&plan.state, "b", Some(50)).unwrap();
        assert_eq!(more.state.canary.unwrap().weight, 50);
    }

    #[test]
    fn canary_that_gets_everybody_is_promoted() {
        let state = now("a", Some(("b", 10)), &[]);
        let plan = activate(&state, "b", None).unwrap();
        assert_eq!(shape(&plan), ("promoted", "b", None, vec!["a"]));
        assert_eq!(promote(&state, "b"), Some(plan));
        assert_eq!(promote(&state, "c"), None);
    }

    #[test]
    fn history_tells_a_step_back_from_any_other() {
        let state = now("b", Some(("c", 10)), &["a"]);
        let back = [
            activate(&state, "a", None).unwrap().of_older(),
            activate(&state, "a", Some(5)).unwrap().of_older(),
            activate(&state, "c", None).unwrap().of_older(),
            roll_back(&state).unwrap(),
            take_out(&state, "b", "a").unwrap(),
        ];
        let forth = [
            activate(&state, "a", None).unwrap(),
            activate(&state, "a", Some(5)).unwrap(),
            promote(&state, "c").unwrap(),
            refuse(&state, "d"),
            activate(&state, "b", None).unwrap(),
            withdraw(&state),
        ];
        assert!(back.iter().all(|plan| goes_back(plan.what)), "{back:?}");
        assert!(!forth.iter().any(|plan| goes_back(plan.what)), "{forth:?}");
    }

    #[test]
    fn what_serves_already_is_refused() {
        for (state, digest, weight) in [
            (now("a", None, &[]), "a", None),
            (now("a", None, &[]), "a", Some(5)),
            (now("a", Some(("b", 5)), &[]), "b", Some(5)),
        ] {
            let refused = activate(&state, digest, weight).unwrap_err();
            assert_eq!(refused.code(), "already-active");
        }
    }

    #[test]
    fn activating_the_stable_revision_ends_its_canary() {
        let plan = activate(&now("a", Some(("b", 5)), &["z"]), "a", None).unwrap();
        assert_eq!(shape(&plan), ("canary-ended", "a", None, vec!["z"]));
        assert_eq!((plan.from.as_str(), plan.to.as_str()), ("b", "a"));
    }

    #[test]
    fn canary_that_ends_besides_is_named() {
        let state = now("b", Some(("c", 5)), &["a"]);
        for plan in [
            activate(&state, "d", None).unwrap(),
            activate(&state, "d", Some(5)).unwrap(),
            take_out(&state, "b", "a").unwrap(),
            withdraw(&state),
        ] {
            assert_eq!(plan.ended.as_deref(), Some("c"), "{plan:?}");
        }
        for plan in [
            // More of the callers, all of them, or none.
            activate(&state, "c", Some(50)).unwrap(),
            promote(&state, "c").unwrap(),
            roll_back(&state).unwrap(),
            activate(&state, "b", None).unwrap(),
            refuse(&state, "d"),
        ] {
            assert_eq!(plan.ended, None, "{plan:?}");
        }
    }

    #[test]
    fn rollback_takes_the_canary_first_then_predecessors_one_by_one() {
        let first = roll_back(&now("b", Some(("c", 5)), &["z", "a"])).unwrap();
        assert_eq!(shape(&first), ("rolled-back", "b", None, vec!["z", "a"]));
        assert_eq!((first.from.as_str(), first.to.as_str()), ("c", "b"));
        let second = roll_back(&now("b", None, &["z", "a"])).unwrap();
        assert_eq!(shape(&second), ("rolled-back", "a", None, vec!["z"]));
        let last = roll_back(&now("b", None, &[])).unwrap_err();
        assert_eq!(last.code(), "no-predecessor");
    }

    #[test]
    fn taken_out_revision_leaves_with_its_canary() {
        let state = now("b", Some(("c", 5)), &["a"]);
        let plan = take_out(&state, "b", "a").unwrap();
        assert_eq!(shape(&plan), ("taken-out", "a", None, vec![]));
        assert_eq!((plan.from.as_str(), plan.to.as_str()), ("b", "a"));
        assert_eq!(take_out(&state, "a", "a"), None);
        assert_eq!(take_out(&now("b", None, &[]), "b", "a"), None);
    }

    #[test]
    fn predecessors_that_are_passed_over_are_forgotten() {
        let state = now("d", None, &["a", "b", "c"]);
        let plan = take_out(&state, "d", "b").unwrap();
        assert_eq!(shape(&plan), ("taken-out", "b", None, vec!["a"]));
    }

    #[test]
    fn withdrawn_revision_stays_without_its_canary() {
        let plan = withdraw(&now("b", Some(("c", 5)), &["a"]));
        assert_eq!(shape(&plan), ("withdrawn", "b", None, vec!["a"]));
        assert_eq!((plan.from.as_str(), plan.to.as_str()), ("b", "-"));
    }

    #[test]
    fn only_the_nearest_predecessors_are_remembered() {
        let mut state = now("0", None, &[]);
        for number in 1..30 {
            state = activate(&state, &number.to_string(), None).unwrap().state;
        }
        assert_eq!(state.predecessors.len(), MAX_PREDECESSORS);
        assert_eq!(state.predecessors.last().unwrap(), "28");
    }
}
