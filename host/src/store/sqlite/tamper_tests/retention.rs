//! Records are gone, and the table of what retention has cut has their leaves.

use super::*;
use crate::audit::retention::{PRUNE, prune_target};

impl Scene {
    /// An operator's record that this log is cut up to a place.
    pub(super) async fn prune_record(&self, last: u64, now: u64) {
        let target = prune_target(&self.log, last);
        self.operator((PRUNE, target), now, now).await;
    }

    /// What the owner of the database can do: the genuine leaf stays, the record goes.
    pub(super) async fn cut(&self, places: std::ops::RangeInclusive<u64>) {
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
