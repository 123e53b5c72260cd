//! Where a configuration keeps its store, for commands.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Config, Postgres, Store};
use crate::store::postgres::{Login, Server};

/// The database of a configuration, and the migrator's certificate. No host's configuration
/// names the latter: what may change the schema is kept away from what serves.
#[derive(Debug, Args)]
pub struct Migrator {
    /// The configuration file of a host, which names the database.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) config: PathBuf,
    /// The certificate of the role zeropass_migrator, PEM.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) certificate: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: PathBuf,
}

// === impl Migrator ===

impl Migrator {
    pub(super) fn server(&self) -> anyhow::Result<Server> {
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

    pub(super) fn login(&self) -> Login {
        Login {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            connections: 1,
        }
    }
}

/// The file of a SQLite store, for what is done to files.
pub(super) fn sqlite(config: &Config) -> anyhow::Result<&Path> {
    match &config.store {
        Store::Sqlite(path) => Ok(path),
        Store::Postgres(_) => anyhow::bail!(
            "the store is in PostgreSQL: copy and restore it with the database's own tools"
        ),
    }
}

/// Where a configured database is.
pub(in crate::cli) fn server(postgres: &Postgres) -> Server {
    Server {
        host: postgres.host.clone(),
        port: postgres.port,
        database: postgres.database.clone(),
        server_name: postgres.server_name.clone(),
        ca: postgres.ca.clone(),
    }
}
