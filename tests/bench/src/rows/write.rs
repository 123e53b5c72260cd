//! `write`: an audited write to SQLite, durable when it returns.
//!
//! Each write puts a ceremony and its audit record in one transaction. How many
//! transactions (and so fsyncs) that took is counted by the store itself. The floor
//! is what the disk takes for one page.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeropass::audit::Trail;
use zeropass::policy::Gate;
use zeropass::policy::action::CeremoniesPut;
use zeropass::store::sqlite::SqliteStore;
use zeropass::store::{
    AttestationConveyance, Ceremony, CeremonyKind, ResidentKey, Store as _, UserVerification,
};

use super::Places;
use crate::report::Row;
use crate::sample::{Stats, Variant, in_turns};
use crate::subject::{RP_ID, actor, clock, gate};

/// Callers at the same time in the second row.
const CALLERS: u32 = 64;
/// A disk is slow and its times vary: longer batches, fewer of them.
pub(super) const DISK_BATCH: Duration = Duration::from_millis(100);
pub(super) const DISK_ROUNDS: usize = 15;
/// The page size of SQLite, bytes.
const PAGE: [u8; 4096] = [0; 4096];

/// A store and the way into it.
pub(super) struct Audited {
    store: SqliteStore,
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
    one.store.close().await;
    many.store.close().await;
    let commits = |name, title, samples: RefCell<Vec<f64>>| -> anyhow::Result<Row> {
        // The last ones; those before are the warm-up's.
        let mut samples = samples.into_inner();
        let warm_up = samples.len().saturating_sub(DISK_ROUNDS);
        let stats = Stats::of(samples.split_off(warm_up))?;
        Ok(Row::new(name, title, "commits/write", stats))
    };
    Ok(vec![
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
            let before = audited.store.commits();
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
            let commits = u32::try_from(audited.store.commits() - before)?;
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
        Ok(Self {
            store: SqliteStore::open(path, 3_600_000, clock()).await?,
            gate: gate(&places.policies)?,
        })
    }

    /// Over a store that is open.
    pub(super) fn over(store: SqliteStore, places: &Places) -> anyhow::Result<Self> {
        Ok(Self {
            store,
            gate: gate(&places.policies)?,
        })
    }

    /// Let the store go.
    pub(super) async fn close(&self) {
        self.store.close().await;
    }

    pub(super) async fn write(&self) -> anyhow::Result<()> {
        let trail = Trail::new();
        let actor = actor("passkey-manager");
        let permit = self
            .gate
            .authorize::<CeremoniesPut>(&actor, Some(RP_ID), &trail)?;
        Ok(self.store.ceremonies_put(permit, ceremony()).await?)
    }
}

/// A sign-in that has begun.
pub(super) fn ceremony() -> Ceremony {
    let id = uuid::Uuid::new_v4();
    Ceremony {
        id: id.simple().to_string(),
        rp_id: RP_ID.into(),
        kind: CeremonyKind::Authentication,
        challenge: id.as_bytes().repeat(2),
        expires_at: clock().now() + 300_000,
        user: None,
        user_verification: UserVerification::Preferred,
        resident_key: ResidentKey::Preferred,
        attestation: AttestationConveyance::None,
        algorithms: Vec::new(),
        credentials: Vec::new(),
        extensions: Vec::new(),
    }
}
