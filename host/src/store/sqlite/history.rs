//! The audit log as an auditor reads it: on a connection of its own that can only
//! read, and trusting nothing.
//!
//! Records and what retention has left of them are read in one snapshot: while it moves records
//! to their leaves beside it, each place is there once.

use std::path::Path;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::audit;
use super::blocks::Stretch;
use super::open::{OpenError, known};
use crate::audit::merkle::Hash;
use crate::audit::{Entry, Leaf, Placed, Source, SourceError};
use crate::store::columns::time;

/// As bytes: an attacker's need not be text.
const LOGS: &str = "
    SELECT CAST(log AS BLOB) FROM (SELECT log FROM audit_blocks UNION SELECT log FROM audit_pruned)
    ORDER BY 1";

const PRUNED: &str = "
    SELECT seq, leaf FROM audit_pruned WHERE log = ?1 AND seq > ?2 AND seq <= ?3
    ORDER BY seq LIMIT ?4";

/// Nothing where records are not kept in blocks; then the version of the schema.
const OLDER: &str = "
    SELECT max(version) FROM _sqlx_migrations
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'audit_blocks')";

/// The logs of a SQLite store.
#[derive(Debug)]
pub struct SqliteHistory {
    path: String,
    connection: Mutex<SqliteConnection>,
}

/// What stands in a log behind a place.
struct Page {
    stretch: Stretch,
    pruned: Vec<(i64, Vec<u8>)>,
}

// === impl SqliteHistory ===

impl SqliteHistory {
    /// Read the store at `path`, which may be in use.
    ///
    /// # Errors
    /// There is no such database, or it is of an older zeropass.
    pub async fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |error: sqlx::Error| SourceError(format!("{}: {error}", path.display()));
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging()
            .connect()
            .await
            .map_err(failed)?;
        // What is no store at all says so when it is read.
        let older: Result<Option<i64>, _> =
            sqlx::query_scalar(OLDER).fetch_one(&mut connection).await;
        if let Ok(Some(found)) = older {
            let (path, known) = (path.to_owned(), known());
            let error = OpenError::OlderSchema { path, found, known };
            return Err(SourceError(error.to_string()));
        }
        Ok(Self {
            path: path.display().to_string(),
            connection: Mutex::new(connection),
        })
    }

    /// Let the file go, when that matters.
    pub async fn close(self) {
        // It has only read: there is nothing to lose.
        let _ = self.connection.into_inner().close().await;
    }

    fn failed(&self, error: &sqlx::Error) -> SourceError {
        SourceError(format!("{}: {error}", self.path))
    }

    async fn page(&self, log: &str, after: u64, limit: u32) -> Result<Page, SourceError> {
        let mut db = self.connection.lock().await;
        let page = async {
            let mut snapshot = db.begin().await?;
            let stretch = audit::stretch(&mut snapshot, log, after, limit).await?;
            let pruned = sqlx::query_as(PRUNED)
                .bind(log)
                .bind(time(after))
                .bind(time(stretch.until))
                .bind(limit)
                .fetch_all(&mut *snapshot)
                .await?;
            snapshot.commit().await?;
            Ok(Page { stretch, pruned })
        };
        page.await.map_err(|error| self.failed(&error))
    }
}

#[async_trait]
impl Source for SqliteHistory {
    async fn logs(&self) -> Result<Vec<String>, SourceError> {
        let mut db = self.connection.lock().await;
        let logs: Vec<Vec<u8>> = sqlx::query_scalar(LOGS)
            .fetch_all(&mut *db)
            .await
            .map_err(|error| self.failed(&error))?;
        let logs = logs
            .iter()
            .map(|log| String::from_utf8_lossy(log).into_owned());
        Ok(logs.collect())
    }

    async fn head(&self, log: &str) -> Result<u64, SourceError> {
        let mut db = self.connection.lock().await;
        audit::head(&mut db, log)
            .await
            .map_err(|error| self.failed(&error))
    }

    async fn entries(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Entry>, SourceError> {
        let page = self.page(log, after, limit).await?;
        let record = |record: &Placed<'_>| Entry::Record(Box::new(record.to_stored()));
        let pruned = |seq, leaf| Entry::Pruned { seq, leaf };
        let unreadable = |seq, why| Entry::Unreadable { seq, why };
        let entries = page.read(record, pruned, unreadable);
        Ok(in_order(entries, Entry::seq, limit))
    }

    async fn leaves(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Leaf>, SourceError> {
        let page = self.page(log, after, limit).await?;
        let mut buffer = Vec::new();
        let record = |record: &Placed<'_>| Leaf::of(record, &mut buffer);
        let pruned = |seq, leaf| Leaf::Pruned { seq, leaf };
        let unreadable = |seq, why| Leaf::Unreadable { seq, why };
        let leaves = page.read(record, pruned, unreadable);
        Ok(in_order(leaves, Leaf::seq, limit))
    }
}

/// By their places. If one is there twice, both are, however many there may be.
fn in_order<T>(mut found: Vec<T>, seq: impl Fn(&T) -> u64, limit: u32) -> Vec<T> {
    found.sort_by_key(&seq);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if let Some(last) = limit.checked_sub(1).and_then(|last| found.get(last)) {
        let last = seq(last);
        found.truncate(found.partition_point(|one| seq(one) <= last));
    }
    found
}

// === impl Page ===

impl Page {
    /// All of it, records first.
    fn read<T>(
        &self,
        mut record: impl FnMut(&Placed<'_>) -> T,
        mut pruned: impl FnMut(u64, Hash) -> T,
        mut unreadable: impl FnMut(u64, String) -> T,
    ) -> Vec<T> {
        let mut found = Vec::new();
        self.stretch.each(|line| {
            found.push(match line {
                Ok(placed) => record(placed),
                Err((seq, why)) => unreadable(seq, why.into()),
            });
        });
        for (seq, leaf) in &self.pruned {
            let Ok(seq) = u64::try_from(*seq) else {
                continue;
            };
            found.push(match Hash::from_bytes(leaf) {
                Some(leaf) => pruned(seq, leaf),
                None => unreadable(seq, "its leaf is no hash".into()),
            });
        }
        found
    }
}
