//! `audit`: what the audit log costs, and how fast it is verified.
//!
//! Group commit is compared with the same store when each caller has the writer to
//! itself, so that each write is a commit. Auditing is compared with the same store without
//! a log, which exists in a build for the bench only. Once with one record for each write, and
//! once with as many as a sign-in has, most of which are of calls that only read: those are
//! made alike on both sides.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use zeropass::audit::verify::{Witness, verify};
use zeropass::audit::{
    Log, Outcome, PATIENCE, Record, Schedule, SealKey, Sealer, Sink, Trail, Turn,
};
use zeropass::store::Store;
use zeropass::store::sqlite::{SqliteHistory, SqliteStore};

use super::Places;
use super::write::{Audited, DISK_BATCH, DISK_ROUNDS, callers};
use crate::report::Row;
use crate::sample::{Stats, Variant, in_turns};
use crate::subject::{RP_ID, actor, clock};

const CALLERS: u32 = 64;
/// Calls that read before each write: with it five records, where a sign-in leaves 18 for
/// 4 changes.
const READS: usize = 4;
/// Records of the log that is verified.
const RECORDS: u64 = 100_000;
/// How often it is verified.
const ROUNDS: usize = 7;

/// A store whose log is sealed as a host's is.
struct Sealed {
    store: SqliteStore,
    sealing: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let folder = places.folder("audit")?;
    let sealed = |name: &'static str| Sealed::open(&folder, name);
    let (grouped, single) = (sealed("grouped").await?, sealed("single").await?);
    let grouped_store = Arc::new(Audited::over(grouped.store, places)?);
    let single_store = Arc::new(Audited::over(single.store, places)?);
    let unaudited = Arc::new(unaudited(places, &folder.join("off.db")).await?);
    let (shares, shares_off) = (RefCell::default(), RefCell::default());
    let turn = Arc::new(Mutex::new(()));
    let [together, alone, off] = in_turns(
        DISK_ROUNDS,
        DISK_BATCH,
        [
            callers(&grouped_store, CALLERS, &shares),
            one_commit_each(&single_store, &turn),
            callers(&unaudited, CALLERS, &shares_off),
        ],
    )
    .await?
    .map(|stats| stats.scaled(1e-3));
    for (audited, sealing, stop) in [
        (grouped_store, grouped.sealing, grouped.stop),
        (single_store, single.sealing, single.stop),
    ] {
        audited.close().await;
        let _ = stop.send(());
        sealing.await?;
    }
    let shares: Vec<f64> = shares.into_inner();
    let mut sizes: Vec<f64> = shares.iter().map(|share| 1.0 / share).collect();
    // The last ones; those before are the warm-up's.
    let sizes = Stats::of(sizes.split_off(sizes.len().saturating_sub(DISK_ROUNDS)))?;
    let mixed = mixed(places, &folder, &unaudited).await?;
    unaudited.close().await;
    let verified = verify_all(&folder).await?;
    Ok(vec![
        Row::new(
            "audit/group-commit",
            "audited and sealed write on SQLite, 64 callers, group commit",
            "us",
            together,
        )
        .against_at_most(
            "one commit for each call, 64 callers",
            alone,
            1.0 / 8.0,
            "8 times the writes a second",
        )
        .against_at_most(
            "group commit without audit records",
            off,
            1.0 / 0.7,
            "at most 30 % of throughput lost",
        ),
        Row::new(
            "audit/group-size",
            "writes in one commit of it",
            "writes/commit",
            sizes,
        ),
        mixed,
        Row::new(
            "audit/verify",
            "verifying one record of a SQLite store, one core",
            "us",
            verified,
        )
        .at_most(5.0, "200,000 records a second"),
    ])
}

/// A write with the records of the reads before it, as in a sign-in.
async fn mixed(places: &Places, folder: &Path, unaudited: &Arc<Audited>) -> anyhow::Result<Row> {
    let sealed = Sealed::open(folder, "mixed").await?;
    let audited = Arc::new(Audited::over(sealed.store, places)?);
    // The same for both, and none of its records is ever written.
    let reads = SqliteStore::open(&folder.join("reads.db"), 3_600_000, clock()).await?;
    let reads: Arc<dyn Store> = Arc::new(reads);
    let after_reads = |store: &Arc<Audited>| {
        let (store, reads) = (Arc::clone(store), Arc::clone(&reads));
        together(move || {
            let (store, reads) = (Arc::clone(&store), Arc::clone(&reads));
            async move { store.write_after(&*reads, READS).await }
        })
    };
    let (with, without) = (after_reads(&audited), after_reads(unaudited));
    let [with, without] = in_turns(DISK_ROUNDS, DISK_BATCH, [with, without])
        .await?
        .map(|stats| stats.scaled(1e-3));
    audited.close().await;
    reads.close().await;
    let _ = sealed.stop.send(());
    sealed.sealing.await?;
    Ok(Row::new(
        "audit/sign-in-mix",
        "write after four reads, five records, 64 callers, group commit",
        "us",
        with,
    )
    .against_at_most(
        "the same without audit records",
        without,
        1.0 / 0.7,
        "at most 30 % of throughput lost",
    ))
}

