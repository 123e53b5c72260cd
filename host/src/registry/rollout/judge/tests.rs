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

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let mut judge = on_trial(Rules::default());
    for minute in 0..20 {
        let now = Duration::from_secs(60 * minute);
        assert_eq!(judge.record(now, CANARY, seen(Ended::Trapped, 2)), None);
    }
}

#[test]
fn calls_of_an_earlier_revision_do_not_count() {
    let mut judge = Judge::new(Rules::default(), STABLE);
    judge.watch(STABLE, Some(CANARY));
    judge.watch(STABLE, Some(3));
    assert_eq!(calls(&mut judge, CANARY, 100, 1, Ended::Trapped), None);
}
