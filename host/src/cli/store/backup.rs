//! `zeropass store backup` and `zeropass store restore`: SQLite.
//!
//! A backup is a whole copy at one moment, made while the host runs. A restore takes a copy
//! of it beside the store and checks the audit log of that: its records must be those that
//! were sealed. The very file that was checked takes the store's place. A
//! copy is older than the last checkpoint, so that its logs end too early; the
//! restore retires their keys, and what follows is in new logs, whose first record
//! says where the old ones end.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::audit::retention::OPERATORS;
use crate::audit::verify::{Bad, RESTORE, Verdict, Witness, restore_target, verify};
use crate::audit::{SealKey, Source, Turn};
use crate::cli::audit::operators::{note, recorded};
use crate::cli::audit::within::{keys_in, read_key};
use crate::cli::caution::Caution;
use crate::cli::new_file::NewFile;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::store::sqlite::{SqliteHistory, bring_up_to_date, copy};

/// Options of `store backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Where the copy goes. Must not exist.
    file: PathBuf,
    /// The configuration of the host.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Options of `store restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The copy.
    file: PathBuf,
    /// The configuration of the host, which must not run.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    caution: Caution,
}

// === impl Backup ===

impl Backup {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let store = super::sqlite(&config)?;
        // Ours alone from the first byte on: SQLite fills an empty file.
        let file = NewFile::create(&self.file)?;
        let action = ("store.backup", "store".into());
        recorded(&config, &[action], "copy-failed", async {
            copy(store, &self.file).await?;
            Ok(file.keep()?)
        })
        .await?;
        writeln!(out, "{}", self.file.display())?;
        Ok(())
    }
}

// === impl Restore ===

impl Restore {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        let config = Config::load(&self.config)?;
        let (store, folder) = (super::sqlite(&config)?, &config.keys.folder);
        // Held to the end: no host starts meanwhile.
        let host = SealKey::open(folder, &config.audit.log, Turn::Now)?;
        let operators = SealKey::open(folder, OPERATORS, Turn::Wait)?;
        let restoring = Restoring::copy(&self.file, store)?;
        let checked = check(&restoring.0, &config).await;
        let verdicts = checked.with_context(|| {
            let file = self.file.display();
            format!("{file}, a copy of which is looked at, is no store that can be checked")
        })?;
        let mut good = true;
        for verdict in &verdicts {
            match &verdict.bad {
                None => writeln!(out, "OK    {}: {} records", verdict.log, verdict.records)?,
                Some(Bad::CutTail { has, had }) => writeln!(
                    out,
                    "OK    {}: {has} records; {had} were sealed, the later ones are not in this copy",
                    verdict.log
                )?,
                Some(bad) => {
                    writeln!(out, "FAIL  {}: {bad}", verdict.log)?;
                    good = false;
                }
            }
        }
        if !good {
            writeln!(out, "the copy was altered: it is not restored")?;
            return Ok(false);
        }
        let aside = aside(store);
        let what = if store.exists() {
            format!(
                "{} is set aside as {}, and the copy takes its place",
                store.display(),
                aside.display()
            )
        } else {
            format!(
                "the copy becomes {}, and there is none to set aside",
                store.display()
            )
        };
        if self.caution.dry_run() {
            writeln!(out, "would restore: {what}")?;
            return Ok(true);
        }
        self.caution.confirmed(&what)?;
        let cut = cut_logs(&verdicts);
        let was = restoring.put_in_place(store, &aside)?;
        for (key, log) in [
            (host, &config.audit.log),
            (operators, &OPERATORS.to_owned()),
        ] {
            let id = key.log_id().to_owned();
            if cut.iter().any(|(log, _)| *log == id) {
                key.retire()?;
                writeln!(out, "log {log}: {id} ends here, a new one follows")?;
            }
        }
        let targets: Vec<_> = cut
            .iter()
            .map(|(log, has)| (RESTORE, restore_target(log, *has)))
            .collect();
        let whole = [(RESTORE, "store".to_owned())];
        note(&config, if targets.is_empty() { &whole } else { &targets }).await?;
        match was {
            true => writeln!(
                out,
                "restored; the store from before is {}",
                aside.display()
            )?,
            false => writeln!(out, "restored; there was no store before")?,
        }
        Ok(true)
    }
}

async fn check(copy: &Path, config: &Config) -> anyhow::Result<Vec<Verdict>> {
    // It may be of an earlier version.
    bring_up_to_date(copy).await?;
    let history = SqliteHistory::open(copy).await?;
    let checked = verdicts(&history, config).await;
    history.close().await;
    checked
}

/// What comes of verifying these logs with the keys and checkpoints of a host.
pub(super) async fn verdicts(source: &dyn Source, config: &Config) -> anyhow::Result<Vec<Verdict>> {
    let keys = keys_in(&config.keys.folder)?;
    let keys = keys
        .iter()
        .map(|file| read_key(file))
        .collect::<Result<_, _>>()?;
    let witness = Witness::read(&[&config.audit.checkpoints], keys)?;
    Ok(verify(source, &witness, SystemClock.now(), &mut |_| {}).await?)
}

fn cut_logs(verdicts: &[Verdict]) -> Vec<(String, u64)> {
    verdicts
        .iter()
        .filter_map(|verdict| match verdict.bad {
            Some(Bad::CutTail { has, .. }) => Some((verdict.log.clone(), has)),
            _ => None,
        })
        .collect()
}

/// The store's own name with the moment behind it.
fn aside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(format!(".before-{}", uuid::Uuid::now_v7().simple()));
    name.into()
}

/// A file of SQLite's beside another.
fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A copy beside the store, so that the rename is on one file system. It goes unless it is
/// put in place.
struct Restoring(PathBuf);

impl Restoring {
    fn copy(file: &Path, store: &Path) -> anyhow::Result<Self> {
        let beside = with(file, "-wal");
        let left = std::fs::metadata(&beside).is_ok_and(|found| found.len() > 0);
        anyhow::ensure!(
            !left,
            "{}: changes of {} are in it that a copy would leave behind; make backups with `zeropass store backup`",
            beside.display(),
            file.display()
        );
        let mut from = File::open(file).with_context(|| file.display().to_string())?;
        let copy = Self(with(store, ".restoring"));
        copy.remove();
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&copy.0)
            .with_context(|| copy.0.display().to_string())?;
        std::io::copy(&mut from, &mut to)?;
        to.sync_all()?;
        Ok(copy)
    }

    /// Whether there was a store, which is set aside.
    fn put_in_place(self, store: &Path, aside: &Path) -> anyhow::Result<bool> {
        let was = store.exists();
        let beside = with(&self.0, "-wal");
        let left = std::fs::metadata(&beside).map_or(0, |found| found.len());
        anyhow::ensure!(
            left == 0,
            "{}: what brings the copy up to date could not be brought into it; is the disk full? Nothing was restored",
            beside.display()
        );
        // Reading it may have left these behind, with nothing in them.
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(with(&self.0, suffix));
        }
        // The database with its write-ahead log, whatever there is of it.
        for suffix in ["", "-wal", "-shm"] {
            let old = with(store, suffix);
            if old.exists() {
                std::fs::rename(&old, with(aside, suffix))
                    .with_context(|| old.display().to_string())?;
            }
        }
        std::fs::rename(&self.0, store).with_context(|| store.display().to_string())?;
        if let Some(folder) = store.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(was)
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(with(&self.0, suffix));
        }
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.remove();
    }
}
