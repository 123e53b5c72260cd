//! `[audit]`: the log of this host, and the second place that vouches for it.

use std::path::PathBuf;
use std::time::Duration;

use super::format::{Count, Parsed, Time};
use super::path::Location;
use super::section::Section;

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The name of this host's log; no two hosts of one database share it.
    pub log: String,
    /// Where signed checkpoints are appended; its folder exists.
    pub checkpoints: PathBuf,
    /// Records that call for a checkpoint at once.
    pub checkpoint_records: usize,
    /// The longest that a record waits for a checkpoint.
    pub checkpoint_interval: Duration,
}

const LOG: Parsed<String> = Parsed {
    expected: "a name of 1 to 40 lower-case letters, digits and hyphens, other than \"operators\"",
    parse: |text| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 40 || !text.chars().all(plain) || text == "operators" {
            return Err(String::new());
        }
        Ok(text.to_owned())
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Audit> {
    let log = section.or("log", r#""host""#, LOG);
    let checkpoints = section.or("checkpoints", r#""audit.checkpoints""#, Location::NewFile);
    let records = section.or("checkpoint-records", "4096", Count(1..=1_000_000));
    let interval = Time(Duration::from_millis(10)..=Duration::from_secs(3600));
    let interval = section.or("checkpoint-interval", r#""10s""#, interval);
    Some(Audit {
        log: log?,
        checkpoints: checkpoints?,
        checkpoint_records: records?,
        checkpoint_interval: interval?,
    })
}
