//! `zeropass store`: prepare a database, change its schema, move a store.

mod backup;
pub(super) mod database;
mod import;
mod migrate;

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use self::database::{Migrator, sqlite};
use crate::cli::caution::Caution;
use crate::store::postgres;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Print the SQL that makes the database roles, for an administrator to review and run.
    Roles,
    /// Bring the schema in PostgreSQL up to date. Leaves an audit record, unless the database
    /// is new.
    Migrate {
        /// The database.
        #[command(flatten)]
        migrator: Migrator,
        /// Whether to ask.
        #[command(flatten)]
        caution: Caution,
    },
    /// Copy a SQLite store while the host runs. Leaves an audit record.
    Backup(backup::Backup),
    /// Put a copy in the place of a SQLite store, after its audit log was verified.
    /// Leaves an audit record.
    Restore(backup::Restore),
    /// Move the store of a host that has been stopped from SQLite into an empty database
    /// in PostgreSQL, and compare counts and digests. Its audit log must verify, before and
    /// after. Leaves an audit record.
    Import {
        /// The SQLite database.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        migrator: Migrator,
        /// Whether to ask.
        #[command(flatten)]
        caution: Caution,
    },
}

/// Do it; true when all is well.
///
/// # Errors
/// What keeps it from being done, with the mend.
pub(super) fn run(command: StoreCommand, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    match command {
        StoreCommand::Roles => out.write_all(postgres::roles().as_bytes())?,
        StoreCommand::Migrate { migrator, caution } => {
            return super::block_on(migrate::migrate(&migrator, caution, out));
        }
        StoreCommand::Backup(command) => super::block_on(command.run(out))?,
        StoreCommand::Restore(command) => return super::block_on(command.run(out)),
        StoreCommand::Import {
            from,
            migrator,
            caution,
        } => return super::block_on(import::import(&migrator, &from, caution, out)),
    }
    Ok(true)
}
