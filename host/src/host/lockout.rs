//! The lock-out of `[lockout]` beside what PCI DSS asks for.

use std::time::Duration;

use crate::config::{Config, Lockout};

/// PCI DSS v4.0.1 requirement 8.3.4: at most so many failures,
const FAILURES: u32 = 10;
/// and for so long at least.
const DURATION: Duration = Duration::from_secs(30 * 60);

/// Warn when this host counts failures and locks later, or for a shorter time, than the
/// standard wants. Whom no auditor asks may want it so.
pub(super) fn judge(config: &Config) {
    let Lockout {
        failures, duration, ..
    } = config.lockout;
    // Where passkey-manager runs they are counted.
    if config.components.passkey_manager.is_some() && is_weaker(config.lockout) {
        tracing::warn!(
            failures,
            ?duration,
            "[lockout] is weaker than PCI DSS requirement 8.3.4: expected failures of 1 to 10 and a duration of 30m or more, where that standard is to be met"
        );
    }
}

fn is_weaker(lockout: Lockout) -> bool {
    !(1..=FAILURES).contains(&lockout.failures) || lockout.duration < DURATION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lock_a_late_one_and_a_short_one_are_weaker_than_the_standard() {
        for (failures, minutes, weaker) in [
            (10, 30, false),
            (1, 24 * 60, false),
            (0, 30, true),
            (11, 30, true),
            (10, 29, true),
        ] {
            let lockout = Lockout {
                failures,
                window: DURATION,
                duration: Duration::from_secs(minutes * 60),
            };
            assert_eq!(is_weaker(lockout), weaker, "{lockout:?}");
        }
    }
}
