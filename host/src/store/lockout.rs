//! How failed sign-ins are counted, alike for all databases.
//!
//! A window begins with its first failure. The failure that fills it locks the
//! account; while it is locked nothing is counted, so that nobody can keep an
//! account locked for longer than one lock at a time.

use super::{Failed, LockoutPolicy};
use crate::clock::Timestamp;

/// The failures of one account, as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) count: u32,
    /// Of the first one.
    pub(super) since: Timestamp,
    pub(super) locked_until: Option<Timestamp>,
}

// === impl Counted ===

impl Counted {
    /// What one more failure makes of it; nothing where the account is locked already.
    pub(super) fn one_more(
        before: Option<Self>,
        policy: LockoutPolicy,
        now: Timestamp,
    ) -> (Failed, Option<Self>) {
        if let Some(until) = before.as_ref().and_then(|known| known.locked_until)
            && now < until
        {
            return (Failed::Locked { until }, None);
        }
        // A lock that is over, and a window that is over, begin anew.
        let going_on = before.filter(|known| {
            known.locked_until.is_none() && now < known.since.saturating_add(policy.window)
        });
        let (count, since) = match going_on {
            Some(known) => (known.count.saturating_add(1), known.since),
            None => (1, now),
        };
        let until = now.saturating_add(policy.duration);
        let locks = count >= policy.failures;
        let after = Self {
            count,
            since,
            locked_until: locks.then_some(until),
        };
        let failed = if locks {
            Failed::Locks { until }
        } else {
            Failed::Counted
        };
        (failed, Some(after))
    }
}
