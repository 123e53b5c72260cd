//! `zeropass audit export`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::within::progress;
use crate::audit::export::export;
use crate::config::Config;

/// Options of the command.
#[derive(Debug, Args)]
pub struct Export {
    /// The configuration of the host.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the lines go; standard output without. Must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// This log alone.
    #[arg(long, value_name = "ID")]
    log: Option<String>,
}

// === impl Export ===

impl Export {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let mut file = match &self.out {
            Some(path) => {
                let mut options = OpenOptions::new();
                let opened = options.write(true).create_new(true).mode(0o600).open(path);
                Some(opened.with_context(|| path.display().to_string())?)
            }
            None => None,
        };
        let target = self.log.clone().unwrap_or_else(|| "all logs".into());
        super::recorded(
            &config,
            &[("audit.export", target)],
            "export-failed",
            self.write(&config, file.as_mut(), out),
        )
        .await
    }

    async fn write(
        &self,
        config: &Config,
        file: Option<&mut File>,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<()> {
        let source = super::history(config).await?;
        let mut logs = source.logs().await?;
        if let Some(wanted) = &self.log {
            logs.retain(|log| log == wanted);
            anyhow::ensure!(!logs.is_empty(), "there is no log {wanted}");
        }
        let mut records = 0;
        for log in &logs {
            records += source.head(log).await?;
        }
        let bar = progress("exporting", records);
        let mut count = |read| bar.inc(read);
        match file {
            Some(file) => {
                let mut lines = BufWriter::with_capacity(1 << 20, &mut *file);
                export(&*source, &logs, &mut lines, &mut count).await?;
                drop(lines);
                file.sync_all()?;
            }
            None => {
                let mut lines = BufWriter::with_capacity(1 << 16, out);
                export(&*source, &logs, &mut lines, &mut count).await?;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}
