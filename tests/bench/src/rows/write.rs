//! `write`: an audited write to SQLite, durable when it returns.
//!
//! Each write puts a ceremony and its audit record in one transaction. How many
//! transactions (and so fsyncs) that took is counted by the store itself. The floor
//! is what the disk takes for one page. PostgreSQL, where it is installed, is a server
//! on the same machine, asked over TLS.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use passkey_manager::ceremony::{CHALLENGE_LENGTH, ID_RANDOM, id};
use zeropass::audit::Trail;
use zeropass::policy::Gate;
use zeropass::policy::action::{CeremoniesPut, CredentialsGet};
use zeropass::store::sqlite::SqliteStore;
use zeropass::store::{
    AttestationConveyance, Ceremony, CeremonyKind, Error, ResidentKey, Store, UserVerification,
};

use super::Places;
use crate::postgres;
use crate::report::Row;
use crate::sample::{Stats, Variant, in_turns};
use crate::subject::{RP_ID, actor, clock, gate};

/// Milliseconds.
const SESSION_LIFETIME: u64 = 3_600_000;
/// Callers at the same time in the second row.
const CALLERS: u32 = 64;
/// A disk is slow and its times vary: longer batches, fewer of them.
pub(super) const DISK_BATCH: Duration = Duration::from_millis(100);
pub(super) const DISK_ROUNDS: usize = 31;
/// The page size of SQLite, bytes.
const PAGE: [u8; 4096] = [0; 4096];

/// A store and the way into it.
pub(super) struct Audited {
    store: Arc<dyn Store>,
    commits: Box<dyn Fn() -> u64 + Send + Sync>,
    gate: Arc<Gate>,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let folder = places.folder("write")?;
    let one = Arc::new(Audited::open(places, &folder.join("one.db")).await?);
    let many = Arc::new(Audited::open(places, &folder.join("many.db")).await?);
    let page = File::create(folder.join("page"))?;
    let (of_one, of_many) = (RefCell::default(), RefCell::default());

    let disk = Variant::plain(|| {
        (&page).write_all(&PAGE)?;
        page.sync_data().map_err(anyhow::Error::from)
    });
    let [alone, together, disk] = in_turns(
        DISK_ROUNDS,
        DISK_BATCH,
        [
            callers(&one, 1, &of_one),
            callers(&many, CALLERS, &of_many),
            disk,
        ],
    )
    .await?
    .map(|stats| stats.scaled(1e-3));
    let mut postgres = postgres_rows(places, &one, &many).await?;
    one.close().await;
    many.close().await;
    let commits = |name, title, samples: RefCell<Vec<f64>>| -> anyhow::Result<Row> {
        // The last ones; those before are the warm-up's.
        let mut samples = samples.into_inner();
        let warm_up = samples.len().saturating_sub(DISK_ROUNDS);
        let stats = Stats::of(samples.split_off(warm_up))?;
        Ok(Row::new(name, title, "commits/write", stats))
    };
    let mut rows = vec![
        Row::new(
            "write/1-caller",
            "audited write on SQLite, 1 caller",
            "us",
            alone,
        )
        .against("one page written and synced, no database", disk),
        commits("write/1-caller-commits", "commits for it", of_one)?,
        Row::new(
            "write/64-callers",
            "the same, 64 callers at once",
            "us",
            together,
        )
        .against("1 caller", alone)
        .against("one page written and synced, no database", disk),
        commits("write/64-callers-commits", "commits for it", of_many)?,
    ];
    rows.append(&mut postgres);
    Ok(rows)
}

/// The same writes to PostgreSQL, in turns with those to SQLite; none without a server.
async fn postgres_rows(
    places: &Places,
    one: &Arc<Audited>,
    many: &Arc<Audited>,
) -> anyhow::Result<Vec<Row>> {
    let Some(database) = postgres::start("write/postgres").await? else {
        return Ok(Vec::new());
    };
    let place = database.place().await?;
    let store = Arc::new(place.store(SESSION_LIFETIME).await?);
    let counted = Arc::clone(&store);
    let audited = Arc::new(Audited::new(
        store,
        Box::new(move || counted.commits()),
        places,
    )?);
    let shares = RefCell::default();
    let measured = in_turns(
        DISK_ROUNDS,
        DISK_BATCH,
        [
            callers(&audited, 1, &shares),
            callers(one, 1, &shares),
            callers(&audited, CALLERS, &shares),
            callers(many, CALLERS, &shares),
        ],
    );
    let [alone, sqlite_alone, together, sqlite_together] =
        measured.await?.map(|stats| stats.scaled(1e-3));
    audited.close().await;
    Ok(vec![
        Row::new(
            "write/postgres-1-caller",
            "audited write on PostgreSQL, 1 caller",
            "us",
            alone,
        )
        .against("SQLite", sqlite_alone),
        Row::new(
            "write/postgres-64-callers",
            "the same, 64 callers at once",
            "us",
            together,
        )
        .against("SQLite", sqlite_together),
    ])
}

