//! `zeropass store import`.

use std::io::Write;
use std::path::Path;

use super::Migrator;
use super::backup::verdicts;
use crate::audit::{SealKey, Turn};
use crate::cli::audit::operators::recorded_in;
use crate::cli::caution::Caution;
use crate::config::{Config, Store};
use crate::host::store::history;
use crate::store::postgres;

/// Move a SQLite store into the empty database, and print count and digest of each table.
/// The host that wrote it must be stopped, and its audit log must verify, before and after.
pub(super) async fn import(
    migrator: &Migrator,
    from: &Path,
    caution: Caution,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let (config, server) = (Config::load(&migrator.config)?, migrator.server()?);
    // Held to the end: the host does not run, and does not start meanwhile.
    let _host = SealKey::open(&config.keys.folder, &config.audit.log, Turn::Now)?;
    let old = Store::Sqlite(from.to_owned());
    if !verified(&config, &old, out).await? {
        writeln!(
            out,
            "the log of {} is not good: nothing was imported",
            from.display()
        )?;
        return Ok(false);
    }
    let what = format!(
        "all of {} is written into the empty database {} on {}",
        from.display(),
        server.database,
        server.host
    );
    if caution.dry_run() {
        writeln!(out, "would import: {what}")?;
        return Ok(true);
    }
    caution.confirmed(&what)?;
    // A log that has moved must not go on where it was.
    let there = history(&config.store).await?.logs().await?;
    anyhow::ensure!(
        there.is_empty(),
        "the database has audit logs already ({}); import into an empty database",
        there.join(", ")
    );
    let login = migrator.login();
    // In the log that moves along.
    let action = (
        "store.import",
        format!("database {} on {}", server.database, server.host),
    );
    let work = async { Ok(postgres::import(&server, &login, from, |_| {}).await?) };
    let tables = recorded_in(&config, &old, &[action], "import-failed", work).await?;
    writeln!(
        out,
        "{:<14} {:>10}  sha256, the same in both",
        "table", "rows"
    )?;
    for table in &tables {
        writeln!(
            out,
            "{:<14} {:>10}  {}",
            table.table, table.rows, table.digest
        )?;
    }
    verified(&config, &config.store, out).await
}

/// Whether the logs of a store are what was sealed.
async fn verified(
    config: &Config,
    store: &Store,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let source = history(store).await?;
    let mut good = true;
    for verdict in verdicts(&*source, config).await? {
        match &verdict.bad {
            None => writeln!(out, "OK    {}: {} records", verdict.log, verdict.records)?,
            Some(bad) => {
                writeln!(out, "FAIL  {}: {bad}", verdict.log)?;
                good = false;
            }
        }
    }
    Ok(good)
}
