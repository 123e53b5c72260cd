//! The store that the configuration names, and its audit logs as an auditor reads them.

use std::sync::Arc;

use crate::audit::{Log, Source};
use crate::clock::Clock;
use crate::config;
use crate::store::Store;
use crate::store::postgres::{Login, PostgresHistory, PostgresStore, Server, Settings};
use crate::store::sqlite::{SqliteHistory, SqliteStore};

/// Open it, to write this log. Sessions last `lifetime` milliseconds.
pub(crate) async fn open(
    store: &config::Store,
    lifetime: u64,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
) -> anyhow::Result<(Arc<dyn Store>, Box<dyn Source>)> {
    Ok(match store {
        config::Store::Sqlite(path) => {
            let store = SqliteStore::open_with(path, lifetime, clock, log).await?;
            let history = SqliteHistory::open(path).await?;
            (Arc::new(store), Box::new(history))
        }
        config::Store::Postgres(postgres) => {
            let settings = settings(postgres);
            let store = PostgresStore::open(&settings, log, lifetime, clock).await?;
            let history = PostgresHistory::open(&settings.server, &settings.audit_reader).await?;
            (Arc::new(store), Box::new(history))
        }
    })
}

/// Its audit logs alone, read by who may do nothing else.
pub(crate) async fn history(store: &config::Store) -> anyhow::Result<Box<dyn Source>> {
    Ok(match store {
        config::Store::Sqlite(path) => Box::new(SqliteHistory::open(path).await?),
        config::Store::Postgres(postgres) => {
            let settings = settings(postgres);
            Box::new(PostgresHistory::open(&settings.server, &settings.audit_reader).await?)
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
        rollouts: login(&postgres.rollouts),
        audit_writer: login(&postgres.audit_writer),
        audit_reader: login(&postgres.audit_reader),
    }
}