/// So many writes, shared among callers that run at the same time. Also counts
/// commits for each write.
pub(super) fn callers<'a>(
    audited: &'a Arc<Audited>,
    callers: u32,
    shares: &'a RefCell<Vec<f64>>,
) -> Variant<'a> {
    Variant::batches(move |times| {
        Box::pin(async move {
            // Each caller has something to do, and all have the same.
            let each = times.div_ceil(callers);
            let writes = each * callers;
            let before = audited.commits();
            let started = Instant::now();
            let mut tasks = Vec::new();
            for _ in 0..callers {
                let audited = Arc::clone(audited);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..each {
                        audited.write().await?;
                    }
                    anyhow::Ok(())
                }));
            }
            for task in tasks {
                task.await??;
            }
            let taken = started.elapsed();
            let commits = u32::try_from(audited.commits() - before)?;
            shares
                .borrow_mut()
                .push(f64::from(commits) / f64::from(writes));
            // The time that `times` of them would have taken.
            Ok(taken.mul_f64(f64::from(times) / f64::from(writes)))
        })
    })
}

// === impl Audited ===

impl Audited {
    async fn open(places: &Places, path: &Path) -> anyhow::Result<Self> {
        let store = SqliteStore::open(path, SESSION_LIFETIME, clock()).await?;
        Self::over(store, places)
    }

    /// Over a SQLite store that is open.
    pub(super) fn over(store: SqliteStore, places: &Places) -> anyhow::Result<Self> {
        let store = Arc::new(store);
        let counted = Arc::clone(&store);
        Self::new(store, Box::new(move || counted.commits()), places)
    }

    fn new(
        store: Arc<dyn Store>,
        commits: Box<dyn Fn() -> u64 + Send + Sync>,
        places: &Places,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store,
            commits,
            gate: gate(&places.policies)?,
        })
    }

    /// Let the store go.
    pub(super) async fn close(&self) {
        self.store.close().await;
    }

    /// How many transactions the store has committed.
    pub(super) fn commits(&self) -> u64 {
        (self.commits)()
    }

    /// A write whose record comes after those of so many reads from another store.
    pub(super) async fn write_after(&self, store: &dyn Store, times: usize) -> anyhow::Result<()> {
        let trail = Trail::new();
        read(store, &self.gate, &trail, times).await?;
        self.write_on(&trail).await
    }

    pub(super) async fn write(&self) -> anyhow::Result<()> {
        self.write_on(&Trail::new()).await
    }

    async fn write_on(&self, trail: &Trail) -> anyhow::Result<()> {
        let actor = actor("passkey-manager");
        let permit = self
            .gate
            .authorize::<CeremoniesPut>(&actor, Some(RP_ID), trail)?;
        Ok(self.store.ceremonies_put(permit, ceremony()).await?)
    }
}

/// Ask for a passkey that is not there, so many times; each leaves its record on the trail.
pub(super) async fn read(
    store: &dyn Store,
    gate: &Gate,
    trail: &Trail,
    times: usize,
) -> anyhow::Result<()> {
    let actor = actor("passkey-manager");
    for _ in 0..times {
        let permit = gate.authorize::<CredentialsGet>(&actor, Some(RP_ID), trail)?;
        let answer = store
            .credentials_get(permit, b"no such passkey".to_vec())
            .await;
        anyhow::ensure!(answer == Err(Error::NotFound), "{answer:?}");
    }
    Ok(())
}

/// A sign-in that has begun, with the id that passkey-manager gives it.
pub(super) fn ceremony() -> Ceremony {
    let mut challenge = vec![0; CHALLENGE_LENGTH];
    let mut random = [0; ID_RANDOM];
    // Should it fail, the store refuses the second id of a millisecond.
    let _ = rand::fill(&mut challenge).and_then(|()| rand::fill(&mut random));
    let now = clock().now();
    Ceremony {
        id: id(now, &random),
        rp_id: RP_ID.into(),
        kind: CeremonyKind::Authentication,
        challenge,
        expires_at: now + 300_000,
        user: None,
        user_verification: UserVerification::Preferred,
        resident_key: ResidentKey::Preferred,
        attestation: AttestationConveyance::None,
        algorithms: Vec::new(),
        credentials: Vec::new(),
        extensions: Vec::new(),
    }
}
