//! A sealed log, and everything that somebody with the file could do to it.
//!
//! Each test alters a copy as an attacker who owns the file would: triggers dropped,
//! rows rewritten. The verifier must name the place, and a host must not go on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{SqliteHistory, SqliteStore};
use crate::audit::export::{JsonLines, export};
use crate::audit::verify::{Bad, Verdict, Witness, verify};
use crate::audit::{
    Log, ResumeError, Schedule, SealError, SealKey, Sealer, Sink, Source, Turn, read_notes,
};
use crate::clock::FixedClock;
use crate::store::contract::{Kit, LIFETIME, NOW, RP, id};

/// Records of each run; each run ends with a checkpoint.
const RUN: u32 = 50;
const RUNS: u32 = 4;
const RECORDS: u64 = (RUN * RUNS) as u64;

const COLUMNS: [&str; 14] = [
    "log",
    "seq",
    "time",
    "request_id",
    "workload",
    "address",
    "component_name",
    "component_digest",
    "component_revision",
    "action",
    "relying_party",
    "target",
    "outcome",
    "policies",
];

struct Scene {
    folder: TempDir,
    log: String,
}

// === impl Scene ===

impl Scene {
    /// Four runs of a host, each with its checkpoint.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut scene = Self {
            folder,
            log: String::new(),
        };
        for run in 0..RUNS {
            scene.run(run * RUN, RUN).await;
        }
        scene
    }

    async fn run(&mut self, first: u32, count: u32) {
        self.run_at(NOW + u64::from(first), first, count).await;
    }

    async fn run_at(&mut self, now: u64, first: u32, count: u32) {
        let (log, sealer) = self.sealer().await.unwrap();
        self.log = log.id().to_owned();
        let clock = Arc::new(FixedClock::new(now));
        let store = SqliteStore::open_with(&self.store(), LIFETIME, clock.clone(), log).await;
        let kit = Kit::over(Arc::new(store.unwrap()), clock);
        for number in first..first + count {
            if number % 3 == 0 {
                let _absent = kit.get(RP, format!("key-{number}").as_bytes()).await;
            } else {
                kit.put(Kit::ceremony(&id(number))).await.unwrap();
            }
        }
        kit.store.append(&kit.trail).await.unwrap();
        kit.store.close().await;
        seal(sealer).await;
    }

    /// What a host does before it goes on with the log.
    async fn sealer(&self) -> Result<(Arc<Log>, Sealer), SealError> {
        let key = SealKey::open(self.folder.path(), "host", Turn::Now).unwrap();
        let log = Arc::new(Log::new(key.log_id(), 1_000));
        let clock = Arc::new(FixedClock::new(NOW));
        let store =
            SqliteStore::open_with(&self.store(), LIFETIME, clock.clone(), Arc::clone(&log)).await;
        store.unwrap().stop().await;
        let history = SqliteHistory::open(&self.store()).await.unwrap();
        let sink = Sink::new(&self.checkpoints(), key.log_id());
        let schedule = Schedule {
            interval: Duration::from_secs(3600),
        };
        let sealer = Sealer::start(Arc::clone(&log), key, sink, &history, clock, schedule).await?;
        Ok((log, sealer))
    }

    /// Why a host would refuse to start.
    async fn refusal(&self) -> String {
        match self.sealer().await {
            Ok(_) => panic!("the log is continued"),
            Err(SealError::Resume(error)) => error.to_string(),
            Err(error) => panic!("{error}"),
        }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("zeropass.db")
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("checkpoints")
    }

    fn leaves(&self) -> PathBuf {
        Sink::new(&self.checkpoints(), &self.log)
            .leaves()
            .to_owned()
    }

    fn witness(&self) -> Witness {
        let key = self.folder.path().join(format!("audit-{}.pub", self.log));
        let key = std::fs::read_to_string(key)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        Witness::read(&self.checkpoints(), vec![key]).unwrap()
    }

    async fn verdicts(&self) -> Vec<Verdict> {
        let history = SqliteHistory::open(&self.store()).await.unwrap();
        verify(&history, &self.witness(), &mut |_| {})
            .await
            .unwrap()
    }

    async fn verdict(&self) -> Verdict {
        let verdicts = self.verdicts().await;
        let own = verdicts.into_iter().find(|verdict| verdict.log == self.log);
        own.expect("a verdict on the log")
    }

    /// The place that the verifier names.
    async fn bad_record(&self) -> u64 {
        match self.verdict().await.bad {
            Some(Bad::Record { seq, .. }) => seq,
            other => panic!("{other:?}"),
        }
    }

    /// A connection of somebody who has got rid of the triggers.
    async fn attacker(&self) -> SqliteConnection {
        let mut db = SqliteConnectOptions::new()
            .filename(self.store())
            .pragma("synchronous", "OFF")
            .connect()
            .await
            .unwrap();
        for trigger in ["audit_no_update", "audit_no_delete"] {
            let drop = format!("DROP TRIGGER IF EXISTS {trigger}");
            run(&mut db, &drop).await.unwrap();
        }
        db
    }

    async fn attack(&self, statement: &str) {
        let mut db = self.attacker().await;
        assert!(run(&mut db, statement).await.unwrap() > 0, "{statement}");
    }

    /// The bytes of one column, and whether they are a number.
    async fn value(&self, db: &mut SqliteConnection, column: &str, seq: u64) -> (Vec<u8>, bool) {
        let select = format!(
            "SELECT CAST({column} AS BLOB), typeof({column}) = 'integer' FROM audit WHERE seq = {seq}"
        );
        sqlx::query_as(AssertSqlSafe(select))
            .fetch_one(db)
            .await
            .unwrap()
    }

    /// Flip one bit of a column, look, and flip it back.
    async fn flip(&self, db: &mut SqliteConnection, column: &str, seq: u64, bit: usize) {
        let (bytes, number) = self.value(db, column, seq).await;
        let (good, bad) = if number {
            let value: i64 = String::from_utf8(bytes).unwrap().parse().unwrap();
            let bad = value ^ (1_i64 << (bit % 63));
            (value.to_string(), bad.to_string())
        } else {
            let mut flipped = bytes.clone();
            let at = (bit / 8) % bytes.len();
            flipped[at] ^= 1 << (bit % 8);
            (text(&bytes), text(&flipped))
        };
        let rowid = format!("SELECT rowid FROM audit WHERE seq = {seq}");
        let rowid: i64 = sqlx::query_scalar(AssertSqlSafe(rowid))
            .fetch_one(&mut *db)
            .await
            .unwrap();
        let set =
            |value: &str| format!("UPDATE audit SET {column} = {value} WHERE rowid = {rowid}");
        if run(db, &set(&bad)).await.is_err() {
            // The place is taken: the database itself refuses two of them.
            assert_eq!(column, "seq");
            return;
        }
        match self.verdict().await.bad {
            Some(Bad::Record { seq: named, .. }) => {
                assert_eq!(named, seq, "{column}, bit {bit}");
            }
            // The last record is not at its place any more: the end is gone.
            Some(Bad::CutTail { has, .. }) if ["log", "seq"].contains(&column) => {
                assert_eq!((seq, has), (RECORDS, RECORDS - 1), "{column}, bit {bit}");
            }
            other => panic!("{column}, bit {bit}: {other:?}"),
        }
        assert_eq!(run(db, &set(&good)).await.unwrap(), 1);
    }
}

