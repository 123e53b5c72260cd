//! The table was altered, cut or rolled back.

use super::*;

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
