//! Records are gone, and the table of what retention has cut has their leaves.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::*;
use crate::audit::export::ExportError;
use crate::audit::merkle::Hash;
use crate::audit::retention::{PRUNE, prune_target};
use crate::audit::{Entry, SourceError};
use crate::store::sqlite::prune;

impl Scene {
    /// An operator's record that this log is cut up to a place.
    pub(super) async fn prune_record(&self, last: u64, now: u64) {
        let target = prune_target(&self.log, last);
        self.operator((PRUNE, target), now, now).await;
    }

    /// What the owner of the database can do: the genuine leaf stays, the record goes.
    pub(super) async fn cut(&self, places: RangeInclusive<u64>) {
        let leaves = std::fs::read(self.leaves()).unwrap();
        for seq in places {
            let at = usize::try_from(seq - 1).unwrap() * 32;
            let leaf: String = leaves[at..at + 32]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let log = &self.log;
            self.attack(&format!(
                "INSERT INTO audit_pruned (log, seq, leaf) VALUES ('{log}', {seq}, x'{leaf}');
                 DELETE FROM audit WHERE log = '{log}' AND seq = {seq}"
            ))
            .await;
        }
    }
}

#[tokio::test]
async fn what_an_operator_cut_after_a_year_is_good() {
    let scene = Scene::new().await;
    scene.prune_record(60, NOW + YEAR).await;
    scene.cut(1..=60).await;
    let verdict = scene.verdict().await;
    assert_eq!((verdict.bad, verdict.pruned), (None, 60));
    assert_eq!(verdict.sealed, RECORDS);
    // Alone too: the log of the operators is looked at for it.
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    let alone = verify_log(&history, &scene.witness(), &scene.log, LATER, &mut |_| {}).await;
    assert_eq!(alone.unwrap().bad, None);
    let young = scene.refusal().await;
    assert!(young.contains("records up to 60 are gone"), "{young}");
    let a_year_on = scene.sealer_of("host", NOW + YEAR).await;
    assert!(a_year_on.is_ok());
    // No further than the operator said.
    scene.cut(61..=61).await;
    assert_eq!(scene.bad_record().await, 61);
}

#[tokio::test]
async fn record_that_is_gone_from_the_middle_is_named() {
    let scene = Scene::new().await;
    scene.prune_record(150, NOW + YEAR).await;
    scene.cut(120..=121).await;
    assert_eq!(scene.bad_record().await, 120);
    let refusal = scene.refusal().await;
    assert!(refusal.contains("record 120 is gone"), "{refusal}");
}

#[tokio::test]
async fn beginning_that_is_gone_without_a_record_of_it_is_named() {
    let scene = Scene::new().await;
    scene.cut(1..=50).await;
    assert_eq!(scene.bad_record().await, 1);
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    let alone = verify_log(&history, &scene.witness(), &scene.log, LATER, &mut |_| {}).await;
    assert!(matches!(
        alone.unwrap().bad,
        Some(Bad::Record { seq: 1, .. })
    ));
}

#[tokio::test]
async fn beginning_that_is_gone_before_its_year_is_named() {
    let scene = Scene::new().await;
    scene.prune_record(50, NOW + YEAR - 1).await;
    scene.cut(1..=50).await;
    assert_eq!(scene.bad_record().await, 1);
}

/// The age is that of checkpoints, and no clock that runs ahead makes more of it.
#[tokio::test]
async fn year_is_counted_by_checkpoints_and_not_by_the_record_of_the_cut() {
    let scene = Scene::new().await;
    let target = prune_target(&scene.log, 50);
    scene.operator((PRUNE, target), LATER, NOW + 1_000).await;
    scene.cut(1..=50).await;
    assert_eq!(scene.bad_record().await, 1);
    scene.prune_record(50, LATER).await;
    assert_eq!(scene.verdict().await.bad, None);
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    let ahead = async |now| {
        let verdict = verify_log(&history, &scene.witness(), &scene.log, now, &mut |_| {}).await;
        verdict.unwrap().bad
    };
    assert!(matches!(
        ahead(NOW + YEAR - 1).await,
        Some(Bad::Record { seq: 1, .. })
    ));
    assert_eq!(ahead(NOW + YEAR + 1_000).await, None);
}

