use super::*;

const STABLE: u64 = 1;
const CANARY: u64 = 2;
const SECOND: Duration = Duration::from_secs(1);

fn on_trial(rules: Rules) -> Judge {
    let mut judge = Judge::new(rules, STABLE);
    judge.watch(STABLE, Some(CANARY));
    judge
}

fn seen(ended: Ended, millis: u64) -> Observation {
    Observation {
        ended,
        taken: Duration::from_millis(millis),
    }
}

/// `calls` calls of one side; every `every`th ends otherwise. The first verdict.
fn calls(judge: &mut Judge, id: u64, calls: u64, every: u64, bad: Ended) -> Option<Verdict> {
    (1..=calls).find_map(|call| {
        let ended = if every > 0 && call % every == 0 {
            bad
        } else {
            Ended::Well
        };
        judge.record(SECOND, id, seen(ended, 2))
    })
}

#[test]
fn canary_that_traps_one_call_in_five_is_rolled_back_at_the_third_trap() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    assert_eq!(calls(&mut judge, CANARY, 14, 5, Ended::Trapped), None);
    let verdict = judge.record(SECOND, CANARY, seen(Ended::Trapped, 2));
    assert_eq!(
        verdict,
        Some(Verdict::RollBack(
            "traps in 3 of 15 calls (20%), the stable revision in 0 of 100 (0%); the limit is 1 points more".into()
        ))
    );
    let again = judge.record(SECOND, CANARY, seen(Ended::Trapped, 2));
    assert_eq!(again, None, "a verdict is given once");
}

#[test]
fn canary_that_is_no_worse_than_the_stable_revision_stays() {
    for bad in [Ended::Trapped, Ended::Error, Ended::Denied] {
        let rules = Rules {
            breaker_traps: 0,
            ..Rules::default()
        };
        let mut judge = on_trial(rules);
        assert_eq!(calls(&mut judge, STABLE, 200, 5, bad), None);
        assert_eq!(calls(&mut judge, CANARY, 200, 5, bad), None, "{bad:?}");
    }
}

