use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::judge::{Ended, Verdict};
use super::{Rules, Slot};
use crate::audit::ComponentIdentity;
use crate::capabilities::Routes;
use crate::registry::Revision;
use crate::runtime::Limits;

fn revision(digest: &str) -> Arc<Revision<()>> {
    let identity = ComponentIdentity {
        name: "auth-service".into(),
        digest: digest.into(),
        revision: "1.0.0".into(),
    };
    let instances = Arc::new(Semaphore::new(1));
    Arc::new(Revision::new(identity, Limits::default(), instances, ()))
}

/// A slot whose judge needs one bad call, with a canary for everybody who is asked for.
fn on_trial() -> (Slot<()>, Routes) {
    let stable = revision("a");
    let rules = Rules {
        least_failures: 1,
        breaker_traps: 1,
        ..Rules::default()
    };
    let slot = Slot::with_rules(Arc::clone(&stable), rules);
    slot.install(&stable, Some((&revision("b"), 99)), None);
    (slot, Routes::at(0))
}

fn verdicts(slot: &Slot<()>) -> Vec<Verdict> {
    slot.pending().into_iter().map(|one| one.verdict).collect()
}

fn rolled_back(why: &str) -> Verdict {
    Verdict::RollBack(format!(
        "{why} in 1 of 1 calls (100%), the stable revision in 0 of 0 (0%); the limit is {} points more",
        if why == "traps" { 1 } else { 5 }
    ))
}

fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(2)).unwrap()
}

#[test]
fn call_that_ended_is_reported_once() {
    let (slot, routes) = on_trial();
    let watch = slot.watch(&routes);
    assert_eq!(watch.place().revision.identity.digest, "b");
    watch.begun().at(long_ago());
    watch.ended(Some(Ended::Trapped));
    assert_eq!(verdicts(&slot), [rolled_back("traps")]);
}

#[test]
fn canary_that_goes_wrong_before_it_has_taken_over_does_not_take_over() {
    let stable = revision("a");
    let rules = Rules {
        least_failures: 1,
        promote_after: 1,
        ..Rules::default()
    };
    let slot = Slot::with_rules(Arc::clone(&stable), rules);
    slot.install(&stable, Some((&revision("b"), 99)), None);
    let routes = Routes::at(0);
    let ended = |how| {
        let watch = slot.watch(&routes);
        watch.begun().at(Instant::now());
        watch.ended(Some(how));
    };
    ended(Ended::Well);
    assert_eq!(
        verdicts(&slot),
        [Verdict::Promote("1 healthy calls".into())]
    );
    ended(Ended::Trapped);
    assert!(
        matches!(verdicts(&slot)[..], [Verdict::RollBack(_)]),
        "{:?}",
        slot.pending()
    );
    assert!(slot.routing().canary.is_none());
}

#[test]
fn call_that_nobody_waited_for_is_an_error_when_it_took_long() {
    let (slot, routes) = on_trial();
    let watch = slot.watch(&routes);
    watch.begun().at(long_ago());
    drop(watch);
    assert_eq!(verdicts(&slot), [rolled_back("errors")]);
}

#[test]
fn caller_that_goes_away_at_once_or_in_the_queue_condemns_nobody() {
    let (slot, routes) = on_trial();
    for _ in 0..1_000 {
        let watch = slot.watch(&routes);
        watch.begun().at(Instant::now());
        drop(watch);
        drop(slot.watch(&routes));
    }
    assert_eq!(verdicts(&slot), []);
    assert_eq!(slot.healthy(), 0);
}

#[test]
fn call_that_waited_for_another_component_is_excused_and_no_other() {
    let (slot, routes) = on_trial();
    let abandoned = |caller: bool| {
        let watch = slot.watch(&routes);
        let watch = if caller { watch.of_caller() } else { watch };
        watch.begun().at(long_ago());
    };
    drop(routes.awaiting());
    abandoned(true);
    assert_eq!(verdicts(&slot), []);
    abandoned(false);
    assert_eq!(verdicts(&slot), [rolled_back("errors")]);
}

#[test]
fn overload_is_no_verdict() {
    let (slot, routes) = on_trial();
    for _ in 0..100 {
        let watch = slot.watch(&routes);
        watch.begun().at(long_ago());
        watch.ended(None);
    }
    assert_eq!(verdicts(&slot), []);
}

#[test]
fn crash_loop_is_told_even_where_no_predecessor_is_linked() {
    let (slot, routes) = on_trial();
    slot.install(&slot.active(), None, None);
    let routing = slot.routing();
    slot.watch(&routes).ended(Some(Ended::Trapped));
    assert!(
        matches!(verdicts(&slot)[..], [Verdict::TakeOut(_)]),
        "{:?}",
        slot.pending()
    );
    // Somebody has to serve until it is found.
    assert!(Arc::ptr_eq(&routing, &slot.routing()));
}
