//! The store that the configuration names.

use std::sync::Arc;

use crate::audit::Log;
use crate::clock::Clock;
use crate::config;
use crate::store::Store;
use crate::store::postgres::{Login, PostgresStore, Server, Settings};
use crate::store::sqlite::SqliteStore;

/// Open it, to write this log. Sessions last `lifetime` milliseconds.
pub(super) async fn open(
    store: &config::Store,
    lifetime: u64,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match store {
        config::Store::Sqlite(path) => {
            Arc::new(SqliteStore::open_with(path, lifetime, clock, log).await?)
        }
        config::Store::Postgres(postgres) => {
            let settings = settings(postgres);
            Arc::new(PostgresStore::open(&settings, log, lifetime, clock).await?)
        }
    })
}

fn settings(postgres: &config::Postgres) -> Settings {
    let login = |login: &config::PostgresLogin| Login {
        certificate: login.certificate.clone(),
        key: login.key.clone(),
        connections: login.connections,
    };
    Settings {
        server: Server {
            host: postgres.host.clone(),
            port: postgres.port,
            database: postgres.database.clone(),
            server_name: postgres.server_name.clone(),
            ca: postgres.ca.clone(),
        },
        accounts: login(&postgres.accounts),
        credentials: login(&postgres.credentials),
        audit_writer: login(&postgres.audit_writer),
        audit_reader: login(&postgres.audit_reader),
    }
}