#[test]
fn canary_that_denies_is_rolled_back_after_enough_calls() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 10, Ended::Denied), None);
    assert_eq!(calls(&mut judge, CANARY, 29, 2, Ended::Denied), None);
    let verdict = judge.record(SECOND, CANARY, seen(Ended::Denied, 2));
    match verdict {
        Some(Verdict::RollBack(why)) => {
            assert!(why.starts_with("refusals in 15 of 30"), "{why}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn canary_that_is_slow_is_rolled_back_after_enough_calls() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    for _ in 0..29 {
        assert_eq!(judge.record(SECOND, CANARY, seen(Ended::Well, 100)), None);
    }
    match judge.record(SECOND, CANARY, seen(Ended::Well, 100)) {
        Some(Verdict::RollBack(why)) => assert!(why.starts_with("slow: "), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_few_slow_calls_condemn_nobody() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    assert_eq!(calls(&mut judge, CANARY, 57, 0, Ended::Well), None);
    for _ in 0..3 {
        assert_eq!(judge.record(SECOND, CANARY, seen(Ended::Well, 900)), None);
    }
}

#[test]
fn canary_whose_callers_give_up_on_it_is_rolled_back_as_slow() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    for _ in 0..29 {
        let given_up = seen(Ended::Abandoned, 900);
        assert_eq!(judge.record(SECOND, CANARY, given_up), None);
    }
    match judge.record(SECOND, CANARY, seen(Ended::Abandoned, 900)) {
        Some(Verdict::RollBack(why)) => assert!(why.starts_with("slow: "), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn caller_that_gives_up_at_once_neither_condemns_nor_promotes_nor_hides_anything() {
    let mut judge = on_trial(Rules {
        promote_after: 20,
        ..Rules::default()
    });
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    for _ in 0..10_000 {
        let given_up = seen(Ended::Abandoned, 1);
        assert_eq!(judge.record(SECOND, CANARY, given_up), None);
    }
    assert_eq!(judge.healthy(), 0);
    // Of three calls all have trapped.
    for _ in 0..2 {
        let trapped = seen(Ended::Trapped, 2);
        assert_eq!(judge.record(SECOND, CANARY, trapped), None);
    }
    match judge.record(SECOND, CANARY, seen(Ended::Trapped, 2)) {
        Some(Verdict::RollBack(why)) => assert!(why.starts_with("traps in 3 of 3 calls"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn stable_revision_that_its_callers_give_up_on_is_no_measure_of_speed() {
    let mut judge = on_trial(Rules::default());
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    for _ in 0..10_000 {
        let given_up = seen(Ended::Abandoned, 0);
        assert_eq!(judge.record(SECOND, STABLE, given_up), None);
    }
    // As quick as the calls of the stable revision that were waited for.
    for _ in 0..100 {
        assert_eq!(judge.record(SECOND, CANARY, seen(Ended::Well, 4)), None);
    }
}

#[test]
fn canary_is_promoted_after_enough_healthy_calls() {
    let mut judge = on_trial(Rules {
        promote_after: 50,
        ..Rules::default()
    });
    assert_eq!(calls(&mut judge, STABLE, 20, 0, Ended::Well), None);
    assert_eq!(calls(&mut judge, CANARY, 49, 0, Ended::Well), None);
    assert_eq!(
        judge.record(SECOND, CANARY, seen(Ended::Well, 2)),
        Some(Verdict::Promote("50 healthy calls".into()))
    );
}

#[test]
fn canary_that_may_take_over_is_judged_until_it_has() {
    let mut judge = on_trial(Rules {
        promote_after: 50,
        ..Rules::default()
    });
    assert_eq!(calls(&mut judge, STABLE, 100, 0, Ended::Well), None);
    let promoted = calls(&mut judge, CANARY, 50, 0, Ended::Well);
    assert_eq!(promoted, Some(Verdict::Promote("50 healthy calls".into())));
    let again = calls(&mut judge, CANARY, 50, 0, Ended::Well);
    assert_eq!(again, None, "a verdict is given once");
    match calls(&mut judge, CANARY, 3, 1, Ended::Trapped) {
        Some(Verdict::RollBack(why)) => {
            assert!(why.starts_with("traps in 3 of 103 calls"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    // Not even where it does well again.
    assert_eq!(calls(&mut judge, CANARY, 5_000, 0, Ended::Well), None);
}

#[test]
fn canary_is_never_promoted_by_itself_when_told_so() {
    let mut judge = on_trial(Rules {
        promote_after: 0,
        ..Rules::default()
    });
    assert_eq!(calls(&mut judge, CANARY, 5_000, 0, Ended::Well), None);
}

#[test]
fn stable_revision_that_crash_loops_is_taken_out() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    assert_eq!(calls(&mut judge, STABLE, 9, 1, Ended::Trapped), None);
    match judge.record(SECOND, STABLE, seen(Ended::Trapped, 2)) {
        Some(Verdict::TakeOut(why)) => {
            assert!(
                why.starts_with("crash loop: traps in 10 of 10 calls"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rare_traps_of_the_stable_revision_are_borne() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    assert_eq!(calls(&mut judge, STABLE, 1_000, 10, Ended::Trapped), None);
}

/// One call of each side a minute: no window ever holds enough of them. The first verdict,
/// and the minute.
fn slowly(rules: Rules, minutes: u64, canary: impl Fn(u64) -> Ended) -> Option<(u64, Verdict)> {
    let mut judge = on_trial(rules);
    (1..=minutes).find_map(|minute| {
        let now = Duration::from_secs(60 * minute);
        let stable = judge.record(now, STABLE, seen(Ended::Well, 2));
        assert_eq!(stable, None, "minute {minute}");
        let verdict = judge.record(now, CANARY, seen(canary(minute), 2));
        verdict.map(|verdict| (minute, verdict))
    })
}

#[test]
fn canary_that_traps_one_call_in_six_is_rolled_back_where_there_is_little_traffic_too() {
    let verdict = slowly(Rules::default(), 10_000, |minute| match minute % 6 {
        0 => Ended::Trapped,
        _ => Ended::Well,
    });
    assert_eq!(
        verdict,
        Some((
            18,
            Verdict::RollBack(
                "traps in 3 of 18 calls (16%), the stable revision in 0 of 18 (0%); the limit is 1 points more, since it began".into()
            )
        ))
    );
}

#[test]
fn canary_that_denies_is_rolled_back_where_there_is_little_traffic_too() {
    let verdict = slowly(Rules::default(), 10_000, |minute| match minute % 2 {
        0 => Ended::Denied,
        _ => Ended::Well,
    });
    match verdict {
        Some((30, Verdict::RollBack(why))) => {
            assert!(why.starts_with("refusals in 15 of 30 calls"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn canary_is_not_promoted_while_one_of_its_rates_is_beyond_the_limit() {
    for bad in [Ended::Trapped, Ended::Error, Ended::Denied] {
        let rules = Rules {
            promote_after: 3,
            ..Rules::default()
        };
        let points = match bad {
            Ended::Trapped => 1,
            Ended::Error => 5,
            _ => 20,
        };
        // Fewer than condemn, and none but these.
        let verdict = slowly(rules, 1_000, |minute| match minute {
            1 => bad,
            _ => Ended::Well,
        });
        let due = (100 / points).max(4);
        let calls = format!("{} of {due} calls were healthy", due - 1);
        assert_eq!(verdict, Some((due, Verdict::Promote(calls))), "{bad:?}");
    }
}

#[test]
fn canary_as_good_as_the_stable_revision_is_promoted_whatever_both_do_wrong() {
    let mut judge = on_trial(Rules {
        promote_after: 50,
        breaker_traps: 0,
        ..Rules::default()
    });
    assert_eq!(calls(&mut judge, STABLE, 100, 5, Ended::Trapped), None);
    match calls(&mut judge, CANARY, 100, 5, Ended::Trapped) {
        Some(Verdict::Promote(why)) => assert_eq!(why, "50 of 62 calls were healthy"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_stable_revision_did_before_the_trial_excuses_nobody() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    let long_ago = Duration::ZERO;
    for _ in 0..1_000 {
        judge.record(long_ago, STABLE, seen(Ended::Error, 2));
    }
    judge.watch(STABLE, Some(CANARY));
    for minute in 1..3 {
        let now = Duration::from_secs(60 * minute);
        assert_eq!(judge.record(now, STABLE, seen(Ended::Well, 2)), None);
        assert_eq!(judge.record(now, CANARY, seen(Ended::Error, 2)), None);
    }
    let now = Duration::from_secs(180);
    match judge.record(now, CANARY, seen(Ended::Error, 2)) {
        Some(Verdict::RollBack(why)) => assert!(why.starts_with("errors in 3 of 3"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn canary_that_stays_keeps_what_is_known_of_it() {
    let mut judge = on_trial(Rules::default());
    for minute in 1..3 {
        let now = Duration::from_secs(60 * minute);
        assert_eq!(judge.record(now, CANARY, seen(Ended::Trapped, 2)), None);
        // Another weight.
        judge.watch(STABLE, Some(CANARY));
    }
    let now = Duration::from_secs(180);
    let verdict = judge.record(now, CANARY, seen(Ended::Trapped, 2));
    assert!(matches!(verdict, Some(Verdict::RollBack(_))), "{verdict:?}");
}

#[test]
fn what_is_older_than_the_window_does_not_count_for_the_breaker() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    for minute in 0..20 {
        let now = Duration::from_secs(60 * minute);
        assert_eq!(judge.record(now, STABLE, seen(Ended::Trapped, 2)), None);
    }
}

#[test]
fn calls_of_an_earlier_revision_do_not_count() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    judge.watch(STABLE, Some(CANARY));
    judge.watch(STABLE, Some(3));
    assert_eq!(calls(&mut judge, CANARY, 100, 1, Ended::Trapped), None);
}
