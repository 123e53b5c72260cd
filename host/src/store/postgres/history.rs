//! The audit logs as an auditor reads them: as the role that can do nothing else, and
//! trusting nothing.
//!
//! A page is read in one snapshot: while retention moves records to their leaves beside it, each
//! place is there once.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::PgPool;

use super::connect::Gateway;
use super::settings::{Login, Server};
use super::{OpenError, Role, schema};
use crate::audit::merkle::Hash;
use crate::audit::{Entry, Source, SourceError, StoredRecord};
use crate::store::columns::time;

const LOGS: &str = "
    SELECT log FROM (
        SELECT log FROM zeropass.audit UNION SELECT log FROM zeropass.audit_pruned) AS logs
    ORDER BY log COLLATE \"C\"";

/// Not the head that writers keep: what is there counts.
const HEAD: &str = "
    SELECT coalesce(max(head), 0) FROM (
        SELECT max(seq) AS head FROM zeropass.audit WHERE log = $1
        UNION ALL SELECT max(seq) FROM zeropass.audit_pruned WHERE log = $1) AS heads";

const RECORDS: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM zeropass.audit WHERE log = $1 AND seq > $2 ORDER BY seq LIMIT $3";

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const PRUNED: &str = "
    SELECT seq, leaf FROM zeropass.audit_pruned WHERE log = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// The columns of [`RECORDS`], in order.
type Columns = (
    i64,
    i64,
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

/// Records, and leaves of those that retention has cut.
type Page = (Vec<Columns>, Vec<(i64, Vec<u8>)>);

/// The logs of a store in PostgreSQL.
pub struct PostgresHistory {
    name: String,
    pool: PgPool,
    _gateway: Arc<Gateway>,
}

// === impl PostgresHistory ===

impl PostgresHistory {
    /// Read the logs of this database as the read-only audit role.
    ///
    /// # Errors
    /// No connection, or a schema of another version.
    pub async fn open(server: &Server, audit_reader: &Login) -> Result<Self, OpenError> {
        let gateway = Arc::new(Gateway::open(server, Role::AuditReader, audit_reader)?);
        let mut connection = schema::connect(&gateway).await?;
        schema::check(&mut connection).await?;
        Ok(Self {
            name: format!("{}:{}/{}", server.host, server.port, server.database),
            pool: gateway.pool(1),
            _gateway: gateway,
        })
    }

    async fn page(&self, log: &str, after: u64, limit: u32) -> Result<Page, sqlx::Error> {
        let mut snapshot = self.pool.begin_with(SNAPSHOT).await?;
        let records = sqlx::query_as(RECORDS)
            .bind(log)
            .bind(time(after))
            .bind(i64::from(limit))
            .fetch_all(&mut *snapshot)
            .await?;
        let pruned = sqlx::query_as(PRUNED)
            .bind(log)
            .bind(time(after))
            .bind(i64::from(limit))
            .fetch_all(&mut *snapshot)
            .await?;
        snapshot.commit().await?;
        Ok((records, pruned))
    }

    fn failed(&self, error: &sqlx::Error) -> SourceError {
        SourceError(format!("{}: {error}", self.name))
    }
}

#[async_trait]
impl Source for PostgresHistory {
    async fn logs(&self) -> Result<Vec<String>, SourceError> {
        sqlx::query_scalar(LOGS)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.failed(&error))
    }

    async fn head(&self, log: &str) -> Result<u64, SourceError> {
        let head: i64 = sqlx::query_scalar(HEAD)
            .bind(log)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.failed(&error))?;
        u64::try_from(head).map_err(|_| SourceError(format!("{}: a place below 0", self.name)))
    }

    async fn entries(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Entry>, SourceError> {
        let page = self.page(log, after, limit).await;
        let (records, pruned) = page.map_err(|error| self.failed(&error))?;
        let records = records.into_iter().filter_map(record);
        let mut entries: Vec<Entry> = records.collect();
        if !pruned.is_empty() {
            entries.extend(pruned.into_iter().filter_map(leaf));
            entries.sort_by_key(Entry::seq);
            entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(entries)
    }
}

/// The list of policies must be the text that this program writes for it: no second
/// text may have the same leaf. Places after 0 are asked for, and so none is below.
fn record(columns: Columns) -> Option<Entry> {
    let seq = u64::try_from(columns.0).ok()?;
    let unreadable = |why: &str| Entry::Unreadable {
        seq,
        why: why.into(),
    };
    let Ok(time) = u64::try_from(columns.1) else {
        return Some(unreadable("its time is below 0"));
    };
    let policies: Vec<String> = serde_json::from_str(&columns.12).unwrap_or_default();
    if !serde_json::to_string(&policies).is_ok_and(|text| text == columns.12) {
        return Some(unreadable(
            "its policies are no list as this program writes it",
        ));
    }
    Some(Entry::Record(Box::new(StoredRecord {
        seq,
        time,
        request_id: columns.2,
        workload: columns.3,
        address: columns.4,
        component_name: columns.5,
        component_digest: columns.6,
        component_revision: columns.7,
        action: columns.8,
        relying_party: columns.9,
        target: columns.10,
        outcome: columns.11,
        policies,
    })))
}

fn leaf((seq, leaf): (i64, Vec<u8>)) -> Option<Entry> {
    let seq = u64::try_from(seq).ok()?;
    Some(match Hash::from_bytes(&leaf) {
        Some(leaf) => Entry::Pruned { seq, leaf },
        None => Entry::Unreadable {
            seq,
            why: "its leaf is no hash".into(),
        },
    })
}
