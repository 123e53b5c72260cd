//! `zeropass store migrate`.

use std::io::Write;

use super::Migrator;
use crate::store::postgres;

/// Bring the schema up to date and say what was done.
pub(super) fn migrate(migrator: &Migrator, out: &mut dyn Write) -> anyhow::Result<()> {
    let server = migrator.server()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
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
