//! Logs and metrics. Logs: one subscriber for the process, JSON for machines or pretty for people.
//!
//! Events carry the request's id as a field. Nothing here filters secrets out:
//! the types that hold them print none.

pub mod metrics;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text for a terminal.
    Pretty,
}

/// Install the subscriber. `filter` is in the syntax of `tracing`'s `EnvFilter`,
/// for example `info` or `zeropass=debug,component=info`.
///
/// # Errors
/// When the filter does not parse, or a subscriber is already installed.
pub fn init(format: Format, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("log.filter = \"{filter}\": {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    match format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Pretty => builder.compact().try_init(),
    }
    .map_err(|error| anyhow::anyhow!("log: {error}"))
}
