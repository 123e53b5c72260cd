//! The judge of a canary, and the breaker: numbers in, a verdict out.
//!
//! Both revisions are counted alike, over the same window, so that what ails the
//! store or the machine ails both and condemns neither. Traps and errors condemn as
//! soon as there are enough of them; refusals and speed only after enough calls,
//! for both also happen to good revisions. The judge knows no revisions, only the
//! number under which one was put in place: what an earlier one still does is not
//! counted.

use std::time::Duration;

use super::rules::Rules;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer.
    Well,
    /// With a refusal: the caller was told no, or that its request is wrong.
    Denied,
    /// With an error of the component's own, or not in time.
    Error,
    /// Not at all: it trapped, was stopped by a limit, or answered nonsense.
    Trapped,
}

/// One call, as the judge sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub taken: Duration,
}

/// What has to be done, and why, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The canary has served well for long enough.
    Promote(String),
    /// The canary is worse than the stable revision.
    RollBack(String),
    /// The stable revision crash-loops.
    TakeOut(String),
}

/// Judges one component.
#[derive(Debug)]
pub struct Judge {
    rules: Rules,
    stable: Side,
    canary: Option<Side>,
    /// Of the canary, since it began.
    healthy: u64,
    breaker: Window,
    /// Until something changes, a verdict is given once: on the canary,
    given: bool,
    /// and on the stable revision.
    tripped: bool,
}

/// One revision in its place.
#[derive(Debug)]
struct Side {
    /// The number under which it was put there.
    id: u64,
    window: Window,
}

/// The calls of the last while: of the present half of it and of the one before.
#[derive(Debug)]
struct Window {
    half: Duration,
    began: Duration,
    now: Counts,
    before: Counts,
}

/// A histogram with four steps for each doubling, from 64 us on: 64 steps reach
/// an hour.
const STEPS: usize = 64;
const FIRST: u64 = 64;

#[derive(Debug, Clone)]
struct Counts {
    calls: u64,
    denied: u64,
    errors: u64,
    traps: u64,
    taken: [u32; STEPS],
}

// === impl Judge ===

impl Judge {
    /// A judge of a component whose stable revision has this number.
    pub fn new(rules: Rules, stable: u64) -> Self {
        Self {
            stable: Side::new(stable, rules.window),
            breaker: Window::new(rules.breaker_window),
            rules,
            canary: None,
            healthy: 0,
            given: false,
            tripped: false,
        }
    }

    /// Judge these from now on. A side that stays keeps its counts.
    pub fn watch(&mut self, stable: u64, canary: Option<u64>) {
        self.given = false;
        self.tripped = false;
        let was_canary = self.canary.as_ref().map(|side| side.id);
        if self.stable.id != stable {
            self.stable = match self.canary.take() {
                Some(promoted) if promoted.id == stable => promoted,
                _ => Side::new(stable, self.rules.window),
            };
            self.breaker = Window::new(self.rules.breaker_window);
        }
        if was_canary != canary || self.canary.is_none() {
            self.canary = canary.map(|id| Side::new(id, self.rules.window));
            self.healthy = 0;
        }
    }

    /// Calls of the canary that ended well, since it began.
    pub fn healthy(&self) -> u64 {
        self.healthy
    }

    /// Count a call of the revision with this number; `now` is since any fixed moment.
    pub fn record(&mut self, now: Duration, id: u64, seen: Observation) -> Option<Verdict> {
        if self.stable.id == id {
            self.stable.window.add(now, seen);
            self.breaker.add(now, seen);
        } else if let Some(canary) = self.canary.as_mut().filter(|canary| canary.id == id) {
            canary.window.add(now, seen);
            if matches!(seen.ended, Ended::Well) {
                self.healthy += 1;
            }
        } else {
            return None;
        }
        let on_canary = self.on_canary().filter(|_| !self.given);
        self.given |= on_canary.is_some();
        if on_canary.is_some() {
            return on_canary;
        }
        let crash_loop = self.crash_loop().filter(|_| !self.tripped);
        self.tripped |= crash_loop.is_some();
        crash_loop.map(Verdict::TakeOut)
    }

    fn on_canary(&self) -> Option<Verdict> {
        if let Some(canary) = &self.canary {
            if let Some(fault) = self.fault(&canary.window.counts()) {
                return Some(Verdict::RollBack(fault));
            }
            if self.rules.promote_after > 0 && self.healthy >= self.rules.promote_after {
                let healthy = self.healthy;
                return Some(Verdict::Promote(format!("{healthy} healthy calls")));
            }
        }
        None
    }

    /// What the canary does worse than the stable revision.
    fn fault(&self, canary: &Counts) -> Option<String> {
        let stable = self.stable.window.counts();
        let rules = &self.rules;
        let worse = |what: &str, of: fn(&Counts) -> u64, points: u32| {
            let (bad, good) = (of(canary), of(&stable));
            (bad >= u64::from(rules.least_failures)
                && exceeds(bad, canary.calls, good, stable.calls, points))
            .then(|| {
                format!(
                    "{what} in {bad} of {} calls ({}%), the stable revision in {good} of {} ({}%); the limit is {points} points more",
                    canary.calls,
                    percent(bad, canary.calls),
                    stable.calls,
                    percent(good, stable.calls),
                )
            })
        };
        let fault = worse("traps", |counts| counts.traps, rules.trap_percent)
            .or_else(|| worse("errors", |counts| counts.errors, rules.error_percent));
        if fault.is_some() || canary.calls < u64::from(rules.least_calls) {
            return fault;
        }
        worse("refusals", |counts| counts.denied, rules.denial_percent)
            .or_else(|| self.slowness(canary, &stable))
    }

