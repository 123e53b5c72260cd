//! The contract on SQLite, and what only SQLite has: the file ([`file`]), the audit table
//! ([`table`]), the one writer ([`group`]), commits that it promises ([`promised`]), the
//! connections that read ([`readers`]).

mod file;
mod group;
mod promised;
mod readers;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;

use super::SqliteStore;
use crate::clock::FixedClock;
use crate::store::Store;
use crate::store::contract::{Kit, LIFETIME, NOW, contract};

/// A commit needs its records, and those of ceremonies can't be put in.
const BREAK_AUDIT: &str = "
    CREATE TRIGGER broken BEFORE INSERT ON audit_blocks WHEN instr(NEW.records, 'ceremonies.put')
    BEGIN SELECT RAISE(ABORT, 'disk trouble'); END";

/// A constraint that COMMIT looks at, when everything before it went well.
const DEFER_A_FAILURE: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER late AFTER INSERT ON ceremonies
    BEGIN INSERT INTO children VALUES (1); END";

contract!(crate::store::sqlite::tests::temporary);

async fn temporary(clock: Arc<FixedClock>) -> Arc<dyn Store> {
    Arc::new(SqliteStore::temporary(LIFETIME, clock).await.unwrap())
}

/// A store in a file, and the same as itself for what the trait does not show.
async fn in_file(path: &Path) -> (Kit, Arc<SqliteStore>) {
    let clock = Arc::new(FixedClock::new(NOW));
    let store = SqliteStore::open(path, LIFETIME, clock.clone()).await;
    let store = Arc::new(store.unwrap());
    (Kit::over(store.clone(), clock), store)
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zeropass.db");
    (folder, path)
}

/// Another program at the same file.
async fn meddle(path: &Path, statement: &str) -> Result<u64, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await?;
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await?;
    Ok(done.rows_affected())
}
