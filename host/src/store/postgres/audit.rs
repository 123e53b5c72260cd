//! Reading the audit log of this host, as the role that may do nothing else.

use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Row as _};

use super::read::read;
use super::rows::{decode, list, time};
use crate::store::{Error, StoredRecord};

const SELECT: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM zeropass.audit WHERE log = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// The records after `seq`, oldest first.
pub(super) async fn after(
    db: &PgPool,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, Error> {
    read(db, |db| async move {
        sqlx::query_as(SELECT)
            .bind(log)
            .bind(time(seq))
            .bind(i64::from(limit))
            .fetch_all(&db)
            .await
    })
    .await
}

// === impl StoredRecord ===

impl FromRow<'_, PgRow> for StoredRecord {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
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
