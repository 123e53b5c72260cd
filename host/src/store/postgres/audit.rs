//! Reading the audit log of this host, as the role that may do nothing else.

use sqlx::postgres::PgPool;

use super::read::read;
use crate::store::columns::time;
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
