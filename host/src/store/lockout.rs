//! How failed sign-ins are counted and lock accounts, alike for all databases.
//!
//! A window begins with its first failure. The failure that fills it locks the
//! account; while it is locked nothing is counted, so that nobody can keep an
//! account locked for longer than one lock at a time.

use crate::clock::Timestamp;

/// When failed sign-ins lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many failures lock it, at least one.
    pub failures: u32,
    /// Within so many milliseconds from the first of them.
    pub window: u64,
    /// For so many milliseconds.
    pub duration: u64,
}

/// What a failed sign-in did to its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It was counted.
    Counted,
    /// It was counted, and was one too many: the account is locked from now on.
    Locks {
        /// Until then.
        until: Timestamp,
    },
    /// The account was locked before.
    Locked {
        /// Until then.
        until: Timestamp,
    },
}

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
