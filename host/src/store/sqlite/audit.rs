//! The audit log: appended to by the writer in blocks, read by host duties.

use futures::TryStreamExt as _;
use sqlx::{Executor as _, SqliteConnection};

use super::blocks::{self, BLOCK, Block, Stretch};
use super::readers::Readers;
use crate::audit::Placed;
use crate::store::columns::time;
use crate::store::{Error, StoredRecord};

const APPEND: &str = "INSERT INTO audit_blocks (log, first, records) VALUES (?1, ?2, ?3)";

/// With one way to SQLite's thread.
const APPEND_AND_COMMIT: &str =
    "INSERT INTO audit_blocks (log, first, records) VALUES (?1, ?2, ?3); COMMIT";

/// The next place behind `?2` where a block begins, or that was cut.
const NEXT: &str = "
    SELECT min(next) FROM (
        SELECT min(first) AS next FROM audit_blocks WHERE log = ?1 AND first > ?2
        UNION ALL SELECT min(seq) FROM audit_pruned WHERE log = ?1 AND seq > ?2)";

/// The blocks that begin up to `?3`, from the one before the one with the place behind `?2` on. If
/// two have the same place, and no place before it is there twice, they follow each other.
const BLOCKS: &str = "
    SELECT first, CAST(records AS BLOB) FROM audit_blocks
    WHERE log = ?1 AND first <= ?3 AND first >= coalesce(
        (SELECT min(first) FROM (
            SELECT first FROM audit_blocks WHERE log = ?1 AND first <= ?2 + 1
            ORDER BY first DESC LIMIT 2)),
        first)
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
            put.and_then(|put| one(put.rows_affected()))
                .map_err(Unfinished::Put)?;
            continue;
        }
        let mut results = db.fetch_many(append(APPEND_AND_COMMIT));
        let put = results.try_next().await.map_err(Unfinished::Put)?;
        let put = put.and_then(|put| put.left());
        let put = put.map_or(0, |put| put.rows_affected());
        // Nothing comes after it.
        let commit = results.try_next().await.map_err(Unfinished::Commit)?;
        return match commit {
            Some(_done) => one(put).map_err(Unfinished::Commit),
            None => Err(Unfinished::Commit(sqlx::Error::WorkerCrashed)),
        };
    }
    let commit = sqlx::query("COMMIT").execute(db).await;
    commit.map(drop).map_err(Unfinished::Commit)
}

/// One row was written, and no other number.
fn one(written: u64) -> Result<(), sqlx::Error> {
    match written {
        1 => Ok(()),
        _ => Err(sqlx::Error::RowNotFound),
    }
}

/// The last place that is taken, 0 in a log without records.
pub(super) async fn head(db: &mut SqliteConnection, log: &str) -> Result<u64, sqlx::Error> {
    let head: i64 = sqlx::query_scalar(HEAD).bind(log).fetch_one(db).await?;
    u64::try_from(head).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The records of `log` after `seq`, oldest first.
pub(super) async fn after(
    db: &Readers,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, Error> {
    let read = async {
        let mut reader = db.take().await?;
        let records = behind(reader.db()?, log, seq, limit).await?;
        reader.give_back();
        Ok(records)
    };
    read.await.map_err(super::unavailable)
}

/// As [`after`], on one connection.
pub(super) async fn behind(
    db: &mut SqliteConnection,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, sqlx::Error> {
    let stretch = stretch(db, log, seq, limit).await?;
    let mut records = Vec::new();
    stretch.each(|record| {
        records.push(match record {
            Ok(record) => Ok(record.to_stored()),
            Err((place, why)) => Err(sqlx::Error::Decode(format!("record {place}: {why}").into())),
        });
    });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    records.into_iter().take(limit).collect()
}

/// What `log` has after `seq`: at least `limit` places, where it has as many.
pub(super) async fn stretch(
    db: &mut SqliteConnection,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Stretch, sqlx::Error> {
    let next: Option<i64> = sqlx::query_scalar(NEXT)
        .bind(log)
        .bind(time(seq))
        .fetch_one(&mut *db)
        .await?;
    let next = next.and_then(|next| u64::try_from(next).ok());
    let until = seq.max(next.unwrap_or(0)).saturating_add(u64::from(limit));
    let blocks: Vec<(i64, Vec<u8>)> = sqlx::query_as(BLOCKS)
        .bind(log)
        .bind(time(seq))
        .bind(time(until))
        .fetch_all(db)
        .await?;
    let block = |(first, records)| Block { first, records };
    Ok(Stretch {
        after: seq,
        until,
        blocks: blocks.into_iter().map(block).collect(),
    })
}
