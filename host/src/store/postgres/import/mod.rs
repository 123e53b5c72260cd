//! Moving a store from SQLite into an empty database, and proving that it is the same.
//!
//! Everything is read in one snapshot and written in one transaction of the migrator. Before
//! it commits, every table is read back from PostgreSQL, and its count and digest are
//! compared with those of the SQLite file: all of it is there, or nothing is.
//!
//! A digest is SHA-256 over the rows in the order of their keys, each as the JSON array of
//! its columns (bytes in hexadecimal), and so the same for both databases.

mod sum;
mod table;
mod tables;

use std::path::{Path, PathBuf};

use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use self::sum::Sum;
use self::tables::TABLES;
use super::connect::Gateway;
use super::role::Role;
use super::settings::{Login, Server};
use super::{OpenError, schema};

/// Rows in one statement, and what they may weigh: a revision is a whole component.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

/// The version of SQLite's schema whose tables [`TABLES`] lists.
const SQLITE_SCHEMA: i64 = 23;

/// Hosts go on with the logs where they end. Who opened one of them before has written nothing
/// into it: every table was empty.
const HEADS: &str = "
    INSERT INTO zeropass.audit_logs (log, size, last_group)
    SELECT log, max(seq), '-' FROM (
        SELECT log, seq FROM zeropass.audit UNION ALL SELECT log, seq FROM zeropass.audit_pruned
    ) AS records GROUP BY log
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, last_group = excluded.last_group";

/// What came of one table, the same in both databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over them, in hexadecimal.
    pub digest: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file can't be read.
    #[error("{path}: {source}; expected the SQLite store of a host that has been stopped")]
    File {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file is of another time.
    #[error(
        "{path} has schema version {found}, this zeropass imports version {SQLITE_SCHEMA}; \
         open it once with this zeropass, or import it with the one that wrote it"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// There is something in the database already.
    #[error("the table {table} has {rows} rows already; import into an empty database")]
    NotEmpty {
        /// The table.
        table: &'static str,
        /// Its rows.
        rows: u64,
    },
    /// The database did not take a row.
    #[error("the table {table}: {source}; nothing was imported")]
    Write {
        /// The table.
        table: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// What was read back is not what was read.
    #[error("the table {} came out as {read:?} instead of {written:?}; nothing was imported", written.table)]
    Differs {
        /// As it is in PostgreSQL.
        read: Imported,
        /// As it is in SQLite.
        written: Imported,
    },
}

/// Import the SQLite store at `path` as the migrator; `done` hears of each table.
///
/// # Errors
/// [`ImportError`]; then nothing was imported.
pub async fn import(
    server: &Server,
    migrator: &Login,
    path: &Path,
    mut done: impl FnMut(&Imported),
) -> Result<Vec<Imported>, ImportError> {
    let file = |source| ImportError::File {
        path: path.to_owned(),
        source,
    };
    let mut from = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
        .connect()
        .await
        .map_err(file)?;
    // One snapshot for all that is read.
    let mut from = from.begin().await.map_err(file)?;
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut *from)
        .await
        .map_err(file)?;
    let found = found.unwrap_or(0);
    if found != SQLITE_SCHEMA {
        return Err(ImportError::Schema {
            path: path.to_owned(),
            found,
        });
    }

    let gateway = Gateway::open(server, Role::Migrator, migrator)?;
    let mut to = schema::connect(&gateway).await?;
    schema::check(&mut to).await?;
    let mut to = to.begin().await.map_err(OpenError::Database)?;
    for table in TABLES {
        let write = |source| ImportError::Write {
            table: table.name,
            source,
        };
        let rows = table.count(&mut to).await.map_err(write)?;
        if rows > 0 {
            return Err(ImportError::NotEmpty {
                table: table.name,
                rows,
            });
        }
    }
    let mut all = Vec::new();
    for table in TABLES {
        let write = |source| ImportError::Write {
            table: table.name,
            source,
        };
        let mut sum = Sum::default();
        let (mut batch, mut weight) = (Vec::with_capacity(BATCH), 0);
        let select = table.select_sqlite();
        let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch(&mut *from);
        while let Some(row) = rows.try_next().await.map_err(file)? {
            sum.add(&row).map_err(write)?;
            weight += row.len();
            batch.push(row);
            if batch.len() == BATCH || weight >= BATCH_BYTES {
                table.insert(&mut to, &batch).await.map_err(write)?;
                batch.clear();
                weight = 0;
            }
        }
        drop(rows);
        table.insert(&mut to, &batch).await.map_err(write)?;
        let written = sum.finish(table.name);
        let read = table.read_back(&mut to).await.map_err(write)?;
        if read != written {
            return Err(ImportError::Differs { read, written });
        }
        done(&written);
        all.push(written);
    }
    let heads = sqlx::query(HEADS).execute(&mut *to).await;
    heads.map_err(OpenError::Database)?;
    to.commit().await.map_err(OpenError::Database)?;
    Ok(all)
}

#[cfg(test)]
#[path = "../tests/import.rs"]
mod tests;
