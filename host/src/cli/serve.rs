//! `zeropass serve`: the host.

use std::path::Path;

use crate::config::{Config, LogFormat};
use crate::host::Host;
use crate::server::drain::{Drained, Signals};
use crate::telemetry;

/// Run the host until SIGTERM or SIGINT; true when it drained cleanly.
///
/// # Errors
/// What kept it from starting.
pub fn serve(file: &Path) -> anyhow::Result<bool> {
    let config = Config::load(file)?;
    let format = match config.log.format {
        LogFormat::Json => telemetry::Format::Json,
        LogFormat::Pretty => telemetry::Format::Pretty,
    };
    telemetry::init(format, &config.log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let host = Host::start(&config).await?;
        // First: whoever reads that it serves may end it.
        let signals = Signals::install()?;
        tracing::info!(address = %host.local_address()?, "serving");
        Ok(match host.serve(signals).await {
            Drained::Clean => {
                tracing::info!("stopped");
                true
            }
            Drained::Forced(left) => {
                tracing::warn!(left, "stopped at the drain deadline with work unfinished");
                false
            }
        })
    })
}
