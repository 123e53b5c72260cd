//! The table was altered, cut or rolled back.

use super::*;
use crate::audit::Entry;

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

/// A scene whose first block has three records, and the second begins behind them.
async fn with_a_block_of_three() -> Scene {
    let scene = Scene::new().await;
    let join = "
        UPDATE audit_blocks SET records =
            (SELECT group_concat(records, '' ORDER BY first) FROM audit_blocks WHERE first <= 3)
        WHERE first = 1;
        DELETE FROM audit_blocks WHERE first IN (2, 3)";
    scene.attack("UPDATE audit SET seq = seq").await;
    run(&mut scene.attacker().await, join).await.unwrap();
    assert_eq!(scene.verdict().await.bad, None);
    scene
}

#[tokio::test]
async fn every_flipped_bit_is_named_by_its_record() {
    let scene = with_a_block_of_three().await;
    let mut db = scene.attacker().await;
    let whole = scene.block(&mut db, 1).await;
    let mut place = 1;
    for at in 0..whole.len() {
        // Every bit of the second record, and one of each byte of those beside it.
        let bits = if place == 2 { 0..8 } else { at % 8..at % 8 + 1 };
        for bit in bits {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            match scene.with_block(&mut db, 1, &flipped).await {
                Some(Bad::Record { seq, .. }) => assert_eq!(seq, place, "byte {at}, bit {bit}"),
                other => panic!("byte {at}, bit {bit}: {other:?}"),
            }
        }
        place += u64::from(whole[at] == b'\n');
    }
    assert_eq!(scene.with_block(&mut db, 1, &whole).await, None);

    let last = i64::try_from(RECORDS).unwrap();
    for (first, bit) in [1, 50, last]
        .into_iter()
        .flat_map(|first| (0..63).map(move |bit| (first, bit)))
    {
        let other = first ^ (1_i64 << bit);
        let there = "SELECT count(*) FROM audit_blocks WHERE first = ?1";
        let there: i64 = sqlx::query_scalar(there)
            .bind(other)
            .fetch_one(&mut db)
            .await
            .unwrap();
        if there > 0 {
            // The database itself refuses two blocks at one place.
            continue;
        }
        let moved = |from: i64, to: i64| {
            format!("UPDATE audit_blocks SET first = {to} WHERE first = {from}")
        };
        run(&mut db, &moved(first, other)).await.unwrap();
        let expected = u64::try_from(first.min(other).max(1)).unwrap();
        match scene.verdict().await.bad {
            Some(Bad::Record { seq, .. }) => assert_eq!(seq, expected, "{first}, bit {bit}"),
            // The last record is not at its place any more: the end is gone.
            Some(Bad::CutTail { has, .. }) => assert_eq!((first, has), (last, RECORDS - 1)),
            other => panic!("{first}, bit {bit}: {other:?}"),
        }
        run(&mut db, &moved(other, first)).await.unwrap();
    }

    let bits = scene.log.len() * 8;
    for bit in 0..bits {
        let mut log = scene.log.clone().into_bytes();
        log[bit / 8] ^= 1 << (bit % 8);
        let set = |from: &[u8], to: &[u8]| {
            format!(
                "UPDATE audit_blocks SET log = {} WHERE first = 50 AND log = {}",
                text(to),
                text(from)
            )
        };
        run(&mut db, &set(scene.log.as_bytes(), &log))
            .await
            .unwrap();
        assert_eq!(scene.bad_record().await, 50, "bit {bit} of the log");
        run(&mut db, &set(&log, scene.log.as_bytes()))
            .await
            .unwrap();
    }
    assert_eq!(scene.verdict().await.bad, None, "every bit was put back");
}

