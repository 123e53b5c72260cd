//! `zeropass audit prune`: retention.
//!
//! PCI DSS 10.5.1 asks for twelve months: nothing younger than 365 days is cut,
//! whatever is asked for, and the database refuses it too. Of each log only a
//! beginning is cut, only what verified just before, and only what a checkpoint has
//! covered for 365 days; the leaves stay, so that the log still verifies. Logs whose keys
//! are elsewhere, as those of other hosts are, are left alone.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::dates::{moment, told};
use super::read_key;
use crate::audit::merkle::Hash;
use crate::audit::retention::{PRUNE, YEAR, is_operators, prune_target, sealed_for_a_year};
use crate::audit::verify::{RESTORE, UNSEALED, Witness, verify};
use crate::audit::{Entry, Source, SourceError};
use crate::cli::caution::Caution;
use crate::cli::store::database::server;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::{Config, Store};
use crate::store::postgres::{self, Login};
use crate::store::sqlite;

/// Options of the command.
#[derive(Debug, Args)]
pub struct Prune {
    /// The configuration of the host.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Cut records from before this moment: RFC 3339, or a date (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Timestamp,
    #[command(flatten)]
    caution: Caution,
    /// In PostgreSQL: the certificate of the role zeropass_migrator, PEM. No role of a
    /// host may cut.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

/// Who cuts, and where.
enum Cutter<'a> {
    /// Whoever owns the file.
    File(&'a Path),
    /// The migrator of a database.
    Migrator(postgres::Server, Login),
}

// === impl Prune ===

impl Prune {
    pub(super) async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        let config = Config::load(&self.config)?;
        let now = SystemClock.now();
        let latest = now.saturating_sub(YEAR);
        anyhow::ensure!(
            self.before <= latest,
            "--before {}: the last 365 days stay; the latest possible is {}",
            told(self.before),
            told(latest)
        );
        let cutter = self.cutter(&config)?;
        let source = super::history(&config).await?;
        let keys = super::keys_in(&config.keys.folder)?;
        let keys = keys
            .iter()
            .map(|file| read_key(file))
            .collect::<Result<_, _>>()?;
        let witness = Witness::read(&[&config.audit.checkpoints], keys)?;
        let mut plan = Vec::new();
        for verdict in verify(&*source, &witness, now, &mut |_| {}).await? {
            // Nothing vouches for what was there before logs were sealed, so it stays.
            if verdict.log == UNSEALED {
                continue;
            }
            if !witness.knows(&verdict.log) {
                writeln!(out, "{}: left alone, its key is not here", verdict.log)?;
                continue;
            }
            if let Some(bad) = verdict.bad {
                writeln!(out, "FAIL  {}: {bad}; nothing was cut", verdict.log)?;
                return Ok(false);
            }
            let old = sealed_for_a_year(witness.checkpoints(&verdict.log), now);
            let most = old.min(verdict.sealed);
            let leaves = beginning(&*source, &verdict.log, self.before, most).await?;
            plan.push((verdict.log, leaves));
        }
        plan.retain(|(_, leaves)| !leaves.is_empty());
        for (log, leaves) in &plan {
            let (first, last) = (leaves.first(), leaves.last());
            if let (Some((first, _)), Some((last, _))) = (first, last) {
                writeln!(out, "{log}: records {first} to {last}")?;
            }
        }
        if plan.is_empty() {
            writeln!(out, "nothing is old enough")?;
        }
        if self.caution.dry_run() || plan.is_empty() {
            return Ok(true);
        }
        self.caution.confirmed("these records are cut")?;
        let targets: Vec<_> = plan
            .iter()
            .map(|(log, leaves)| {
                let last = leaves.last().map_or(0, |(seq, _)| *seq);
                (PRUNE, prune_target(log, last))
            })
            .collect();
        super::recorded(&config, &targets, "cut-failed", async {
            for (log, leaves) in &plan {
                match &cutter {
                    Some(Cutter::File(file)) => sqlite::prune(file, log, leaves).await?,
                    Some(Cutter::Migrator(server, login)) => {
                        postgres::prune(server, login, log, leaves).await?;
                    }
                    None => {}
                }
            }
            Ok(true)
        })
        .await
    }

    /// None for a dry run that needs nobody.
    fn cutter<'a>(&self, config: &'a Config) -> anyhow::Result<Option<Cutter<'a>>> {
        let login = self.certificate.clone().zip(self.key.clone());
        match (&config.store, login) {
            (Store::Sqlite(file), None) => Ok(Some(Cutter::File(file))),
            (Store::Sqlite(file), Some(_)) => anyhow::bail!(
                "--certificate and --key are for PostgreSQL; the store is {}",
                file.display()
            ),
            (Store::Postgres(postgres), Some((certificate, key))) => {
                let login = Login {
                    certificate,
                    key,
                    connections: 1,
                };
                Ok(Some(Cutter::Migrator(server(postgres), login)))
            }
            (Store::Postgres(_), None) if self.caution.dry_run() => Ok(None),
            (Store::Postgres(_), None) => anyhow::bail!(
                "the store is in PostgreSQL, where no role of a host may cut: give --certificate and --key of the role zeropass_migrator"
            ),
        }
    }
}

/// The places and leaves of the records at the beginning of a log that are all from
/// before a moment, among the first `most`. What vouches for other logs stays: the
/// records of cuts and restores.
async fn beginning(
    source: &dyn Source,
    log: &str,
    before: Timestamp,
    most: u64,
) -> Result<Vec<(u64, Hash)>, SourceError> {
    let (mut leaves, mut after) = (Vec::new(), 0);
    let vouches = |action: &str| is_operators(log) && [PRUNE, RESTORE].contains(&action);
    loop {
        let entries = source.entries(log, after, 4096).await?;
        let Some(last) = entries.last() else {
            return Ok(leaves);
        };
        after = last.seq();
        for entry in entries {
            match entry {
                Entry::Record(record)
                    if record.time < before && record.seq <= most && !vouches(&record.action) =>
                {
                    leaves.push((record.seq, record.leaf()));
                }
                Entry::Pruned { .. } => {}
                _ => return Ok(leaves),
            }
        }
    }
}
