//! `zeropass store migrate`.

use std::io::Write;

use super::Migrator;
use crate::cli::caution::Caution;
use crate::store::postgres::{self, Migrated};

/// Bring the schema up to date and say what was done.
///
/// A new database has nothing to lose; a schema that is in use does not go back.
pub(super) fn migrate(
    migrator: &Migrator,
    caution: Caution,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let server = migrator.server()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let plan = runtime.block_on(postgres::migration(&server, &migrator.login()))?;
    let Migrated { from, to } = plan;
    if from != to && caution.dry_run() {
        return Ok(writeln!(
            out,
            "the schema would go from version {from} to {to}"
        )?);
    }
    if from != to && from != 0 {
        caution.confirmed(&format!("the schema goes from version {from} to {to}"))?;
    }
    let done = runtime.block_on(postgres::migrate(&server, &migrator.login()))?;
    if done.from == done.to {
        writeln!(out, "the schema is at version {}: nothing to do", done.to)?;
    } else {
        writeln!(
            out,
            "the schema went from version {} to {}",
            done.from, done.to
        )?;
    }
    Ok(())
}
