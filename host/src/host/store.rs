//! The store that the configuration names, and its audit logs as an auditor reads them.

use std::path::Path;
use std::sync::Arc;

use crate::audit::{Log, Source};
use crate::clock::Clock;
use crate::config;
use crate::store::Store;
use crate::store::postgres::{Login, PostgresHistory, PostgresStore, Server, Settings};
use crate::store::sqlite::{SqliteHistory, SqliteStore};

/// A store, and its audit logs.
type Opened = (Arc<dyn Store>, Box<dyn Source>);

/// Open it as its host, to write this log; the schema of a file is brought up to date. Sessions
/// last `lifetime` milliseconds.
pub(crate) async fn open(
    store: &config::Store,
    lifetime: u64,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
) -> anyhow::Result<Opened> {
    match store {
        config::Store::Sqlite(path) => {
            let store = SqliteStore::open_with(path, lifetime, clock, log).await?;
            with_history(store, path).await
        }
        config::Store::Postgres(postgres) => connect(postgres, lifetime, clock, log).await,
    }
}

/// Open it beside its host, to write this log. A schema of another version is refused.
pub(crate) async fn open_as_it_is(
    store: &config::Store,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
) -> anyhow::Result<Opened> {
    // No session is made here: their length does not matter.
    let lifetime = 1;
    match store {
        config::Store::Sqlite(path) => {
            let store = SqliteStore::open_as_it_is(path, lifetime, clock, log).await?;
            with_history(store, path).await
        }
        config::Store::Postgres(postgres) => connect(postgres, lifetime, clock, log).await,
    }
}

async fn with_history(store: SqliteStore, path: &Path) -> anyhow::Result<Opened> {
    let history = SqliteHistory::open(path).await?;
    Ok((Arc::new(store), Box::new(history)))
}

async fn connect(
    postgres: &config::Postgres,
    lifetime: u64,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
) -> anyhow::Result<Opened> {
    let settings = settings(postgres);
    let store = PostgresStore::open(&settings, log, lifetime, clock).await?;
    let history = PostgresHistory::open(&settings.server, &settings.audit_reader).await?;
    Ok((Arc::new(store), Box::new(history)))
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
