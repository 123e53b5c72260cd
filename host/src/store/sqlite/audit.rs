//! The audit table: appended to by the writer, read by host duties.

use std::sync::Arc;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::insertion::{Insertion, Rows};
use crate::store::columns::{time, to_list};
use crate::store::{Error, StoredRecord};

/// The columns of a record, in the order of [`bind`].
const RECORDS: Insertion = Insertion {
    into: "audit (log, seq, time, request_id, workload, address, component_name,
        component_digest, component_revision, action, relying_party, target, outcome, policies)",
    columns: 14,
};

const SELECT: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

const HEAD: &str = "
    SELECT coalesce(max(head), 0) FROM (
        SELECT max(seq) AS head FROM audit WHERE log = ?1
        UNION ALL SELECT max(seq) FROM audit_pruned WHERE log = ?1)";

/// Append records, consecutive and oldest first. A place that is taken fails the
/// statement: nobody else may write this log.
pub(super) async fn insert(
    db: &mut SqliteConnection,
    log: &str,
    records: &[StoredRecord],
) -> Result<(), sqlx::Error> {
    let log: Arc<str> = Arc::from(log);
    RECORDS
        .put(db, records, |query, record| bind(query, &log, record))
        .await
}

fn bind<'q>(
    query: Rows<'q>,
    log: &Arc<str>,
    record: &StoredRecord,
) -> Result<Rows<'q>, sqlx::Error> {
    let policies = to_list(&record.policies)?;
    let query = query
        .bind(Arc::clone(log))
        .bind(time(record.seq))
        .bind(time(record.time));
    let query = record
        .texts()
        .into_iter()
        .fold(query, |query, text| query.bind(Arc::<str>::from(text)));
    Ok(query.bind(policies))
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
