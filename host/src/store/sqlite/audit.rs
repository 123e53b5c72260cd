//! The audit table: appended to by the writer, read by host duties.

use serde::Serialize;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::rows::{decode, list, time};
use crate::audit::Record;
use crate::store::{Error, StoredRecord};

/// One statement for a whole group: the columns of each record as a JSON array.
const INSERT: &str = "
    INSERT INTO audit (time, request_id, workload, address, component_name,
        component_digest, component_revision, action, relying_party, target, outcome, policies)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
    FROM json_each(?1) ORDER BY key";

const SELECT: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// The columns of [`INSERT`], in order.
#[derive(Serialize)]
struct Columns<'a>(
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
    String,
    String,
);

/// Append records in their order.
pub(super) async fn insert<'a>(
    db: &mut SqliteConnection,
    records: impl Iterator<Item = &'a Record> + Send,
) -> Result<(), sqlx::Error> {
    let rows = records.map(columns).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(encode)?;
    if rows.is_empty() {
        return Ok(());
    }
    let expected = rows.len() as u64;
    let json = serde_json::to_string(&rows).map_err(encode)?;
    let done = sqlx::query(INSERT).bind(json).execute(db).await?;
    if done.rows_affected() == expected {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// The records after `seq`, oldest first.
pub(super) async fn after(
    db: &SqlitePool,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, Error> {
    sqlx::query_as(SELECT)
        .bind(time(seq))
        .bind(limit)
        .fetch_all(db)
        .await
        .map_err(super::unavailable)
}

fn columns(record: &Record) -> Result<Columns<'_>, serde_json::Error> {
    let origin = &record.actor.origin;
    let component = record.actor.component.as_deref();
    Ok(Columns(
        time(record.time),
        said(&origin.request_id),
        said(&origin.workload),
        said(&origin.address),
        said(component.map_or("", |component| &component.name)),
        said(component.map_or("", |component| &component.digest)),
        said(component.map_or("", |component| &component.revision)),
        record.action,
        said(&record.relying_party),
        said(&record.target),
        record.outcome.to_string(),
        serde_json::to_string(&*record.policies)?,
    ))
}

/// No column is empty, as PCI DSS 10.2.2 asks for.
fn said(value: &str) -> &str {
    if value.is_empty() { "-" } else { value }
}

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(error))
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
