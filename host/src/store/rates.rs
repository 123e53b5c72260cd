//! How much one identity may ask of all hosts on one store together, alike for all databases.
//!
//! The generic cell rate algorithm (GCRA): a request is a cell, and a row says when the cells
//! that were taken will have been earned back. Each cell moves that time on by one interval; it
//! may lie ahead by a burst of intervals, and no further. So in any time there are no more
//! cells than a burst and what the time has earned.
//!
//! Times here are nanoseconds since the Unix epoch, by the clock of whoever keeps the rows.

use std::num::NonZeroU32;
use std::time::Duration;

use super::job::Change;
use crate::clock::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// A row that lies further ahead than a burst and this was written under a clock that has
/// been set back since, or under other limits. It counts for nothing.
const ASTRAY: u64 = 60 * SECOND;

/// So many requests at once, and one more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Nanoseconds in which one cell is earned, at least one.
    pub interval: u64,
    /// The most cells that can be taken at once, at least one.
    pub burst: u32,
}

/// What was given of the cells that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// So many of them; none where the identity has used up what it may have.
    pub cells: u32,
    /// After this there is another one.
    pub wait: Duration,
}

/// Take cells of an identity, as many as there are.
#[derive(Debug, Clone)]
pub struct TakeCells {
    pub(super) identity: String,
    pub(super) limit: RateLimit,
    pub(super) cells: u32,
    pub(super) now: Timestamp,
}

// === impl RateLimit ===

impl RateLimit {
    /// So many in a second in the long run, never more. Intervals are whole nanoseconds.
    pub fn per_second(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        Self {
            interval: SECOND.div_ceil(u64::from(rate.get())),
            burst: burst.get(),
        }
    }

    /// In which all of a burst is earned.
    pub(super) fn whole(self) -> u64 {
        self.interval.saturating_mul(u64::from(self.burst))
    }

    /// The furthest that a row may lie ahead and still count.
    pub(super) fn furthest(self) -> u64 {
        self.whole().saturating_add(ASTRAY)
    }

    /// Take up to `cells` at `now` where `before` says what is owed; what is owed then.
    pub(super) fn take(self, before: Option<u64>, cells: u32, now: u64) -> (Taken, u64) {
        let counts = now..=now.saturating_add(self.furthest());
        let from = before.filter(|owed| counts.contains(owed)).unwrap_or(now);
        let room = now.saturating_add(self.whole()).saturating_sub(from) / self.interval.max(1);
        let given = cells.min(u32::try_from(room).unwrap_or(u32::MAX));
        let owed = from.saturating_add(self.interval.saturating_mul(u64::from(given)));
        let again = owed
            .saturating_add(self.interval)
            .saturating_sub(self.whole());
        let taken = Taken {
            cells: given,
            wait: Duration::from_nanos(again.saturating_sub(now)),
        };
        (taken, owed)
    }
}

// === impl TakeCells ===

impl Change for TakeCells {
    type Output = Taken;
}

/// A time of the store's clock in nanoseconds.
pub(super) fn nanoseconds(time: Timestamp) -> u64 {
    time.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rate_is_never_exceeded_by_rounding() {
        for rate in [1, 3, 7, 5_000, 999_999, 10_000_000] {
            let rate = NonZeroU32::new(rate).unwrap();
            let limit = RateLimit::per_second(rate, rate);
            assert!(limit.interval * u64::from(rate.get()) >= SECOND, "{rate}");
        }
    }

    #[test]
    fn row_of_a_clock_that_was_set_back_counts_for_nothing() {
        let limit = RateLimit {
            interval: SECOND,
            burst: 3,
        };
        let (now, whole) = (1_000 * SECOND, 3 * SECOND);
        // Another host's statement may have begun a little later than this one.
        let (taken, owed) = limit.take(Some(now + whole + ASTRAY), 1, now);
        assert_eq!((taken.cells, owed), (0, now + whole + ASTRAY));
        let (taken, owed) = limit.take(Some(now + whole + ASTRAY + 1), 1, now);
        assert_eq!((taken.cells, owed), (1, now + SECOND));
    }
}
