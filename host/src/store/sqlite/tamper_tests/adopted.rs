//! Records that somebody has put behind the end of a log that rests. Who continues the log
//! seals them, and says that it found them; they let nothing else be gone.

use super::*;
use crate::audit::retention::{PRUNE, is_operators, prune_target};
use crate::audit::verify::{RESTORE, restore_target};

impl Scene {
    /// As the owner of the database: one record more in the log of the operators, which rests.
    async fn forge(&self, action: &str, target: &str) {
        let others = COLUMNS[3..].iter().map(|column| match *column {
            "action" => format!("'{action}'"),
            "target" => format!("'{target}'"),
            other => other.to_owned(),
        });
        let others: Vec<String> = others.collect();
        self.attack(&format!(
            "INSERT INTO audit ({}) SELECT log, seq + 1, {}, {} FROM audit
             WHERE log LIKE 'operators-%' ORDER BY seq DESC LIMIT 1",
            COLUMNS.join(", "),
            LATER + YEAR,
            others.join(", ")
        ))
        .await;
    }

    async fn query(&self, now: u64) {
        self.operator(("audit.query", "-".into()), now, now).await;
    }

    async fn of_operators(&self) -> Verdict {
        let verdicts = self.verdicts().await;
        let own = verdicts.into_iter().find(|one| is_operators(&one.log));
        own.expect("a verdict on the log of the operators")
    }
}

/// Whether the verifier tells of the one record that was forged.
fn found(verdict: &Verdict) -> bool {
    let told = "records 2 to 2 were found when the log was continued: nothing shows who wrote them";
    verdict.remarks.iter().any(|remark| remark == told)
}

#[tokio::test]
async fn forged_record_of_a_cut_lets_nothing_be_gone() {
    // However old the records are by then, and whether or not the forgery is sealed yet.
    for now in [NOW + 1_000, LATER] {
        let scene = Scene::new().await;
        scene.query(now).await;
        scene.forge(PRUNE, &prune_target(&scene.log, 60)).await;
        scene.cut(1..=60).await;
        assert_eq!(scene.bad_record().await, 1);
        scene.query(now).await;
        assert_eq!(scene.bad_record().await, 1);
        let operators = scene.of_operators().await;
        assert!(found(&operators), "{:?}", operators.remarks);
        assert_eq!((operators.bad, operators.sealed), (None, 4));
    }
}

/// A command that died after its record was committed and before it was sealed has cut
/// nothing. Repeated, it is as good as ever.
#[tokio::test]
async fn cut_is_repeated_after_a_crash_before_its_record_was_sealed() {
    let scene = Scene::new().await;
    scene.query(NOW).await;
    let operators = scene.of_operators().await.log;
    let leaves = Sink::new(&scene.checkpoints(), &operators)
        .leaves()
        .to_owned();
    let files = [scene.checkpoints(), leaves];
    let before = files.clone().map(|file| std::fs::read(file).unwrap());
    scene.prune_record(60, LATER).await;
    for (file, bytes) in files.iter().zip(before) {
        std::fs::write(file, bytes).unwrap();
    }
    scene.query(LATER).await;
    assert_eq!(scene.verdict().await.bad, None);
    scene.prune_record(60, LATER).await;
    scene.cut(1..=60).await;
    let verdict = scene.verdict().await;
    assert_eq!((verdict.bad, verdict.pruned), (None, 60));
}

#[tokio::test]
async fn forged_record_of_a_restore_excuses_no_cut_tail() {
    let scene = Scene::new().await;
    scene.query(NOW).await;
    let log = &scene.log;
    scene
        .attack(&format!(
            "DELETE FROM audit WHERE log = '{log}' AND seq > 150"
        ))
        .await;
    scene.forge(RESTORE, &restore_target(log, 150)).await;
    scene.query(NOW).await;
    let cut = Some(Bad::CutTail {
        has: 150,
        had: RECORDS,
    });
    assert_eq!(scene.verdict().await.bad, cut);
    assert!(found(&scene.of_operators().await));
    // Nor does one that a host has written.
    let target = restore_target(log, 150);
    let what = (RESTORE, target.clone());
    scene.note("other", what, NOW, NOW).await;
    assert_eq!(scene.verdict().await.bad, cut);
    scene.operator((RESTORE, target), NOW, NOW).await;
    assert_eq!(scene.verdict().await.bad, None);
}