/// What nobody has sealed says nothing.
#[tokio::test]
async fn unsealed_record_of_a_cut_is_none() {
    let scene = Scene::new().await;
    let checkpoints = std::fs::read(scene.checkpoints()).unwrap();
    scene.prune_record(50, NOW + YEAR).await;
    std::fs::write(scene.checkpoints(), checkpoints).unwrap();
    scene.cut(1..=50).await;
    assert_eq!(scene.bad_record().await, 1);
}

/// Short pages of a log, which is cut before some of them are read.
struct CutBetween<'a> {
    scene: &'a Scene,
    history: SqliteHistory,
    /// Behind which place, and what.
    cuts: Mutex<Vec<(u64, RangeInclusive<u64>)>>,
}

#[async_trait]
impl Source for CutBetween<'_> {
    async fn logs(&self) -> Result<Vec<String>, SourceError> {
        self.history.logs().await
    }

    async fn head(&self, log: &str) -> Result<u64, SourceError> {
        self.history.head(log).await
    }

    async fn entries(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Entry>, SourceError> {
        let cut = {
            let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
            let here = cuts
                .first()
                .is_some_and(|(place, _)| log == self.scene.log && *place == after);
            here.then(|| cuts.remove(0))
        };
        if let Some((_, places)) = cut {
            self.scene.cut(places).await;
        }
        self.history.entries(log, after, limit.min(20)).await
    }
}

/// An operator cuts while somebody reads.
#[tokio::test]
async fn reader_whom_a_cut_overtakes_begins_again() {
    let scene = Scene::new().await;
    scene.prune_record(180, NOW + YEAR).await;
    let source = |cuts: Vec<(u64, RangeInclusive<u64>)>| {
        let (scene, cuts) = (&scene, Mutex::new(cuts));
        async move {
            let history = SqliteHistory::open(&scene.store()).await.unwrap();
            CutBetween {
                scene,
                history,
                cuts,
            }
        }
    };
    let twice = source(vec![(40, 1..=50), (100, 51..=120)]).await;
    let verdict = verify_log(&twice, &scene.witness(), &scene.log, LATER, &mut |_| {}).await;
    let verdict = verdict.unwrap();
    assert_eq!((verdict.bad, verdict.pruned), (None, 120));

    let starting = source(vec![(140, 121..=150)]).await;
    let key = SealKey::open(scene.folder.path(), "host", Turn::Wait).unwrap();
    let sink = Sink::new(&scene.checkpoints(), key.log_id());
    let log = Arc::new(Log::new(&key, 1_000));
    log.resume(RECORDS);
    let clock = Arc::new(FixedClock::new(NOW + YEAR));
    let schedule = Schedule {
        interval: Duration::from_secs(3600),
        patience: PATIENCE,
    };
    Sealer::start(log, key, sink, &starting, clock, schedule)
        .await
        .unwrap();

    // Its lines are out: only another export can be good.
    let exporting = source(vec![(160, 151..=170)]).await;
    let logs = [scene.log.clone()];
    let export = async || export(&exporting, &logs, &mut Vec::new(), &mut |_| {}).await;
    let refused = export().await.unwrap_err();
    assert!(
        matches!(refused, ExportError::Overtaken { seq: 161, .. }),
        "{refused}"
    );
    assert_eq!(export().await.unwrap(), RECORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_read_beside_a_cut_has_each_place_once() {
    let scene = Scene::new().await;
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    let (store, log) = (scene.store(), scene.log.clone());
    let cutting = tokio::spawn(async move {
        for seq in 1..=RECORDS {
            let leaf = (seq, Hash::default());
            prune(&store, &log, &[leaf]).await.unwrap();
        }
    });
    let all: Vec<u64> = (1..=RECORDS).collect();
    while !cutting.is_finished() {
        let entries = history.entries(&scene.log, 0, 1_000).await.unwrap();
        assert_eq!(entries.iter().map(Entry::seq).collect::<Vec<_>>(), all);
    }
    cutting.await.unwrap();
}
