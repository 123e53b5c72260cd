//! `zeropass store migrate`.

use std::io::Write;

use super::Migrator;
use crate::cli::audit::operators::note;
use crate::cli::caution::Caution;
use crate::config::Config;
use crate::store::postgres::{self, Migrated};

/// Bring the schema up to date and say what was done. The record of it follows: before,
/// there is no table for it, or one that this program does not know.
///
/// A new database has nothing to lose; a schema that is in use does not go back. It has no log
/// either, and gets none here: what a store that is imported brings along goes on in it, the
/// log of these operators too.
pub(super) async fn migrate(
    migrator: &Migrator,
    caution: Caution,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let server = migrator.server()?;
    let plan = postgres::migration(&server, &migrator.login()).await?;
    let Migrated { from, to } = plan;
    if from != to && caution.dry_run() {
        writeln!(out, "the schema would go from version {from} to {to}")?;
        return Ok(true);
    }
    if from != to && from != 0 {
        caution.confirmed(&format!("the schema goes from version {from} to {to}"))?;
    }
    let done = postgres::migrate(&server, &migrator.login()).await?;
    if done.from == done.to {
        writeln!(out, "the schema is at version {}: nothing to do", done.to)?;
        return Ok(true);
    }
    writeln!(
        out,
        "the schema went from version {} to {}",
        done.from, done.to
    )?;
    if done.from == 0 {
        return Ok(true);
    }
    let config = Config::load(&migrator.config)?;
    let what = format!("schema from {} to {}", done.from, done.to);
    if let Err(error) = note(&config, &[("store.migrate", what)]).await {
        writeln!(
            out,
            "this could not be recorded in the audit log: {error:#}"
        )?;
        return Ok(false);
    }
    Ok(true)
}
