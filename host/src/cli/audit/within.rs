//! Where a log is, and what vouches for it: from a configuration, or from files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::audit::Source;
use crate::audit::export::JsonLines;
use crate::audit::note::VerifierKey;
use crate::audit::verify::Witness;
use crate::config::Config;
use crate::store::sqlite::SqliteHistory;

/// A log and its witnesses.
#[derive(Debug, Args)]
pub(super) struct Within {
    /// The configuration of the host; the other options take its places.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A SQLite store, or a copy of one.
    #[arg(long, value_name = "FILE", conflicts_with = "export")]
    database: Option<PathBuf>,
    /// An export in JSON Lines.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// A file of checkpoints; repeat it for those of other hosts. Leaves are looked for
    /// beside each.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// A log's public key (audit-*.pub); repeat it for more, also for those of other hosts.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
}

/// What the options lead to.
pub(super) struct Opened {
    pub(super) source: Box<dyn Source>,
    pub(super) witness: Witness,
}

// === impl Within ===

impl Within {
    /// The configuration, when the log is that of its host and no copy.
    pub(super) fn own(&self) -> anyhow::Result<Option<Config>> {
        match (&self.config, &self.database, &self.export) {
            (Some(config), None, None) => Ok(Some(Config::load(config)?)),
            _ => Ok(None),
        }
    }

    pub(super) async fn open(&self) -> anyhow::Result<Opened> {
        let config = self.config.as_deref().map(Config::load).transpose()?;
        let source: Box<dyn Source> = match (&self.export, &self.database, &config) {
            (Some(export), _, _) => Box::new(JsonLines::open(export)?),
            (None, Some(database), _) => Box::new(SqliteHistory::open(database).await?),
            (None, None, Some(config)) => history(config).await?,
            (None, None, None) => {
                anyhow::bail!(
                    "say where the log is: --config FILE, --database FILE or --export FILE"
                )
            }
        };
        let mut checkpoints = self.checkpoints.clone();
        if let (true, Some(config)) = (checkpoints.is_empty(), &config) {
            checkpoints.push(config.audit.checkpoints.clone());
        }
        anyhow::ensure!(
            !checkpoints.is_empty(),
            "say where the checkpoints are: --checkpoints FILE, or --config FILE"
        );
        for file in &checkpoints {
            anyhow::ensure!(
                file.is_file(),
                "{}: there is no such file of checkpoints",
                file.display()
            );
        }
        let mut files = self.key.clone();
        if let (true, Some(config)) = (files.is_empty(), &config) {
            files = keys_in(&config.keys.folder)?;
        }
        anyhow::ensure!(
            !files.is_empty(),
            "say which public keys to trust: --key FILE (audit-*.pub in the keys folder), or --config FILE"
        );
        let keys = files
            .iter()
            .map(|file| read_key(file))
            .collect::<Result<_, _>>()?;
        Ok(Opened {
            source,
            witness: Witness::read(&checkpoints, keys)?,
        })
    }
}

/// The logs of the configured store.
pub(in crate::cli) async fn history(config: &Config) -> anyhow::Result<Box<dyn Source>> {
    crate::host::store::history(&config.store).await
}

/// The logs of a store, or the one that is wanted.
///
/// # Errors
/// It is not there: nothing can be said of it.
pub(super) async fn logs(source: &dyn Source, wanted: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut logs = source.logs().await?;
    if let Some(wanted) = wanted {
        logs.retain(|log| log == wanted);
        anyhow::ensure!(!logs.is_empty(), "there is no log {wanted}");
    }
    Ok(logs)
}

/// The public keys of all logs, those of past ones too.
pub(in crate::cli) fn keys_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with("audit-") && name.ends_with(".pub") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub(in crate::cli) fn read_key(file: &Path) -> anyhow::Result<VerifierKey> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    text.trim()
        .parse()
        .with_context(|| file.display().to_string())
}

/// A bar on a terminal, nothing elsewhere. `records` is how many are expected.
pub(in crate::cli) fn progress(what: &'static str, records: u64) -> ProgressBar {
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(records).with_message(what);
    let form = "{msg} [{bar:32}] {human_pos} of {human_len} records, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
