//! The audit table guards itself against our own mistakes.

use sqlx::{Connection as _, SqliteConnection};

use super::*;
use crate::audit::merkle::Hash;
use crate::audit::{StoredRecord, sample};
use crate::clock::{Clock as _, SystemClock};
use crate::store::contract::{DAY, RP};
use crate::store::sqlite::open::{Older, open};
use crate::store::sqlite::{audit, prune};

#[tokio::test]
async fn audit_blocks_can_not_be_changed() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    let before = kit.records().await;
    let replace = "
        PRAGMA recursive_triggers = ON;
        INSERT OR REPLACE INTO audit_blocks SELECT log, first, '' FROM audit_blocks";
    for statement in [
        "UPDATE audit_blocks SET records = 'x'",
        "DELETE FROM audit_blocks",
        "INSERT INTO audit_blocks SELECT log, 0, records FROM audit_blocks",
        replace,
    ] {
        let error = meddle(&path, statement).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    assert_eq!(kit.records().await, before);
}

#[tokio::test]
async fn audit_block_goes_only_when_it_is_old_and_its_leaves_stay() {
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
    let error = meddle(&path, "DELETE FROM audit_blocks").await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert_eq!(kit.records().await.len(), 2);
    let done = meddle(&path, "DELETE FROM audit_blocks WHERE first = 1").await;
    assert_eq!(done.unwrap(), 1);
}

/// What JSON writes in another way than it stands there.
fn odd(seq: u64) -> StoredRecord {
    StoredRecord {
        target: "a \"quoted\"\n\t\u{1}\u{8}xt, [\\] \u{7f} é/\u{2028}".into(),
        policies: vec!["a, \"b\"".into(), String::new()],
        ..sample(seq)
    }
}

/// A log of its own with these records, in one commit.
async fn write(path: &Path, records: &[StoredRecord]) -> SqliteConnection {
    let mut db = open(path, false, Older::BringUp).await.unwrap().connection;
    append(&mut db, records).await;
    db
}

async fn append(db: &mut SqliteConnection, records: &[StoredRecord]) {
    sqlx::query("BEGIN").execute(&mut *db).await.unwrap();
    let placed = StoredRecord::all_placed(records);
    audit::append_and_commit(db, "host", &placed).await.unwrap();
}

#[tokio::test]
async fn cut_ends_in_the_middle_of_a_block_and_the_rest_stays_as_it_was() {
    let (_folder, path) = folder();
    let records: Vec<_> = (1..=7).map(odd).collect();
    let mut db = write(&path, &records[..4]).await;
    append(&mut db, &records[4..]).await;
    for (cut, left) in [(1..=2, 3), (3..=3, 4), (4..=6, 7), (7..=7, 8)] {
        let leaves: Vec<_> = cut.map(|seq| (seq, Hash::default())).collect();
        prune(&path, "host", &leaves).await.unwrap();
        let found = audit::behind(&mut db, "host", 0, 10).await.unwrap();
        assert_eq!(found, records[left - 1..], "from {left} on");
        assert_eq!(audit::head(&mut db, "host").await.unwrap(), 7);
    }
}

#[tokio::test]
async fn cut_takes_no_record_that_is_young_or_has_no_leaf() {
    let (_folder, path) = folder();
    let mut records: Vec<_> = (1..=4).map(odd).collect();
    records[2].time = SystemClock.now() - 364 * DAY;
    let mut db = write(&path, &records).await;
    let leaves = |places: &[u64]| -> Vec<_> {
        let leaf = |seq: &u64| (*seq, Hash::default());
        places.iter().map(leaf).collect()
    };
    for refused in [&[1, 2, 3][..], &[2]] {
        let error = prune(&path, "host", &leaves(refused)).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
        let found = audit::behind(&mut db, "host", 0, 10).await.unwrap();
        assert_eq!(found, records);
    }
    prune(&path, "host", &leaves(&[1, 2])).await.unwrap();
    let found = audit::behind(&mut db, "host", 0, 10).await.unwrap();
    assert_eq!(found, records[2..]);
}

