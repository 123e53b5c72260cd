//! The contract on PostgreSQL, and what only PostgreSQL has.
//!
//! One server for the whole test process, started by the test kit's own file; every test
//! has a database of its own. Without PostgreSQL these tests fail and say so; `cargo
//! xtask test` installs it or leaves them out by name.

mod conflicts;
mod doubt;
mod history;
mod hosts;
mod outages;
mod privileges;
mod relay;
#[path = "../../../../../tests/src/postgres/server/mod.rs"]
#[allow(dead_code, reason = "the test kit uses the rest")]
mod server;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use self::server::{SERVER_NAME, Server};
use super::{Login, OpenError, PostgresStore, Role, Settings, migrate, roles};
use crate::audit::Log;
use crate::clock::FixedClock;
use crate::store::Store;
use crate::store::contract::{Kit, LIFETIME, NOW, contract};

contract!(crate::store::postgres::tests::temporary);

/// Prepared and migrated once; every test's database is a copy.
const TEMPLATE: &str = "zeropass_template";

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The server of this test process.
pub(super) async fn shared() -> &'static Server {
    SERVER
        .get_or_init(async || {
            let server = Server::start().unwrap();
            prepare(&server, TEMPLATE).await;
            // A session that was closed takes a moment to go, and would keep copies away.
            let idle = "SELECT count(*) = 0 FROM pg_stat_activity
                WHERE datname = 'zeropass_template'";
            until(&server, "postgres", idle).await;
            server
        })
        .await
}

/// A database that is ready to be used.
async fn prepare(server: &Server, database: &str) {
    let make = format!("CREATE DATABASE {database}");
    server.sql("postgres", &make).unwrap();
    server.sql(database, &roles()).unwrap();
    migrate(&settings(server, database).server, &migrator(server))
        .await
        .unwrap();
}

/// A copy of the template, on the shared server.
pub(super) async fn database() -> String {
    let server = shared().await;
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    let copy = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
    server.sql("postgres", &copy).unwrap();
    // Privileges on the database itself are not copied.
    server.sql(&name, &roles()).unwrap();
    name
}

pub(super) fn migrator(server: &Server) -> Login {
    login(server, Role::Migrator)
}

fn login(server: &Server, role: Role) -> Login {
    let (certificate, key) = server.login(role.name());
    Login {
        certificate,
        key,
        connections: 4,
    }
}

pub(super) fn settings(server: &Server, database: &str) -> Settings {
    Settings {
        server: super::Server {
            host: "127.0.0.1".into(),
            port: server.port(),
            database: database.into(),
            server_name: SERVER_NAME.into(),
            ca: server.ca_file(),
        },
        accounts: login(server, Role::Accounts),
        credentials: login(server, Role::Credentials),
        rollouts: login(server, Role::Rollouts),
        audit_writer: login(server, Role::AuditWriter),
        audit_reader: login(server, Role::AuditReader),
    }
}

pub(super) async fn open(
    settings: &Settings,
    log: &str,
) -> Result<(Kit, Arc<PostgresStore>), OpenError> {
    let clock = Arc::new(FixedClock::new(NOW));
    let log = Arc::new(Log::keyless(log, 1_000_000));
    let store = PostgresStore::open(settings, log, LIFETIME, clock.clone()).await?;
    let store = Arc::new(store);
    Ok((Kit::over(store.clone(), clock), store))
}

/// A store over a new database of the shared server, and that database's name.
async fn fresh() -> (Kit, Arc<PostgresStore>, String) {
    let database = database().await;
    let (kit, store) = open(&settings(shared().await, &database), "host-a")
        .await
        .unwrap();
    (kit, store, database)
}

async fn temporary(clock: Arc<FixedClock>) -> Arc<dyn Store> {
    let settings = settings(shared().await, &database().await);
    let log = Arc::new(Log::unsealed());
    let store = PostgresStore::open(&settings, log, LIFETIME, clock).await;
    Arc::new(store.unwrap())
}

/// Waits, as long as it takes within reason, until the server says `t`.
async fn until(server: &Server, database: &str, question: &str) {
    for _ in 0..1000 {
        if server.sql(database, question).unwrap() == "t" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {question}");
}

/// A second host on the same database.
async fn beside(database: &str, log: &str) -> Kit {
    let settings = settings(shared().await, database);
    open(&settings, log).await.unwrap().0
}

/// Each record as `action outcome`.
async fn outcomes(kit: &Kit) -> Vec<String> {
    let records = kit.records().await;
    let places: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
    records
        .iter()
        .map(|record| format!("{} {}", record.action, record.outcome))
        .collect()
}
