//! `[rollout]`: when canaries are promoted or rolled back, and when a revision that
//! crash-loops is taken out. Rates are whole per cent of calls.

use std::time::Duration;

use super::format::{Choice, Count, Time};
use super::section::Section;

/// The rules of rollouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// How long a call counts.
    pub window: Duration,
    /// Bad calls of a kind without which no rate is judged.
    pub least_failures: u32,
    /// Calls of a canary before its refusals and its speed are judged.
    pub least_calls: u32,
    /// Traps, in points above the stable revision's.
    pub trap_percent: u32,
    /// Errors, in points above the stable revision's.
    pub error_percent: u32,
    /// Refusals, in points above the stable revision's.
    pub denial_percent: u32,
    /// A canary's slow calls, in per cent of the stable revision's.
    pub latency_percent: u32,
    /// Healthy calls after which a canary takes over; 0 for never by itself.
    pub promote_after: u64,
    /// Traps that take a stable revision out; 0 for never.
    pub breaker_traps: u32,
    /// Of how many calls, in per cent, they must be at least.
    pub breaker_percent: u32,
    /// How long a trap counts for that.
    pub breaker_window: Duration,
    /// What sticks a caller to one side of a canary.
    pub sticky: RolloutSticky,
    /// How often the shared state is looked at.
    pub follow: Duration,
}

/// What sticks a caller to one side of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutSticky {
    /// The workload and the person.
    Person,
    /// The workload alone.
    Workload,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Rollout> {
    let window = || Time(Duration::from_secs(1)..=Duration::from_secs(86_400));
    let percent = || Count(0..=100);
    let sticky = Choice(&[
        ("person", RolloutSticky::Person),
        ("workload", RolloutSticky::Workload),
    ]);
    let counted = section.or("window", r#""60s""#, window());
    let least_failures = section.or("least-failures", "3", Count(1..=1_000_000));
    let least_calls = section.or("least-calls", "30", Count(1..=1_000_000));
    let trap_percent = section.or("trap-percent", "1", percent());
    let error_percent = section.or("error-percent", "5", percent());
    let denial_percent = section.or("denial-percent", "20", percent());
    let latency_percent = section.or("latency-percent", "300", Count(100..=100_000));
    let promote_after = section.or("promote-after", "1000", Count(0..=1_000_000_000));
    let breaker_traps = section.or("breaker-traps", "10", Count(0..=1_000_000));
    let breaker_percent = section.or("breaker-percent", "20", percent());
    let breaker_window = section.or("breaker-window", r#""30s""#, window());
    let sticky = section.or("sticky", r#""person""#, sticky);
    let follow = section.or(
        "follow",
        r#""1s""#,
        Time(Duration::from_millis(10)..=Duration::from_secs(3600)),
    );
    Some(Rollout {
        window: counted?,
        least_failures: least_failures?,
        least_calls: least_calls?,
        trap_percent: trap_percent?,
        error_percent: error_percent?,
        denial_percent: denial_percent?,
        latency_percent: latency_percent?,
        promote_after: promote_after?,
        breaker_traps: breaker_traps?,
        breaker_percent: breaker_percent?,
        breaker_window: breaker_window?,
        sticky: sticky?,
        follow: follow?,
    })
}
