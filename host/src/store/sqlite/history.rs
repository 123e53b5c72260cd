//! The audit table as an auditor reads it: on a connection of its own that can only
//! read, and trusting nothing.
//!
//! A page of records comes as one JSON text that SQLite puts together, several times
//! faster than row by row. When a page does not decode, its rows are read one
//! by one to find those that this program did not write. All of it is read in one snapshot:
//! while retention moves records to their leaves beside it, each place is there once.

use std::borrow::Cow;
use std::path::Path;

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use super::audit;
use crate::audit::merkle::Hash;
use crate::audit::{Entry, Leaf, Placed, Source, SourceError, leaves_of};
use crate::store::columns::time;

/// As bytes: an attacker's need not be text.
const LOGS: &str = "
    SELECT CAST(log AS BLOB) FROM (SELECT log FROM audit UNION SELECT log FROM audit_pruned)
    ORDER BY 1";

/// The records, and whether anything was cut behind the same place. The end of a page is found
/// first: out of a subquery with a limit each column would be copied once more. Whatever an
/// attacker made of a place stands before the greatest.
const PAGE: &str = "
    SELECT json_group_array(json_array(seq, time, request_id, workload, address, component_name,
        component_digest, component_revision, action, relying_party, target, outcome, policies)),
        EXISTS (SELECT 1 FROM audit_pruned WHERE log = ?1 AND seq > ?2)
    FROM audit WHERE log = ?1 AND seq > ?2 AND seq <= coalesce(
        (SELECT seq FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT 1 OFFSET ?3 - 1),
        (SELECT max(seq) FROM audit WHERE log = ?1))";

const PLACES: &str = "SELECT seq FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

const PRUNED: &str =
    "SELECT seq, leaf FROM audit_pruned WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

/// The logs of a SQLite store.
#[derive(Debug)]
pub struct SqliteHistory {
    path: String,
    connection: Mutex<SqliteConnection>,
}

/// The columns of [`PAGE`], in order. A text stays where it is, if JSON has it as it is.
#[derive(Deserialize)]
struct Columns<'a>(
    u64,
    u64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
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
        // What one statement finds is of one moment.
        if let Some((text, false)) = Self::text(db, log, after, limit).await?
            && let Some(records) = rows(&text, |row, lists| row.entry(lists))
        {
            return Ok((records, Vec::new()));
        }
        let mut snapshot = db.begin().await?;
        let text = Self::text(&mut snapshot, log, after, limit).await?;
        let records = text.and_then(|(text, _)| rows(&text, |row, lists| row.entry(lists)));
        let records = match records {
            Some(records) => records,
            None => Self::one_by_one(&mut snapshot, log, after, limit).await?,
        };
        let pruned = Self::pruned(&mut snapshot, log, after, limit).await?;
        snapshot.commit().await?;
        Ok((records, pruned))
    }

    /// The text of a page, and whether anything behind `after` was cut; nothing where a column is
    /// not of its kind.
    async fn text(
        db: &mut SqliteConnection,
        log: &str,
        after: u64,
        limit: u32,
    ) -> Result<Option<(String, bool)>, sqlx::Error> {
        let page = sqlx::query_as::<_, (String, bool)>(PAGE)
            .bind(log)
            .bind(time(after))
            .bind(limit)
            .fetch_one(db)
            .await;
        match page {
            Ok(page) => Ok(Some(page)),
            Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => Ok(None),
            Err(error) => Err(error),
        }
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
            let row = found
                .ok()
                .and_then(|text| rows(&text, |row, lists| row.entry(lists)))
                .and_then(|rows| rows.into_iter().next());
            entries.push(row.unwrap_or_else(|| Entry::Unreadable {
                seq,
                why: "a column is not of its kind".into(),
            }));
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

    async fn leaves(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Leaf>, SourceError> {
        let page = {
            let mut db = self.connection.lock().await;
            Self::text(&mut db, log, after, limit).await
        };
        let mut buffer = Vec::new();
        if let Some((text, false)) = page.map_err(|error| self.failed(&error))?
            && let Some(leaves) = rows(&text, |row, lists| row.leaf(lists, &mut buffer))
        {
            return Ok(leaves);
        }
        let entries = self.entries(log, after, limit).await?;
        Ok(leaves_of(entries))
    }
}

/// The rows of a page in the order of their places, which SQL does not promise; nothing where
/// one of them is not as this program writes it.
fn rows<T>(text: &str, mut make: impl FnMut(Columns<'_>, &mut Lists) -> T) -> Option<Vec<T>> {
    let mut rows: Vec<Columns<'_>> = serde_json::from_str(text).ok()?;
    rows.sort_by_key(|row| row.0);
    let mut lists = Lists::default();
    Some(rows.into_iter().map(|row| make(row, &mut lists)).collect())
}

// === impl Columns ===

impl<'a> Columns<'a> {
    fn entry(self, lists: &mut Lists) -> Entry {
        match self.placed(lists) {
            Ok(record) => Entry::Record(Box::new(record.to_stored())),
            Err((seq, why)) => Entry::Unreadable { seq, why },
        }
    }

    fn leaf(self, lists: &mut Lists, buffer: &mut Vec<u8>) -> Leaf {
        match self.placed(lists) {
            Ok(record) => Leaf::of(&record, buffer),
            Err((seq, why)) => Leaf::Unreadable { seq, why },
        }
    }

    /// The record at its place, or why it is none.
    fn placed<'b>(self, lists: &'b mut Lists) -> Result<Placed<'b>, (u64, String)>
    where
        'a: 'b,
    {
        let Self(seq, time, a, b, c, d, e, f, g, h, i, j, policies) = self;
        let Some(policies) = lists.read(&policies) else {
            let why = "its policies are no list as this program writes it";
            return Err((seq, why.into()));
        };
        Ok(Placed {
            seq,
            time,
            texts: [a, b, c, d, e, f, g, h, i, j],
            policies,
        })
    }
}

// === impl Lists ===

impl Lists {
    /// A list of policies. It must be the text that this program writes for it: no second
    /// text may have the same leaf.
    fn read(&mut self, text: &str) -> Option<&[String]> {
        if self.text != text {
            let policies: Vec<String> = serde_json::from_str(text).ok()?;
            if !serde_json::to_string(&policies).is_ok_and(|written| written == text) {
                return None;
            }
            *self = Self {
                text: text.to_owned(),
                policies,
            };
        }
        Some(&self.policies)
    }
}
