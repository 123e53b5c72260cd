//! When a canary is promoted or rolled back, and when a revision is taken out.

use std::time::Duration;

/// What sticks a caller to one side of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sticky {
    /// The workload, and the person it names: in the header `zeropass-sticky`, else
    /// the ceremony or user of the path, else nobody in particular.
    Person,
    /// The workload alone.
    Workload,
}

/// The thresholds of `[rollout]`. Rates are per cent of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How long a call counts.
    pub window: Duration,
    /// Bad calls of a kind without which no rate is judged.
    pub least_failures: u32,
    /// Calls of the canary before its refusals and its speed are judged.
    pub least_calls: u32,
    /// Traps, in points above the stable revision's.
    pub trap_percent: u32,
    /// Errors, in points above the stable revision's.
    pub error_percent: u32,
    /// Refusals, in points above the stable revision's.
    pub denial_percent: u32,
    /// The canary's slow calls (the 90th of 100), in per cent of the stable revision's.
    pub latency_percent: u32,
    /// Healthy calls after which the canary takes over; 0 for never by itself.
    pub promote_after: u64,
    /// Traps of the stable revision within the breaker's window that take it out; 0
    /// for never.
    pub breaker_traps: u32,
    /// Of how many calls, in per cent, they must be at least.
    pub breaker_percent: u32,
    /// How long a trap counts for the breaker.
    pub breaker_window: Duration,
    /// What sticks a caller to its side.
    pub sticky: Sticky,
    /// How often the shared state is looked at.
    pub follow: Duration,
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            least_failures: 3,
            least_calls: 30,
            trap_percent: 1,
            error_percent: 5,
            denial_percent: 20,
            latency_percent: 300,
            promote_after: 1_000,
            breaker_traps: 10,
            breaker_percent: 20,
            breaker_window: Duration::from_secs(30),
            sticky: Sticky::Person,
            follow: Duration::from_secs(1),
        }
    }
}
