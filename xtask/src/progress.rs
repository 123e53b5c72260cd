//! Progress lines with the time since the start: `[ 12s] building the host ...`.
//! They go to stderr, like cargo's own; stdout is for results.

use std::time::{Duration, Instant};

/// The clock of one command.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
}

// === impl Progress ===

impl Progress {
    /// Starts the clock.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Says what happens now, with the time since the start.
    pub fn line(&self, what: impl AsRef<str>) {
        eprintln!("[{:>4}] {}", seconds(self.start.elapsed()), what.as_ref());
    }

    /// The time since the start, in words.
    pub fn elapsed(&self) -> String {
        seconds(self.start.elapsed())
    }
}

/// `7s`, or `12m 5s` from a minute on.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => format!("{}m {}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_appear_when_there_are_some() {
        assert_eq!(seconds(Duration::from_millis(59_999)), "59s");
        assert_eq!(seconds(Duration::from_secs(725)), "12m 5s");
    }
}
