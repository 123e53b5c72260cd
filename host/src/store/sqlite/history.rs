//! The audit table as an auditor reads it: on a connection of its own that can only
//! read, and trusting nothing.
//!
//! A page of records comes as one JSON text that SQLite puts together, several times
//! faster than row by row. When a page does not decode, its rows are read one
//! by one to find those that this program did not write. All of it is read in one snapshot:
//! while retention moves records to their leaves beside it, each place is there once.

use std::path::Path;

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::audit;
use crate::audit::merkle::Hash;
use crate::audit::{Entry, Source, SourceError, StoredRecord};
use crate::store::columns::time;

/// As bytes: an attacker's need not be text.
const LOGS: &str = "
    SELECT CAST(log AS BLOB) FROM (SELECT log FROM audit UNION SELECT log FROM audit_pruned)
    ORDER BY 1";

const PAGE: &str = "
    SELECT json_group_array(json_array(seq, time, request_id, workload, address, component_name,
        component_digest, component_revision, action, relying_party, target, outcome, policies))
    FROM (SELECT * FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3)";

const PLACES: &str = "SELECT seq FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

const PRUNED: &str =
    "SELECT seq, leaf FROM audit_pruned WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

/// The logs of a SQLite store.
#[derive(Debug)]
pub struct SqliteHistory {
    path: String,
    connection: Mutex<SqliteConnection>,
}

/// The columns of [`PAGE`], in order.
#[derive(Deserialize)]
struct Columns(
    u64,
    u64,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
);

/// The last list of policies that was read, and its text: most records have the same as the
/// one before.
#[derive(Default)]
struct Lists {
    text: String,
    policies: Vec<String>,
}

// === impl SqliteHistory ===

impl SqliteHistory {
    /// Read the store at `path`, which may be in use.
    ///
    /// # Errors
    /// There is no such database.
    pub async fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |error: sqlx::Error| SourceError(format!("{}: {error}", path.display()));
        let connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging()
            .connect()
            .await
            .map_err(failed)?;
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

    async fn page(
        db: &mut SqliteConnection,
        log: &str,
        after: u64,
        limit: u32,
    ) -> Result<(Vec<Entry>, Vec<Entry>), sqlx::Error> {
        let mut snapshot = db.begin().await?;
        let records = Self::records(&mut snapshot, log, after, limit).await?;
        let pruned = Self::pruned(&mut snapshot, log, after, limit).await?;
        snapshot.commit().await?;
        Ok((records, pruned))
    }

    async fn records(
        db: &mut SqliteConnection,
        log: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        let page = sqlx::query_scalar::<_, String>(PAGE)
            .bind(log)
            .bind(time(after))
            .bind(limit)
            .fetch_one(&mut *db)
            .await;
        match page {
            Ok(json) => {
                if let Ok(rows) = serde_json::from_str::<Vec<Columns>>(&json) {
                    let mut lists = Lists::default();
                    let entry = |row: Columns| row.entry(&mut lists);
                    return Ok(rows.into_iter().map(entry).collect());
                }
            }
            Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {}
            Err(error) => return Err(error),
        }
        Self::one_by_one(db, log, after, limit).await
    }

    async fn one_by_one(
        db: &mut SqliteConnection,
        log: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        let places: Vec<i64> = sqlx::query_scalar(PLACES)
            .bind(log)
            .bind(time(after))
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
        let mut entries = Vec::with_capacity(places.len());
        for place in places {
            let Ok(seq) = u64::try_from(place) else {
                continue;
            };
            let found = sqlx::query_scalar::<_, String>(PAGE)
                .bind(log)
                .bind(place - 1)
                .bind(1)
                .fetch_one(&mut *db)
                .await;
            let rows = found
                .ok()
                .map(|json| serde_json::from_str::<Vec<Columns>>(&json));
            let row = match rows {
                Some(Ok(rows)) => rows.into_iter().next(),
                _ => None,
            };
            entries.push(row.map_or_else(
                || Entry::Unreadable {
                    seq,
                    why: "a column is not of its kind".into(),
                },
                |row| row.entry(&mut Lists::default()),
            ));
        }
        Ok(entries)
    }

    async fn pruned(
        db: &mut SqliteConnection,
        log: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, sqlx::Error> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(PRUNED)
            .bind(log)
            .bind(time(after))
            .bind(limit)
            .fetch_all(db)
            .await?;
        let entries = rows.into_iter().filter_map(|(seq, leaf)| {
            let seq = u64::try_from(seq).ok()?;
            Some(match Hash::from_bytes(&leaf) {
                Some(leaf) => Entry::Pruned { seq, leaf },
                None => Entry::Unreadable {
                    seq,
                    why: "its leaf is no hash".into(),
                },
            })
        });
        Ok(entries.collect())
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
        let mut db = self.connection.lock().await;
        let page = Self::page(&mut db, log, after, limit).await;
        let (mut entries, pruned) = page.map_err(|error| self.failed(&error))?;
        if !pruned.is_empty() {
            entries.extend(pruned);
            entries.sort_by_key(Entry::seq);
            entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(entries)
    }
}

// === impl Columns ===

impl Columns {
    fn entry(self, lists: &mut Lists) -> Entry {
        let seq = self.0;
        let Some(policies) = lists.read(self.12) else {
            return Entry::Unreadable {
                seq,
                why: "its policies are no list as this program writes it".into(),
            };
        };
        Entry::Record(Box::new(StoredRecord {
            seq,
            time: self.1,
            request_id: self.2,
            workload: self.3,
            address: self.4,
            component_name: self.5,
            component_digest: self.6,
            component_revision: self.7,
            action: self.8,
            relying_party: self.9,
            target: self.10,
            outcome: self.11,
            policies,
        }))
    }
}

// === impl Lists ===

impl Lists {
    /// A list of policies. It must be the text that this program writes for it: no second
    /// text may have the same leaf.
    fn read(&mut self, text: String) -> Option<Vec<String>> {
        if self.text != text {
            let policies: Vec<String> = serde_json::from_str(&text).ok()?;
            if !serde_json::to_string(&policies).is_ok_and(|written| written == text) {
                return None;
            }
            *self = Self { text, policies };
        }
        Some(self.policies.clone())
    }
}
