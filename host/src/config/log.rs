//! `[log]`: how the host's log looks and how much of it there is.

use tracing_subscriber::EnvFilter;

use super::format::{Choice, Parsed};
use super::section::Section;

/// The log on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For machines or for people.
    pub format: LogFormat,
    /// Directives that `tracing_subscriber::EnvFilter` is known to accept.
    pub filter: String,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per event.
    Json,
    /// For a person at a terminal.
    Pretty,
}

const FORMAT: Choice<LogFormat> =
    Choice(&[("json", LogFormat::Json), ("pretty", LogFormat::Pretty)]);

const FILTER: Parsed<String> = Parsed {
    expected: "log directives such as \"info\" or \"info,zeropass::policy=debug\"",
    parse: |text| {
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Log> {
    let format = section.or("format", r#""json""#, FORMAT);
    let filter = section.or("filter", r#""info""#, FILTER);
    Some(Log {
        format: format?,
        filter: filter?,
    })
}
