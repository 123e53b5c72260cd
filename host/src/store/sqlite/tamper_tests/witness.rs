//! Leaves, checkpoints and exports were altered, or are not there.

use super::*;

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
        let mut verdicts = verify(&source, &witness, LATER, &mut |_| {}).await.unwrap();
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