#[tokio::test]
async fn line_that_is_cut_out_doubled_or_moved_in_its_block_is_named() {
    let scene = with_a_block_of_three().await;
    let mut db = scene.attacker().await;
    let whole = String::from_utf8(scene.block(&mut db, 1).await).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for (order, expected) in [
        (&[0, 2][..], 2),
        (&[1, 2], 1),
        (&[0, 1], 3),
        (&[0, 0, 1, 2], 2),
        (&[0, 1, 2, 2], 4),
        (&[0, 2, 1], 2),
        (&[], 1),
    ] {
        let altered: String = order.iter().map(|line| lines[*line]).collect();
        match scene.with_block(&mut db, 1, altered.as_bytes()).await {
            Some(Bad::Record { seq, .. }) => assert_eq!(seq, expected, "{order:?}"),
            other => panic!("{order:?}: {other:?}"),
        }
    }
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

/// A scene of more than two pages of the verifier, each record a block of its own.
async fn of_two_pages() -> (Scene, u64) {
    let mut scene = Scene::new().await;
    scene.run(RUN * RUNS, 900).await;
    scene.attack("UPDATE audit SET seq = seq").await;
    assert_eq!(scene.verdict().await.bad, None);
    (scene, RECORDS + 900)
}

const FORGE: &str = "replace(records, '\"success\"', '\"denied\"')";

#[tokio::test]
async fn place_that_two_blocks_have_is_named() {
    let (scene, last) = of_two_pages().await;
    let mut db = scene.attacker().await;
    for place in [2, 3, 300, 511, 512, 513, 514, 1023, 1024, 1025, 1026, last] {
        let before = scene.block(&mut db, place - 1).await;
        let forge = format!(
            "UPDATE audit_blocks SET records = records ||
                 (SELECT {FORGE} FROM audit_blocks WHERE first = {place})
             WHERE first = {} - 1",
            place
        );
        run(&mut db, &forge).await.unwrap();
        assert_eq!(scene.bad_record().await, place);
        assert_eq!(scene.with_block(&mut db, place - 1, &before).await, None);
    }
}

/// A block whose end is forged, and a good one that begins where the forgery does.
#[tokio::test]
async fn forged_end_of_a_block_under_a_good_one_is_named() {
    for from in [502, 511, 512, 513, 514, 700] {
        let (scene, _) = of_two_pages().await;
        let mut db = scene.attacker().await;
        let forge = format!(
            "UPDATE audit_blocks SET records =
                 (SELECT group_concat(CASE WHEN first < {from} THEN records ELSE {FORGE} END, ''
                      ORDER BY first)
                  FROM audit_blocks WHERE first BETWEEN 500 AND 720)
             WHERE first = 500;
             DELETE FROM audit_blocks WHERE first BETWEEN 501 AND {from} - 1"
        );
        run(&mut db, &forge).await.unwrap();
        assert_eq!(scene.bad_record().await, from);
    }
}

#[tokio::test]
async fn block_that_holds_nothing_or_stands_nowhere_is_named() {
    for (first, records, named) in [
        (1_000_000_000_000_000_i64, "''", RECORDS + 1),
        (i64::MAX, "''", RECORDS + 1),
        (i64::from(i32::MAX), FORGE, RECORDS + 1),
        (0, FORGE, 1),
        (-7, FORGE, 1),
        (i64::MIN, "''", 1),
    ] {
        let scene = Scene::new().await;
        let forge = format!(
            "INSERT INTO audit_blocks SELECT log, {first}, {records} FROM audit_blocks
             WHERE first = (SELECT max(first) FROM audit_blocks WHERE first < 100)"
        );
        let mut db = scene.attacker().await;
        assert_eq!(run(&mut db, &forge).await.unwrap(), 1);
        assert_eq!(scene.bad_record().await, named, "{first}");
        let refused = scene.sealer().await;
        assert!(refused.is_err(), "{first}: the host does not start");
    }
}

#[tokio::test]
async fn pages_of_any_size_have_each_place_once() {
    let (scene, last) = of_two_pages().await;
    let history = SqliteHistory::open(&scene.store()).await.unwrap();
    for limit in [1, 7, 256, 512, 4096] {
        let (mut places, mut after) = (Vec::new(), 0);
        loop {
            let entries = history.entries(&scene.log, after, limit).await.unwrap();
            assert!(entries.len() <= usize::try_from(limit).unwrap());
            let Some(newest) = entries.last() else { break };
            after = newest.seq();
            places.extend(entries.iter().map(Entry::seq));
        }
        assert_eq!(places, (1..=last).collect::<Vec<_>>(), "{limit}");
    }
}
