//! The audit table: appended to by the writer, read by host duties.

use serde::Serialize;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::rows::{decode, list, time};
use crate::store::{Error, StoredRecord};

/// One statement for a whole group: the columns of each record as a JSON array.
const INSERT: &str = "
    INSERT INTO audit (log, seq, time, request_id, workload, address, component_name,
        component_digest, component_revision, action, relying_party, target, outcome, policies)
    SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
    FROM json_each(?2) ORDER BY key";

const SELECT: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

const HEAD: &str = "
    SELECT coalesce(max(head), 0) FROM (
        SELECT max(seq) AS head FROM audit WHERE log = ?1
        UNION ALL SELECT max(seq) FROM audit_pruned WHERE log = ?1)";

/// The columns of [`INSERT`], in order.
#[derive(Serialize)]
struct Columns<'a>(
    u64,
    i64,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    String,
);

/// Append records, consecutive and oldest first. A place that is taken fails the
/// statement: nobody else may write this log.
pub(super) async fn insert(
    db: &mut SqliteConnection,
    log: &str,
    records: &[StoredRecord],
) -> Result<(), sqlx::Error> {
    if records.is_empty() {
        return Ok(());
    }
    let rows = records.iter().map(columns).collect::<Result<Vec<_>, _>>();
    let json = rows.and_then(|rows| serde_json::to_string(&rows));
    let json = json.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let done = sqlx::query(INSERT).bind(log).bind(json).execute(db).await?;
    if done.rows_affected() == records.len() as u64 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
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
    sqlx::query_as(SELECT)
        .bind(log)
        .bind(time(seq))
        .bind(limit)
        .fetch_all(db)
        .await
}

fn columns(record: &StoredRecord) -> Result<Columns<'_>, serde_json::Error> {
    let [
        request_id,
        workload,
        address,
        name,
        digest,
        revision,
        action,
        relying_party,
        target,
        outcome,
    ] = record.texts();
    Ok(Columns(
        record.seq,
        time(record.time),
        request_id,
        workload,
        address,
        name,
        digest,
        revision,
        action,
        relying_party,
        target,
        outcome,
        serde_json::to_string(&record.policies)?,
    ))
}

// === impl StoredRecord ===

impl FromRow<'_, SqliteRow> for StoredRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: decode(row, "seq")?,
            time: decode(row, "time")?,
            request_id: row.try_get("request_id")?,
            workload: row.try_get("workload")?,
            address: row.try_get("address")?,
            component_name: row.try_get("component_name")?,
            component_digest: row.try_get("component_digest")?,
            component_revision: row.try_get("component_revision")?,
            action: row.try_get("action")?,
            relying_party: row.try_get("relying_party")?,
            target: row.try_get("target")?,
            outcome: row.try_get("outcome")?,
            policies: list(row, "policies")?,
        })
    }
}
