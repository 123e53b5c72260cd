//! The audit table guards itself against our own mistakes.

use super::*;
use crate::audit::{StoredRecord, sample};
use crate::clock::{Clock as _, SystemClock};
use crate::store::contract::{DAY, RP};
use crate::store::sqlite::audit;
use crate::store::sqlite::open::{Older, open};

#[tokio::test]
async fn audit_rows_can_not_be_changed() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    let before = kit.records().await;
    let replace = "
        PRAGMA recursive_triggers = ON;
        INSERT OR REPLACE INTO audit SELECT log, seq, 0, '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '[]'
        FROM audit";
    for statement in [
        "UPDATE audit SET target = 'x'",
        "DELETE FROM audit",
        replace,
    ] {
        let error = meddle(&path, statement).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    assert_eq!(kit.records().await, before);
}

#[tokio::test]
async fn audit_row_goes_only_when_it_is_old_and_its_leaf_stays() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    // The kit's clock stands more than 365 days ago; the trigger asks the machine's.
    let leaf = "INSERT INTO audit_pruned SELECT log, seq, zeroblob(32) FROM audit";
    meddle(&path, leaf).await.unwrap();
    for statement in [
        "DELETE FROM audit_pruned",
        "UPDATE audit_pruned SET seq = 9",
    ] {
        let error = meddle(&path, statement).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    kit.clock.set(SystemClock.now() - 364 * DAY);
    kit.create(RP, "bob").await;
    let young = "INSERT INTO audit_pruned SELECT log, seq, zeroblob(32) FROM audit WHERE seq = 2";
    meddle(&path, young).await.unwrap();
    let error = meddle(&path, "DELETE FROM audit").await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert_eq!(kit.records().await.len(), 2);
    let done = meddle(&path, "DELETE FROM audit WHERE seq = 1").await;
    assert_eq!(done.unwrap(), 1);
}

/// A database of the first schema keeps its records, in a log of their own.
#[tokio::test]
async fn records_from_before_logs_were_keyed_are_kept() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    kit.create(RP, "bob").await;
    let before = kit.records().await;
    kit.store.close().await;
    drop(kit);
    let first = include_str!("../migrations/0001_store.sql");
    let table = first.split_once("CREATE TABLE audit (").unwrap().1;
    let (columns, triggers) = table.split_once(") STRICT;").unwrap();
    let back = format!(
        "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;
         DROP TABLE audit_pruned; ALTER TABLE audit RENAME TO keyed;
         CREATE TABLE audit ({columns}) STRICT; {triggers}
         INSERT INTO audit SELECT seq + 10, time, request_id, workload, address, component_name,
             component_digest, component_revision, action, relying_party, target, outcome, policies
         FROM keyed;
         DROP TABLE keyed; DELETE FROM _sqlx_migrations WHERE version = 2"
    );
    meddle(&path, &back).await.unwrap();
    let (kit, _) = in_file(&path).await;
    assert_eq!(
        kit.records().await,
        before,
        "numbered from 1, without a hole"
    );
}

/// What records of a group have in common is bound once, and each statement has room for so many.
#[tokio::test]
async fn each_column_of_each_record_is_written_whatever_the_others_have() {
    type Change = fn(&mut StoredRecord);
    let changes: [Change; 12] = [
        |_| {},
        |record| record.time += 1,
        |record| record.request_id = "other".into(),
        |record| record.workload = "other".into(),
        |record| record.address = "other".into(),
        |record| record.component_name = "other".into(),
        |record| record.component_digest = "other".into(),
        |record| record.component_revision = "other".into(),
        |record| record.action = "other".into(),
        |record| record.relying_party = "other".into(),
        |record| record.outcome = "denied".into(),
        |record| record.policies = vec!["a".into()],
    ];
    let (_folder, path) = folder();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    let mut written = 0;
    for count in [1, 2, 3, 63, 64, 65, 128, 130] {
        for change in changes {
            let mut records: Vec<_> = (written + 1..=written + count).map(sample).collect();
            change(records.last_mut().unwrap());
            sqlx::query("BEGIN").execute(&mut db).await.unwrap();
            let placed = StoredRecord::all_placed(&records);
            let appended = audit::append_and_commit(&mut db, "host", &placed).await;
            appended.unwrap();
            let limit = u32::try_from(count).unwrap() + 1;
            let found = audit::behind(&mut db, "host", written, limit).await;
            assert_eq!(found.unwrap(), records, "{count} behind {written}");
            written += count;
        }
    }
    // It was committed each time.
    sqlx::query("BEGIN").execute(&mut db).await.unwrap();
}
