//! `zeropass store`: prepare a database, change its schema, move a store.

mod backup;
mod import;
mod migrate;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::cli::caution::Caution;
use crate::config::{Config, Postgres, Store};
use crate::store::postgres::{self, Login, Server};

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Print the SQL that makes the database roles, for an administrator to review and run.
    Roles,
    /// Bring the schema in PostgreSQL up to date.
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
    /// in PostgreSQL, and compare counts and digests.
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

/// The database of a configuration, and the migrator's certificate. No host's configuration
/// names the latter: what may change the schema is kept away from what serves.
#[derive(Debug, Args)]
pub struct Migrator {
    /// The configuration file of a host, which names the database.
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// The certificate of the role zeropass_migrator, PEM.
    #[arg(long, value_name = "FILE")]
    pub(super) certificate: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
}

/// Do it; true when all is well.
///
/// # Errors
/// What keeps it from being done, with the mend.
pub(super) fn run(command: StoreCommand, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    match command {
        StoreCommand::Roles => out.write_all(postgres::roles().as_bytes())?,
        StoreCommand::Migrate { migrator, caution } => migrate::migrate(&migrator, caution, out)?,
        StoreCommand::Backup(command) => super::block_on(command.run(out))?,
        StoreCommand::Restore(command) => return super::block_on(command.run(out)),
        StoreCommand::Import {
            from,
            migrator,
            caution,
        } => import::import(&migrator, &from, caution, out)?,
    }
    Ok(true)
}

// === impl Migrator ===

impl Migrator {
    fn server(&self) -> anyhow::Result<Server> {
        match Config::load(&self.config)?.store {
            Store::Postgres(postgres) => Ok(server(&postgres)),
            Store::Sqlite(path) => anyhow::bail!(
                "the store is {}, which is brought up to date when the host opens it; \
                 there is no [store.postgres] in {}",
                path.display(),
                self.config.display()
            ),
        }
    }

    fn login(&self) -> Login {
        Login {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            connections: 1,
        }
    }
}

/// The file of a SQLite store, for what is done to files.
fn sqlite(config: &Config) -> anyhow::Result<&Path> {
    match &config.store {
        Store::Sqlite(path) => Ok(path),
        Store::Postgres(_) => anyhow::bail!(
            "the store is in PostgreSQL: copy and restore it with the database's own tools"
        ),
    }
}

/// Where a configured database is.
pub(super) fn server(postgres: &Postgres) -> Server {
    Server {
        host: postgres.host.clone(),
        port: postgres.port,
        database: postgres.database.clone(),
        server_name: postgres.server_name.clone(),
        ca: postgres.ca.clone(),
    }
}
