//! The calls of the last while, counted.

use std::time::Duration;

use super::{Ended, Observation};

/// The calls of the last while: of the present half of it and of the one before.
#[derive(Debug)]
pub(super) struct Window {
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
pub(super) struct Counts {
    /// Those whose end is known.
    pub(super) calls: u64,
    pub(super) denied: u64,
    pub(super) errors: u64,
    pub(super) traps: u64,
    /// Of these and of those whose caller went away.
    taken: [u32; STEPS],
}

// === impl Window ===

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            half: length / 2,
            began: Duration::ZERO,
            now: Counts::default(),
            before: Counts::default(),
        }
    }

    pub(super) fn add(&mut self, now: Duration, seen: Observation) {
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

    pub(super) fn counts(&self) -> Counts {
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
    /// Calls that ended well.
    pub(super) fn healthy(&self) -> u64 {
        self.calls - self.denied - self.errors - self.traps
    }

    pub(super) fn add(&mut self, seen: Observation) {
        self.calls += u64::from(seen.ended != Ended::Abandoned);
        match seen.ended {
            Ended::Well | Ended::Abandoned => {}
            Ended::Denied => self.denied += 1,
            Ended::Error => self.errors += 1,
            Ended::Trapped => self.traps += 1,
        }
        let micros = u64::try_from(seen.taken.as_micros()).unwrap_or(u64::MAX);
        if let Some(step) = self.taken.get_mut(step(micros)) {
            *step = step.saturating_add(1);
        }
    }

    /// Calls of which it is known how long they took, at least.
    pub(super) fn timed(&self) -> u64 {
        self.taken.iter().copied().map(u64::from).sum()
    }

    /// What 9 of 10 calls take at most, in microseconds, to the next step above.
    pub(super) fn slow(&self) -> u128 {
        let enough = (self.timed() * 9).div_ceil(10);
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
mod tests {
    use super::*;

    #[test]
    fn steps_cover_microseconds_to_an_hour() {
        assert_eq!(step(0), 0);
        assert_eq!(bound(0), 64);
        assert_eq!(bound(4), 128);
        assert!(bound(STEPS - 1) > 3_000_000);
        assert_eq!(step(u64::MAX), STEPS - 1);
    }
}