/// 64 callers, and each has the store to itself.
fn one_commit_each<'a>(audited: &'a Arc<Audited>, turn: &'a Arc<Mutex<()>>) -> Variant<'a> {
    Variant::batches(move |times| {
        Box::pin(async move {
            let each = times.div_ceil(CALLERS);
            let started = Instant::now();
            let mut tasks = Vec::new();
            for _ in 0..CALLERS {
                let (audited, turn) = (Arc::clone(audited), Arc::clone(turn));
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        let _alone = turn.lock().await;
                        audited.write().await?;
                    }
                    anyhow::Ok(())
                }));
            }
            for task in tasks {
                task.await??;
            }
            Ok(started
                .elapsed()
                .mul_f64(f64::from(times) / f64::from(each * CALLERS)))
        })
    })
}

/// 64 callers at once.
fn together<'a, W, F>(write: W) -> Variant<'a>
where
    W: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    Variant::batches(move |times| {
        let write = write.clone();
        Box::pin(async move {
            let each = times.div_ceil(CALLERS);
            let started = Instant::now();
            let mut tasks = Vec::new();
            for _ in 0..CALLERS {
                let write = write.clone();
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        write().await?;
                    }
                    anyhow::Ok(())
                }));
            }
            for task in tasks {
                task.await??;
            }
            Ok(started
                .elapsed()
                .mul_f64(f64::from(times) / f64::from(each * CALLERS)))
        })
    })
}

/// Microseconds for each record.
async fn verify_all(folder: &Path) -> anyhow::Result<Stats> {
    let sealed = Sealed::open(folder, "verify").await?;
    let actor = actor("passkey-manager");
    for first in (0..RECORDS).step_by(1_000) {
        let trail = Trail::new();
        for number in first..first + 1_000 {
            trail.push(Record {
                time: clock().now(),
                actor: actor.clone(),
                action: "credentials.get",
                relying_party: RP_ID.into(),
                target: format!("bench-{number:016}"),
                outcome: Outcome::Success,
                policies: Arc::from(["passkey-manager.call".to_owned()]),
            });
        }
        sealed.store.append(&trail).await?;
    }
    sealed.store.close().await;
    let _ = sealed.stop.send(());
    sealed.sealing.await?;

    let key = SealKey::open(&folder.join("verify"), "host", Turn::Wait)?;
    let witness = Witness::read(
        &[checkpoints(folder, "verify")],
        vec![key.verifier().clone()],
    )?;
    let history = SqliteHistory::open(&folder.join("verify.db")).await?;
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let verdicts = verify(&history, &witness, clock().now(), &mut |_| {}).await?;
        let taken = started.elapsed();
        let verdict = verdicts.first().context("a verdict")?;
        anyhow::ensure!(
            verdict.bad.is_none() && verdict.sealed == RECORDS,
            "{verdict:?}"
        );
        samples.push(taken.as_secs_f64() * 1e6 / RECORDS as f64);
    }
    Stats::of(samples)
}

/// The store without a log.
async fn unaudited(places: &Places, path: &Path) -> anyhow::Result<Audited> {
    let log = Arc::new(Log::off());
    let store = SqliteStore::open_with(path, 3_600_000, clock(), log).await?;
    Audited::over(store, places)
}

fn checkpoints(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.checkpoints"))
}

// === impl Sealed ===

impl Sealed {
    async fn open(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let key = SealKey::open(&folder.join(name), "host", Turn::Now)?;
        // As a host's default.
        let log = Arc::new(Log::new(&key, 4096));
        let path = folder.join(format!("{name}.db"));
        let store = SqliteStore::open_with(&path, 3_600_000, clock(), Arc::clone(&log)).await?;
        let history = SqliteHistory::open(&path).await?;
        let sink = Sink::new(&checkpoints(folder, name), key.log_id());
        let schedule = Schedule {
            interval: Duration::from_secs(10),
            patience: PATIENCE,
        };
        let sealer = Sealer::start(log, key, sink, &history, clock(), schedule).await?;
        history.close().await;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            store,
            sealing: tokio::spawn(sealer.run(stopped)),
            stop,
        })
    }
}
