//! `[lockout]`: how many failed sign-ins an account may have.

use std::time::Duration;

use super::format::{Count, Time};
use super::section::Section;

/// When failed sign-ins lock an account (PCI DSS v4.0.1 requirement 8.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// So many lock it. 0: none do, and none are counted.
    pub failures: u32,
    /// From the first of them.
    pub window: Duration,
    /// From the last of them.
    pub duration: Duration,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Lockout> {
    let time = || Time(Duration::from_secs(60)..=Duration::from_secs(86_400));
    let failures = section.or("failures", "10", Count(0..=1000));
    let window = section.or("window", r#""30m""#, time());
    let duration = section.or("duration", r#""30m""#, time());
    Some(Lockout {
        failures: failures?,
        window: window?,
        duration: duration?,
    })
}
