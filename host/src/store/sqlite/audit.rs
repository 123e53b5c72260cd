//! The audit log: appended to by the writer in blocks, read by host duties.

use futures::TryStreamExt as _;
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor as _, SqliteConnection};

use super::blocks::{self, BLOCK, Block};
use crate::audit::Placed;
use crate::store::columns::time;
use crate::store::{Error, StoredRecord};

const APPEND: &str = "INSERT INTO audit_blocks (log, first, records) VALUES (?1, ?2, ?3)";

/// With one way to SQLite's thread.
const APPEND_AND_COMMIT: &str =
    "INSERT INTO audit_blocks (log, first, records) VALUES (?1, ?2, ?3); COMMIT";

/// The block with the place behind `?2` in it and those that follow, of so many places as are
/// asked for. Whatever an attacker made of a place is no number below 1.
const BLOCKS: &str = "
    SELECT first, CAST(records AS BLOB) AS records FROM audit_blocks
    WHERE log = ?1 AND first > 0 AND first >= coalesce(
            (SELECT max(first) FROM audit_blocks WHERE log = ?1 AND first <= ?2 + 1), 1)
        AND first <= ?3 + max(?2, coalesce(
            (SELECT min(first) FROM audit_blocks WHERE log = ?1 AND first > ?2), 0))
    ORDER BY first";

const HEAD: &str = "
    SELECT coalesce(max(head), 0) FROM (
        SELECT first - 1 + length(records) - length(replace(records, char(10), '')) AS head
        FROM audit_blocks
        WHERE log = ?1 AND first = (SELECT max(first) FROM audit_blocks WHERE log = ?1)
        UNION ALL SELECT max(seq) FROM audit_pruned WHERE log = ?1)";

/// Which half of [`append_and_commit`] failed.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// Records are not there, and COMMIT was not tried.
    Put(sqlx::Error),
    /// COMMIT: nobody knows what became of the transaction.
    Commit(sqlx::Error),
}

/// Append records, consecutive and oldest first, and commit. A place that is taken fails the
/// statement: nobody else may write this log.
///
/// # Errors
/// Whether records were refused, or COMMIT was.
pub(super) async fn append_and_commit(
    db: &mut SqliteConnection,
    log: &str,
    records: &[Placed<'_>],
) -> Result<(), Unfinished> {
    let mut blocks = records.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let text = blocks::write(block);
        let text = text.map_err(|error| Unfinished::Put(sqlx::Error::Encode(Box::new(error))))?;
        let first = block.first().map_or(0, |record| record.seq);
        let append = |statement| {
            let query = sqlx::query(statement).bind(log.to_owned());
            query.bind(time(first)).bind(text)
        };
        if blocks.peek().is_some() {
            let put = append(APPEND).execute(&mut *db).await;
            put.map_err(Unfinished::Put)?;
            continue;
        }
        let mut results = db.fetch_many(append(APPEND_AND_COMMIT));
        results.try_next().await.map_err(Unfinished::Put)?;
        let commit = results.try_collect::<Vec<_>>().await;
        return commit.map(drop).map_err(Unfinished::Commit);
    }
    let commit = sqlx::query("COMMIT").execute(db).await;
    commit.map(drop).map_err(Unfinished::Commit)
}

/// The last place that is taken, 0 in a log without records.
pub(super) async fn head(db: &mut SqliteConnection, log: &str) -> Result<u64, sqlx::Error> {
    let head: i64 = sqlx::query_scalar(HEAD).bind(log).fetch_one(db).await?;
    u64::try_from(head).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The records of `log` after `seq`, oldest first.
pub(super) async fn after(
    db: &SqlitePool,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, Error> {
    let mut db = db.acquire().await.map_err(super::unavailable)?;
    behind(&mut db, log, seq, limit)
        .await
        .map_err(super::unavailable)
}

/// As [`after`], on one connection.
pub(super) async fn behind(
    db: &mut SqliteConnection,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, sqlx::Error> {
    let blocks = blocks_behind(db, log, seq, limit).await?;
    let mut records = Vec::new();
    for block in blocks {
        block.each(seq, |record| {
            records.push(match record {
                Ok(record) => Ok(record.to_stored()),
                Err((place, why)) => {
                    Err(sqlx::Error::Decode(format!("record {place}: {why}").into()))
                }
            });
        });
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    records.into_iter().take(limit).collect()
}

/// The blocks of `log` with its records after `seq`, in order; at least `limit` of these, where
/// there are as many.
pub(super) async fn blocks_behind(
    db: &mut SqliteConnection,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<Block>, sqlx::Error> {
    let blocks: Vec<(i64, Vec<u8>)> = sqlx::query_as(BLOCKS)
        .bind(log)
        .bind(time(seq))
        .bind(limit)
        .fetch_all(db)
        .await?;
    let block = |(first, records)| match u64::try_from(first) {
        Ok(first) => Ok(Block { first, records }),
        Err(error) => Err(sqlx::Error::Decode(Box::new(error))),
    };
    blocks.into_iter().map(block).collect()
}
