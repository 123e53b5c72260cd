//! A sealed log, and everything that somebody with the file could do to it.
//!
//! Each test alters a copy as an attacker who owns the file would: triggers dropped,
//! rows rewritten. The verifier must name the place, and a host must not go on.
//! [`records`] are about the table, [`retention`] about what is gone from it, [`adopted`] about
//! what is put behind its end, [`witness`] about what vouches for it.

mod adopted;
mod records;
mod retention;
mod witness;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{SqliteHistory, SqliteStore};
use crate::audit::export::{JsonLines, export};
use crate::audit::retention::{OPERATORS, YEAR};
use crate::audit::verify::{Bad, Verdict, Witness, verify, verify_log};
use crate::audit::{
    Actor, Log, Outcome, PATIENCE, Record, ResumeError, Schedule, SealError, SealKey, Sealer, Sink,
    Source, Trail, Turn, read_notes,
};
use crate::clock::FixedClock;
use crate::store::Store as _;
use crate::store::contract::{Kit, LIFETIME, NOW, RP, id};

/// Records of each run; each run ends with a checkpoint.
const RUN: u32 = 50;
const RUNS: u32 = 4;
const RECORDS: u64 = (RUN * RUNS) as u64;

/// When the logs are verified.
const LATER: u64 = NOW + 2 * YEAR;

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
        let (log, sealer) = self.sealer_of("host", NOW).await.unwrap();
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
        self.sealer_of("host", NOW).await
    }

    async fn sealer_of(&self, name: &str, now: u64) -> Result<(Arc<Log>, Sealer), SealError> {
        // A process that another test starts may hold the lock until it runs.
        let key = SealKey::open(self.folder.path(), name, Turn::Wait).unwrap();
        let log = Arc::new(Log::new(&key, 1_000));
        let clock = Arc::new(FixedClock::new(now));
        let store =
            SqliteStore::open_with(&self.store(), LIFETIME, clock.clone(), Arc::clone(&log)).await;
        store.unwrap().close().await;
        let history = SqliteHistory::open(&self.store()).await.unwrap();
        let sink = Sink::new(&self.checkpoints(), key.log_id());
        let schedule = Schedule {
            interval: Duration::from_secs(3600),
            patience: PATIENCE,
        };
        let sealer = Sealer::start(Arc::clone(&log), key, sink, &history, clock, schedule).await?;
        Ok((log, sealer))
    }

    /// A record of an operator with this time, sealed when it is `now`.
    async fn operator(&self, what: (&'static str, String), time: u64, now: u64) {
        self.note(OPERATORS, what, time, now).await;
    }

    /// The same in the log of this name.
    async fn note(&self, log: &str, what: (&'static str, String), time: u64, now: u64) {
        let (action, target) = what;
        let (log, sealer) = self.sealer_of(log, now).await.unwrap();
        let clock = Arc::new(FixedClock::new(now));
        let store = SqliteStore::open_with(&self.store(), LIFETIME, clock, log).await;
        let store = store.unwrap();
        let trail = Trail::new();
        let actor = Actor::local("operator:uid-0");
        if let Some(adopted) = sealer.adopted(actor.clone()) {
            trail.push(adopted);
        }
        trail.push(Record::plain(time, actor, action, target, Outcome::Success));
        store.append(&trail).await.unwrap();
        store.close().await;
        seal(sealer).await;
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

    /// With all public keys.
    fn witness(&self) -> Witness {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let keys = files.filter(|file| file.extension().is_some_and(|kind| kind == "pub"));
        let read = |file| std::fs::read_to_string(file).unwrap().trim().parse();
        let keys = keys.map(|file| read(file).unwrap()).collect();
        Witness::read(&[self.checkpoints()], keys).unwrap()
    }

    async fn verdicts(&self) -> Vec<Verdict> {
        let history = SqliteHistory::open(&self.store()).await.unwrap();
        verify(&history, &self.witness(), LATER, &mut |_| {})
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
        for trigger in ["audit_no_update", "audit_no_insert", "audit_no_delete"] {
            let drop = format!("DROP TRIGGER IF EXISTS {trigger}");
            run(&mut db, &drop).await.unwrap();
        }
        db
    }

    /// Somebody who knows how records are written takes them apart, does that to the table of
    /// them, and writes what comes of it back, each a block of its own.
    async fn attack(&self, statement: &str) {
        let mut db = self.attacker().await;
        let apart = "CREATE TEMP TABLE audit AS SELECT * FROM main.audit";
        run(&mut db, apart).await.unwrap();
        assert!(run(&mut db, statement).await.unwrap() > 0, "{statement}");
        let back = format!(
            "DELETE FROM audit_blocks;
             INSERT INTO audit_blocks SELECT log, seq, '[' || {} || ',' || policies || ']' || char(10)
             FROM audit ORDER BY log, seq",
            COLUMNS[1..13].iter().map(|column| format!("json_quote({column})"))
                .collect::<Vec<_>>().join(" || ',' || ")
        );
        run(&mut db, &back).await.unwrap();
    }

    /// The bytes of a block.
    async fn block(&self, db: &mut SqliteConnection, first: u64) -> Vec<u8> {
        sqlx::query_scalar("SELECT CAST(records AS BLOB) FROM audit_blocks WHERE first = ?1")
            .bind(i64::try_from(first).unwrap())
            .fetch_one(db)
            .await
            .unwrap()
    }

    /// Alter a block, and look.
    async fn with_block(
        &self,
        db: &mut SqliteConnection,
        first: u64,
        records: &[u8],
    ) -> Option<Bad> {
        let set = format!(
            "UPDATE audit_blocks SET records = {} WHERE first = {first}",
            text(records)
        );
        assert_eq!(run(db, &set).await.unwrap(), 1);
        self.verdict().await.bad
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