    fn slowness(&self, canary: &Counts, stable: &Counts) -> Option<String> {
        if stable.calls < u64::from(self.rules.least_calls) {
            return None;
        }
        let (slow, usual) = (canary.slow(), stable.slow());
        (slow * 100 > usual * u128::from(self.rules.latency_percent)).then(|| {
            format!(
                "slow: 9 of 10 calls took up to {} ms, the stable revision's up to {} ms; the limit is {}% of that",
                slow / 1000,
                usual / 1000,
                self.rules.latency_percent,
            )
        })
    }

    fn crash_loop(&self) -> Option<String> {
        let counts = self.breaker.counts();
        let (traps, calls) = (counts.traps, counts.calls);
        let rules = &self.rules;
        (rules.breaker_traps > 0
            && traps >= u64::from(rules.breaker_traps)
            && traps * 100 >= calls * u64::from(rules.breaker_percent))
        .then(|| {
            format!(
                "crash loop: traps in {traps} of {calls} calls within {} s; the limit is {} traps and {}%",
                rules.breaker_window.as_secs(),
                rules.breaker_traps,
                rules.breaker_percent,
            )
        })
    }
}

/// Whether the first rate is more than `points` per cent above the second. The rate of
/// no calls is nought.
fn exceeds(bad: u64, of_bad: u64, good: u64, of_good: u64, points: u32) -> bool {
    let wide = u128::from;
    let of_good = of_good.max(1);
    wide(bad) * wide(of_good) * 100
        > wide(good) * wide(of_bad) * 100 + wide(of_bad) * wide(of_good) * u128::from(points)
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

// === impl Side ===

impl Side {
    fn new(id: u64, window: Duration) -> Self {
        Self {
            id,
            window: Window::new(window),
        }
    }
}

// === impl Window ===

impl Window {
    fn new(length: Duration) -> Self {
        Self {
            half: length / 2,
            began: Duration::ZERO,
            now: Counts::default(),
            before: Counts::default(),
        }
    }

    fn add(&mut self, now: Duration, seen: Observation) {
        let age = now.saturating_sub(self.began);
        if age >= self.half * 2 {
            self.now = Counts::default();
            self.before = Counts::default();
            self.began = now;
        } else if age >= self.half {
            self.before = std::mem::take(&mut self.now);
            self.began = now;
        }
        self.now.add(seen);
    }

    fn counts(&self) -> Counts {
        let (now, before) = (&self.now, &self.before);
        let mut taken = now.taken;
        for (sum, more) in taken.iter_mut().zip(before.taken) {
            *sum = sum.saturating_add(more);
        }
        Counts {
            calls: now.calls + before.calls,
            denied: now.denied + before.denied,
            errors: now.errors + before.errors,
            traps: now.traps + before.traps,
            taken,
        }
    }
}

// === impl Counts ===

impl Default for Counts {
    fn default() -> Self {
        Self {
            calls: 0,
            denied: 0,
            errors: 0,
            traps: 0,
            taken: [0; STEPS],
        }
    }
}

impl Counts {
    fn add(&mut self, seen: Observation) {
        self.calls += 1;
        match seen.ended {
            Ended::Well => {}
            Ended::Denied => self.denied += 1,
            Ended::Error => self.errors += 1,
            Ended::Trapped => self.traps += 1,
        }
        let micros = u64::try_from(seen.taken.as_micros()).unwrap_or(u64::MAX);
        if let Some(step) = self.taken.get_mut(step(micros)) {
            *step = step.saturating_add(1);
        }
    }

    /// What 9 of 10 calls take at most, in microseconds, to the next step above.
    fn slow(&self) -> u128 {
        let enough = (self.calls * 9).div_ceil(10);
        let mut seen = 0;
        for (index, count) in self.taken.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= enough {
                return bound(index);
            }
        }
        bound(STEPS)
    }
}

/// The first step whose bound is not below `micros`.
fn step(micros: u64) -> usize {
    (0..STEPS)
        .find(|index| u128::from(micros) <= bound(*index))
        .unwrap_or(STEPS - 1)
}

/// 64 us times two to the power of a quarter of the step, in whole microseconds.
fn bound(step: usize) -> u128 {
    const QUARTERS: [u128; 4] = [1000, 1189, 1414, 1682];
    let quarter = QUARTERS.get(step % 4).copied().unwrap_or(1000);
    (u128::from(FIRST) << (step / 4)) * quarter / 1000
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
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

    #[test]
    fn steps_cover_microseconds_to_an_hour() {
        assert_eq!(step(0), 0);
        assert_eq!(bound(0), 64);
        assert_eq!(bound(4), 128);
        assert!(bound(STEPS - 1) > 3_000_000);
        assert_eq!(step(u64::MAX), STEPS - 1);
    }
}
