//! The judge of a canary, and the breaker: numbers in, a verdict out.
//!
//! Both revisions are counted alike, over the same window, so that what ails the
//! store or the machine ails both and condemns neither. Traps and errors condemn as
//! soon as there are enough of them; refusals and speed only after enough calls,
//! for both also happen to good revisions. The same is asked of all calls since the
//! canary began: where there is little traffic a window never holds enough. By these
//! it is promoted, too, and not while they are worse than the stable revision's. The
//! judge knows no revisions, only the number under which one was put in place: what an
//! earlier one still does is not counted. A canary is judged until it has taken over: to
//! decide that it may is not yet to write it down, which takes a store that answers.

#[cfg(test)]
mod tests;
mod window;

use std::time::Duration;

use self::window::{Counts, Window};
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
    /// Nobody knows how: its caller went away first.
    Abandoned,
}

/// One call, as the judge sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub ended: Ended,
    /// How long it took, at least.
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
    breaker: Window,
    /// Until something changes, a verdict is given once: that the canary takes over,
    promoted: bool,
    /// that it goes, which may follow the other,
    condemned: bool,
    /// and that the stable revision goes.
    tripped: bool,
}

/// A kind of bad calls: its name, how many there were, and how many points more than the
/// stable revision a canary may have of it.
type Kind = (&'static str, fn(&Counts) -> u64, u32);

/// The kind that also happens to good revisions, so that it takes enough calls.
const REFUSALS: &str = "refusals";

/// One revision in its place.
#[derive(Debug)]
struct Side {
    /// The number under which it was put there.
    id: u64,
    window: Window,
    /// Since the canary began.
    trial: Counts,
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
            promoted: false,
            condemned: false,
            tripped: false,
        }
    }

    /// Judge these from now on. A side that stays keeps its counts.
    pub fn watch(&mut self, stable: u64, canary: Option<u64>) {
        self.promoted = false;
        self.condemned = false;
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
            self.stable.trial = Counts::default();
        }
    }

    /// Calls of the canary that ended well, since it began.
    pub fn healthy(&self) -> u64 {
        self.canary
            .as_ref()
            .map_or(0, |canary| canary.trial.healthy())
    }

    /// Count a call of the revision with this number; `now` is since any fixed moment.
    pub fn record(&mut self, now: Duration, id: u64, seen: Observation) -> Option<Verdict> {
        if seen.ended == Ended::Abandoned && !self.was_slow(seen.taken) {
            return None;
        }
        if self.stable.id == id {
            self.stable.add(now, seen);
            self.breaker.add(now, seen);
        } else if let Some(canary) = self.canary.as_mut().filter(|canary| canary.id == id) {
            canary.add(now, seen);
        } else {
            return None;
        }
        match self.on_canary() {
            Some(Verdict::Promote(_)) if self.promoted || self.condemned => {}
            Some(Verdict::RollBack(_)) if self.condemned => {}
            Some(verdict) => {
                self.promoted |= matches!(verdict, Verdict::Promote(_));
                self.condemned |= matches!(verdict, Verdict::RollBack(_));
                return Some(verdict);
            }
            None => {}
        }
        let crash_loop = self.crash_loop().filter(|_| !self.tripped);
        self.tripped |= crash_loop.is_some();
        crash_loop.map(Verdict::TakeOut)
    }

    fn on_canary(&self) -> Option<Verdict> {
        let (canary, stable) = (self.canary.as_ref()?, &self.stable);
        if let Some(fault) = self.fault(&canary.window.counts(), &stable.window.counts()) {
            return Some(Verdict::RollBack(fault));
        }
        if let Some(fault) = self.fault(&canary.trial, &stable.trial) {
            return Some(Verdict::RollBack(format!("{fault}, since it began")));
        }
        let (healthy, calls) = (canary.trial.healthy(), canary.trial.calls);
        (self.rules.promote_after > 0
            && healthy >= self.rules.promote_after
            && self.kinds().all(|(_, of, points)| {
                !exceeds(
                    of(&canary.trial),
                    calls,
                    of(&stable.trial),
                    stable.trial.calls,
                    points,
                )
            }))
        .then(|| {
            Verdict::Promote(match calls - healthy {
                0 => format!("{healthy} healthy calls"),
                _ => format!("{healthy} of {calls} calls were healthy"),
            })
        })
    }

    /// What the canary does worse than the stable revision.
    fn fault(&self, canary: &Counts, stable: &Counts) -> Option<String> {
        let rules = &self.rules;
        let worse = |(what, of, points): Kind| {
            let (bad, good) = (of(canary), of(stable));
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
        let enough = canary.calls >= u64::from(rules.least_calls);
        self.kinds()
            .filter(|(what, ..)| enough || *what != REFUSALS)
            .find_map(worse)
            .or_else(|| self.slowness(canary, stable))
    }

    /// The kinds of bad calls, the worst first.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let rules = &self.rules;
        let kinds: [Kind; 3] = [
            ("traps", |counts: &Counts| counts.traps, rules.trap_percent),
            (
                "errors",
                |counts: &Counts| counts.errors,
                rules.error_percent,
            ),
            (
                REFUSALS,
                |counts: &Counts| counts.denied,
                rules.denial_percent,
            ),
        ];
        kinds.into_iter()
    }

    fn slowness(&self, canary: &Counts, stable: &Counts) -> Option<String> {
        let enough = u64::from(self.rules.least_calls);
        if canary.timed() < enough || stable.timed() < enough {
            return None;
        }
        let (slow, usual) = (canary.slow(), stable.slow());
        self.is_slow(slow, usual).then(|| {
            format!(
                "slow: 9 of 10 calls took up to {} ms, the stable revision's up to {} ms; the limit is {}% of that",
                slow / 1000,
                usual / 1000,
                self.rules.latency_percent,
            )
        })
    }

    /// Whether a call whose end nobody waited for had been slow by then. One that had not
    /// says nothing: it may have been as quick as any, so its caller can't make a revision
    /// look better or worse than it is.
    fn was_slow(&self, taken: Duration) -> bool {
        let enough = u64::from(self.rules.least_calls);
        let window = self.stable.window.counts();
        let usual = [&window, &self.stable.trial]
            .into_iter()
            .find(|counts| counts.timed() >= enough)
            .map(Counts::slow);
        usual.is_some_and(|usual| self.is_slow(taken.as_micros(), usual))
    }

    fn is_slow(&self, taken: u128, usual: u128) -> bool {
        taken * 100 > usual * u128::from(self.rules.latency_percent)
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
            trial: Counts::default(),
        }
    }

    fn add(&mut self, now: Duration, seen: Observation) {
        self.window.add(now, seen);
        self.trial.add(seen);
    }
}
