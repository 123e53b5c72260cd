//! `zeropass store import`.

use std::io::Write;
use std::path::Path;

use super::Migrator;
use crate::cli::caution::Caution;
use crate::store::postgres;

/// Move a SQLite store into the empty database, and print count and digest of each table.
pub(super) fn import(
    migrator: &Migrator,
    from: &Path,
    caution: Caution,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let server = migrator.server()?;
    let what = format!(
        "all of {} is written into the empty database {} on {}",
        from.display(),
        server.database,
        server.host
    );
    if caution.dry_run() {
        return Ok(writeln!(out, "would import: {what}")?);
    }
    caution.confirmed(&what)?;
    let login = migrator.login();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tables = runtime.block_on(postgres::import(&server, &login, from, |_| {}))?;
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
    Ok(())
}