async fn seal(sealer: Sealer) {
    let (stop, stopped) = oneshot::channel();
    drop(stop);
    sealer.run(stopped).await;
}

async fn run(db: &mut SqliteConnection, statement: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

fn text(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("CAST(x'{hex}' AS TEXT)")
}

#[tokio::test]
async fn untouched_log_is_good_and_goes_on() {
    let mut scene = Scene::new().await;
    let verdict = scene.verdict().await;
    assert_eq!(verdict.bad, None);
    assert_eq!((verdict.records, verdict.sealed), (RECORDS, RECORDS));
    // One before the first record, and one for each run.
    assert_eq!(verdict.checkpoints, u64::from(RUNS) + 1);
    assert!(verdict.remarks.is_empty(), "{verdict:?}");
    scene.run(RUN * RUNS, 5).await;
    assert_eq!(scene.verdict().await.sealed, RECORDS + 5);
}

#[tokio::test]
async fn clock_that_was_set_back_is_a_remark_and_the_order_stays() {
    let mut scene = Scene::new().await;
    let newest = NOW + u64::from(RUN * (RUNS - 1));
    scene.run_at(newest - 60_000, RUN * RUNS, 3).await;
    let verdict = scene.verdict().await;
    assert_eq!((verdict.bad, verdict.remarks), (None, Vec::new()));

    scene.run_at(newest - 60_001, RUN * RUNS + 3, 3).await;
    let verdict = scene.verdict().await;
    assert_eq!(verdict.bad, None);
    assert_eq!(verdict.records, RECORDS + 6);
    assert_eq!(
        verdict.remarks,
        [
            "the clock was set back by more than a minute before record 204; the order of \
             records is that of their places"
        ]
    );
}

#[tokio::test]
async fn every_flipped_bit_is_named_by_its_record() {
    let scene = Scene::new().await;
    let mut db = scene.attacker().await;
    for column in COLUMNS {
        // In one record all bytes, each with another bit; in the others two bits.
        let (bytes, _) = scene.value(&mut db, column, 77).await;
        for byte in 0..bytes.len() {
            scene.flip(&mut db, column, 77, byte * 8 + byte % 8).await;
        }
        for seq in [1, 50, 51, 150, RECORDS] {
            for bit in [0, 13] {
                scene.flip(&mut db, column, seq, bit).await;
            }
        }
    }
    assert_eq!(scene.verdict().await.bad, None, "every bit was put back");
}

/// The same list as another text would have the same leaf.
#[tokio::test]
async fn second_text_for_the_same_policies_is_named() {
    let scene = Scene::new().await;
    scene
        .attack("UPDATE audit SET policies = replace(policies, '\"', ' \"') WHERE seq = 9")
        .await;
    assert_eq!(scene.bad_record().await, 9);
}

#[tokio::test]
async fn deleted_record_is_named() {
    for seq in [1, 50, 51, 120] {
        let scene = Scene::new().await;
        scene
            .attack(&format!("DELETE FROM audit WHERE seq = {seq}"))
            .await;
        assert_eq!(scene.bad_record().await, seq);
        let refusal = scene.refusal().await;
        assert!(
            refusal.contains(&format!("record {seq} is missing")),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn deleted_record_is_named_although_the_rest_moved_up() {
    let scene = Scene::new().await;
    scene
        .attack(
            "DELETE FROM audit WHERE seq = 120; UPDATE audit SET seq = -seq WHERE seq > 120;
                 UPDATE audit SET seq = -seq - 1 WHERE seq < 0",
        )
        .await;
    assert_eq!(scene.bad_record().await, 120);
}

#[tokio::test]
async fn inserted_record_is_named() {
    let scene = Scene::new().await;
    scene
        .attack("UPDATE audit SET seq = -seq WHERE seq >= 60; UPDATE audit SET seq = -seq + 1 WHERE seq < 0;
                 INSERT INTO audit SELECT log, 60, time, request_id, workload, address, component_name,
                     component_digest, component_revision, action, relying_party, 'forged', outcome, policies
                 FROM audit WHERE seq = 59")
        .await;
    assert_eq!(scene.bad_record().await, 60);
}

#[tokio::test]
async fn swapped_records_are_named_by_the_first() {
    let scene = Scene::new().await;
    scene
        .attack(
            "UPDATE audit SET seq = -130 WHERE seq = 30; UPDATE audit SET seq = 30 WHERE seq = 130;
                 UPDATE audit SET seq = 130 WHERE seq = -130",
        )
        .await;
    assert_eq!(scene.bad_record().await, 30);
}

#[tokio::test]
async fn cut_tail_is_told_from_a_bad_record() {
    for left in [0, 1, 100, RECORDS - 1] {
        let scene = Scene::new().await;
        scene
            .attack(&format!("DELETE FROM audit WHERE seq > {left}"))
            .await;
        let expected = Bad::CutTail {
            has: left,
            had: RECORDS,
        };
        assert_eq!(scene.verdict().await.bad, Some(expected), "{left}");
        let refusal = scene.refusal().await;
        assert!(refusal.contains("its end is cut off"), "{refusal}");
    }
}

#[tokio::test]
async fn earlier_copy_of_the_whole_database_is_a_cut_tail() {
    let mut scene = Scene::new().await;
    let earlier = std::fs::read(scene.store()).unwrap();
    scene.run(RUN * RUNS, 7).await;
    std::fs::write(scene.store(), earlier).unwrap();
    let expected = Bad::CutTail {
        has: RECORDS,
        had: RECORDS + 7,
    };
    assert_eq!(scene.verdict().await.bad, Some(expected));
    let refusal = scene.refusal().await;
    assert!(refusal.contains("zeropass store restore"), "{refusal}");
}

#[tokio::test]
async fn log_that_vanished_is_missed() {
    let scene = Scene::new().await;
    scene.attack("DELETE FROM audit").await;
    let verdicts = scene.verdicts().await;
    assert_eq!(verdicts.len(), 1);
    assert!(matches!(verdicts[0].bad, Some(Bad::CutTail { has: 0, .. })));
    scene.attack("INSERT INTO audit VALUES ('other', 1, 0, '-', '-', '-', '-', '-', '-', '-', '-', '-', '-', '[]')").await;
    let verdicts = scene.verdicts().await;
    let other = verdicts
        .iter()
        .find(|verdict| verdict.log == "other")
        .unwrap();
    assert!(
        matches!(other.bad, Some(Bad::NoWitness { .. })),
        "{other:?}"
    );
}

/// An attacker who reaches the leaves too: the checkpoint still tells, but not which.
#[tokio::test]
async fn without_leaves_the_checkpoint_names_the_stretch() {
    let scene = Scene::new().await;
    scene
        .attack("UPDATE audit SET target = 'forged' WHERE seq = 120")
        .await;
    assert_eq!(scene.bad_record().await, 120);
    std::fs::remove_file(scene.leaves()).unwrap();
    let stretch = Bad::Range { from: 101, to: 150 };
    assert_eq!(scene.verdict().await.bad, Some(stretch));
    let refusal = scene.refusal().await;
    assert!(refusal.contains("do not have the root"), "{refusal}");
}

#[tokio::test]
async fn altered_leaf_is_told_from_an_altered_record() {
    let scene = Scene::new().await;
    let mut leaves = std::fs::read(scene.leaves()).unwrap();
    leaves[32 * 119] ^= 1;
    std::fs::write(scene.leaves(), &leaves).unwrap();
    let verdict = scene.verdict().await;
    assert_eq!(verdict.bad, None);
    assert!(
        verdict.remarks[0].contains("exported leaves"),
        "{verdict:?}"
    );
    let refusal = scene.refusal().await;
    assert!(refusal.contains("does not have the root"), "{refusal}");
    // Moved away, they are made again from the table that fits the checkpoint.
    std::fs::remove_file(scene.leaves()).unwrap();
    let (_, sealer) = scene.sealer().await.unwrap();
    seal(sealer).await;
    leaves[32 * 119] ^= 1;
    assert_eq!(std::fs::read(scene.leaves()).unwrap(), leaves);
}

#[tokio::test]
async fn forged_checkpoint_is_named() {
    let scene = Scene::new().await;
    let text = std::fs::read_to_string(scene.checkpoints()).unwrap();
    std::fs::write(scene.checkpoints(), text.replacen("\n150\n", "\n151\n", 1)).unwrap();
    let verdict = scene.verdict().await;
    let Some(Bad::Checkpoint { what }) = verdict.bad else {
        panic!("{verdict:?}");
    };
    assert!(what.contains("at 151 records is wrong"), "{what}");
    std::fs::write(scene.checkpoints(), text.replacen("\n200\n", "\n199\n", 1)).unwrap();
    let refusal = scene.refusal().await;
    assert!(refusal.contains("at 199 records is wrong"), "{refusal}");
}

#[tokio::test]
async fn log_without_its_checkpoints_is_not_continued() {
    let scene = Scene::new().await;
    std::fs::remove_file(scene.checkpoints()).unwrap();
    let error = scene.sealer().await.unwrap_err();
    let lost = matches!(error, SealError::Resume(ResumeError::NoCheckpoint { .. }));
    assert!(lost, "{error}");
}

#[tokio::test]
async fn records_behind_the_last_checkpoint_are_counted_and_sealed_next() {
    let mut scene = Scene::new().await;
    let seal_file = std::fs::read(scene.checkpoints()).unwrap();
    let leaves = std::fs::read(scene.leaves()).unwrap();
    scene.run(RUN * RUNS, 6).await;
    // As if the host had been killed before it could seal.
    std::fs::write(scene.checkpoints(), seal_file).unwrap();
    std::fs::write(scene.leaves(), leaves).unwrap();
    let verdict = scene.verdict().await;
    assert_eq!((verdict.bad, verdict.sealed), (None, RECORDS));
    assert!(
        verdict.remarks[0].starts_with("6 records behind"),
        "{:?}",
        verdict.remarks
    );
    let (_, sealer) = scene.sealer().await.unwrap();
    seal(sealer).await;
    let verdict = scene.verdict().await;
    assert_eq!((verdict.bad, verdict.sealed), (None, RECORDS + 6));
    let notes = read_notes(&scene.checkpoints()).unwrap();
    assert_eq!(notes.last().unwrap().claimed().size, RECORDS + 6);
}

#[tokio::test]
async fn export_verifies_as_the_database_does() {
    let scene = Scene::new().await;
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    let logs = history.logs().await.unwrap();
    let mut lines = Vec::new();
    let count = export(&history, &logs, &mut lines, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(count, RECORDS);
    let file = scene.folder.path().join("export.jsonl");
    let verdict = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let source = JsonLines::open(&file).unwrap();
        let witness = scene.witness();
        let mut verdicts = verify(&source, &witness, &mut |_| {}).await.unwrap();
        verdicts.remove(0)
    };
    let good = String::from_utf8(lines).unwrap();
    let whole = verdict(&good).await;
    assert_eq!((whole.bad, whole.sealed), (None, RECORDS));

    let lines: Vec<&str> = good.lines().collect();
    let altered = lines[33].replace("login.example", "logim.example");
    let cases = [
        ([&lines[..33], &[&altered], &lines[34..]].concat(), 34),
        ([&lines[..33], &["{}"], &lines[34..]].concat(), 34),
        ([&lines[..33], &lines[34..]].concat(), 34),
        (
            [&lines[..33], &[lines[34], lines[33]], &lines[35..]].concat(),
            34,
        ),
    ];
    for (lines, seq) in cases {
        let bad = verdict(&(lines.join("\n") + "\n")).await.bad;
        assert!(
            matches!(bad, Some(Bad::Record { seq: found, .. }) if found == seq),
            "{bad:?}"
        );
    }
    let bad = verdict(&(lines[..150].join("\n") + "\n")).await.bad;
    let cut = Bad::CutTail {
        has: 150,
        had: RECORDS,
    };
    assert_eq!(bad, Some(cut));
}
