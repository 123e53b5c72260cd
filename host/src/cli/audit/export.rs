//! `zeropass audit export`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;

use super::within::progress;
use crate::audit::export::export;
use crate::cli::new_file::NewFile;
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
        let file = self.out.as_deref().map(NewFile::create).transpose()?;
        let target = self.log.clone().unwrap_or_else(|| "all logs".into());
        super::recorded(
            &config,
            &[("audit.export", target)],
            "export-failed",
            self.write(&config, file, out),
        )
        .await
    }

    async fn write(
        &self,
        config: &Config,
        file: Option<NewFile>,
        out: &mut (dyn Write + Send),
    ) -> anyhow::Result<()> {
        let source = super::history(config).await?;
        let logs = super::within::logs(&*source, self.log.as_deref()).await?;
        let mut records = 0;
        for log in &logs {
            records += source.head(log).await?;
        }
        let bar = progress("exporting", records);
        let mut count = |read| bar.inc(read);
        match file {
            Some(mut file) => {
                let mut lines = BufWriter::with_capacity(1 << 20, file.file());
                export(&*source, &logs, &mut lines, &mut count).await?;
                drop(lines);
                file.keep()?;
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