/// The table that the first schemas had, made anew from the view.
const ROWS: &str = "
    CREATE TABLE keyed (log TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
        request_id TEXT NOT NULL, workload TEXT NOT NULL, address TEXT NOT NULL,
        component_name TEXT NOT NULL, component_digest TEXT NOT NULL,
        component_revision TEXT NOT NULL, action TEXT NOT NULL, relying_party TEXT NOT NULL,
        target TEXT NOT NULL, outcome TEXT NOT NULL, policies TEXT NOT NULL,
        PRIMARY KEY (log, seq)) STRICT;
    INSERT INTO keyed SELECT * FROM audit;
    DROP VIEW audit; DROP TABLE audit_blocks;";

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
        "{ROWS} DROP TABLE audit_pruned;
         CREATE TABLE audit ({columns}) STRICT; {triggers}
         INSERT INTO audit SELECT seq + 10, time, request_id, workload, address, component_name,
             component_digest, component_revision, action, relying_party, target, outcome, policies
         FROM keyed;
         DROP TABLE keyed; DELETE FROM _sqlx_migrations WHERE version = 2 OR version >= 22"
    );
    meddle(&path, &back).await.unwrap();
    let (kit, _) = in_file(&path).await;
    assert_eq!(
        kit.records().await,
        before,
        "numbered from 1, without a hole"
    );
}

#[tokio::test]
async fn records_from_before_there_were_blocks_are_kept() {
    let (_folder, path) = folder();
    let records: Vec<_> = (1..=600).map(odd).collect();
    let db = write(&path, &records).await;
    db.close().await.unwrap();
    let back = format!(
        "{ROWS} ALTER TABLE keyed RENAME TO audit; DELETE FROM _sqlx_migrations WHERE version >= 22"
    );
    meddle(&path, &back).await.unwrap();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    let found = audit::behind(&mut db, "host", 0, 1_000).await.unwrap();
    assert_eq!(found, records);
    assert_eq!(audit::head(&mut db, "host").await.unwrap(), 600);
}

#[tokio::test]
async fn revisions_from_before_their_file_stood_last_are_kept_in_their_order() {
    let (_folder, path) = folder();
    let opened = open(&path, false, Older::BringUp).await.unwrap();
    opened.readers.close().await;
    opened.connection.close().await.unwrap();
    let step = include_str!("../migrations/0010_rollouts.sql");
    let (table, _) = step.split_once("CREATE TABLE rollouts").unwrap();
    let back = format!(
        "DROP TABLE revisions; {table}
         INSERT INTO revisions VALUES ('auth-service', 'b', '1.0.0', x'0061', 'signed', 1, 'ada'),
             ('auth-service', 'a', '1.1.0', x'736d', '', 1, 'bob');
         DELETE FROM _sqlx_migrations WHERE version = 23"
    );
    meddle(&path, &back).await.unwrap();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    let columns: Vec<String> =
        sqlx::query_scalar("SELECT name FROM pragma_table_info('revisions') ORDER BY cid")
            .fetch_all(&mut db)
            .await
            .unwrap();
    assert_eq!(columns.last().unwrap(), "wasm");
    let kept: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws('|', component, digest, version, hex(wasm), minisig, pushed_at, pushed_by)
         FROM revisions ORDER BY pushed_at, rowid",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    let was = [
        "auth-service|b|1.0.0|0061|signed|1|ada",
        "auth-service|a|1.1.0|736D||1|bob",
    ];
    assert_eq!(kept, was);
}

#[tokio::test]
async fn commit_of_any_size_is_written_and_read() {
    let (_folder, path) = folder();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    let mut written = 0;
    for count in [0, 1, 2, 255, 256, 257, 600] {
        let records: Vec<_> = (written + 1..=written + count).map(odd).collect();
        append(&mut db, &records).await;
        let limit = u32::try_from(count).unwrap() + 1;
        let found = audit::behind(&mut db, "host", written, limit).await;
        assert_eq!(found.unwrap(), records, "{count} behind {written}");
        written += count;
        assert_eq!(audit::head(&mut db, "host").await.unwrap(), written);
    }
    let some = audit::behind(&mut db, "host", 300, 400).await.unwrap();
    let places: Vec<_> = some.iter().map(|record| record.seq).collect();
    assert_eq!(places, (301..=700).collect::<Vec<_>>());
    // It was committed each time.
    sqlx::query("BEGIN").execute(&mut db).await.unwrap();
}
