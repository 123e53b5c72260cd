//! The audit log of a deployment.

use std::path::Path;
use std::time::Duration;

use zeropass::audit::{Entry, Source as _};
use zeropass::store::StoredRecord;
use zeropass::store::sqlite::SqliteHistory;

use super::Deployment;

/// How long a record that is written on a task of its own may take. Only a failing
/// test waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

impl Deployment {
    /// All records so far, oldest first.
    pub async fn records(&self) -> Vec<StoredRecord> {
        let mut records: Vec<StoredRecord> = Vec::new();
        loop {
            let after = records.last().map_or(0, |last| last.seq);
            let more = self
                .services()
                .store
                .records(after, 500)
                .await
                .expect("the audit log can be read");
            if more.is_empty() {
                return records;
            }
            records.extend(more);
        }
    }

    /// The records of one request, oldest first.
    pub async fn records_of(&self, request_id: &str) -> Vec<StoredRecord> {
        let mut records = self.records().await;
        records.retain(|record| record.request_id == request_id);
        records
    }

    /// The first record that `wanted` accepts, now or soon. Records of refused
    /// connections are written after the connection is gone.
    ///
    /// # Panics
    /// None comes; the message shows all there are.
    pub async fn record_where(&self, wanted: impl Fn(&StoredRecord) -> bool) -> StoredRecord {
        let started = std::time::Instant::now();
        loop {
            let records = self.records().await;
            if let Some(found) = records.iter().find(|record| wanted(record)) {
                return found.clone();
            }
            assert!(
                started.elapsed() < PATIENCE,
                "no such record among {records:#?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// All records of all logs in a store's file, each log in its order. The store may be
/// closed.
///
/// # Panics
/// It can't be read, or holds something else than records.
pub async fn stored_records(file: &Path) -> Vec<StoredRecord> {
    let history = SqliteHistory::open(file).await.expect("a store");
    let mut records: Vec<StoredRecord> = Vec::new();
    for log in history.logs().await.expect("logs") {
        let mut after = 0;
        loop {
            let entries = history.entries(&log, after, 4096).await.expect("entries");
            let Some(last) = entries.last() else { break };
            after = last.seq();
            records.extend(entries.into_iter().map(|entry| match entry {
                Entry::Record(record) => *record,
                other => panic!("{other:?}"),
            }));
        }
    }
    records
}

/// `component action outcome` of each record, for comparisons.
pub fn lines(records: &[StoredRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| {
            format!(
                "{} {} {}",
                record.component_name, record.action, record.outcome
            )
        })
        .collect()
}
