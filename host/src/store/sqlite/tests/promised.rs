//! Changes whose callers go on before the commit: what they are told in the end.

use std::time::Duration;

use super::*;
use crate::audit::Trail;
use crate::policy::Permit;
use crate::store::Error;
use crate::store::contract::{RP, id};

/// For a commit on the slowest machine.
const ENOUGH: Duration = Duration::from_secs(60);

/// What a component hears that puts a ceremony for somebody who has this trail.
async fn put(kit: &Kit, trail: &Trail, number: u32) -> Result<(), Error> {
    let permit = Permit::for_tests(NOW, kit.actor(), RP, trail);
    kit.store
        .ceremonies_put(permit, Kit::ceremony(&id(number)))
        .await
}

async fn outcomes(kit: &Kit) -> Vec<String> {
    let records = kit.store.records(0, 10).await.unwrap();
    records.into_iter().map(|record| record.outcome).collect()
}

#[tokio::test]
async fn caller_goes_on_and_the_answer_waits_for_the_commit() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()));
    assert!(!trail.is_empty(), "it is promised");
    assert_eq!(kit.store.append(&trail).await, Ok(()));
    assert!(trail.is_empty());
    assert_eq!(outcomes(&kit).await, ["success"]);
    let there = meddle(&path, "UPDATE ceremonies SET used_at = 1").await;
    assert_eq!(there.unwrap(), 1);
}

/// Whoever withholds nothing is told after the commit.
#[tokio::test]
async fn nothing_is_promised_to_a_trail_that_does_not_withhold() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    let trail = Trail::new();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()));
    assert!(trail.is_empty());
    assert_eq!(outcomes(&kit).await, ["success"]);
}

#[tokio::test]
async fn refusal_is_heard_at_once_and_its_record_waits_too() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()));
    assert_eq!(put(&kit, &trail, 1).await, Err(Error::Exists));
    assert_eq!(kit.store.append(&trail).await, Ok(()));
    assert_eq!(outcomes(&kit).await, ["success", "failed:exists"]);
}

#[tokio::test]
async fn answer_is_withheld_for_good_when_the_commit_failed() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    meddle(&path, BREAK_AUDIT).await.unwrap();
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()), "so it was promised");
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));

    meddle(&path, "DROP TRIGGER broken").await.unwrap();
    assert_eq!(
        kit.store.append(&trail).await,
        Err(Error::Busy),
        "whatever comes after it"
    );
    assert_eq!(outcomes(&kit).await, ["failed:busy"]);
    let there = meddle(&path, "UPDATE ceremonies SET used_at = 1").await;
    assert_eq!(there.unwrap(), 0, "the change is not there");
}

/// Everything before COMMIT goes well.
#[tokio::test]
async fn answer_is_withheld_when_the_commit_itself_failed() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    meddle(&path, DEFER_A_FAILURE).await.unwrap();
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()));
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));
    meddle(&path, "DROP TRIGGER late").await.unwrap();
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));
    assert_eq!(outcomes(&kit).await, ["failed:busy"]);
    let there = meddle(&path, "UPDATE ceremonies SET used_at = 1").await;
    assert_eq!(there.unwrap(), 0);
}

#[tokio::test]
async fn while_the_log_refuses_nothing_is_promised_and_nothing_confirmed() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    store.database.log.refuse(true);
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Err(Error::Busy));
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));
    store.database.log.refuse(false);
    assert_eq!(outcomes(&kit).await, ["failed:busy"]);
}

/// The commit happened, but nobody knew.
#[tokio::test]
async fn answer_is_withheld_when_nobody_knows_of_the_commit() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    store.database.debts.lose_answers(1);
    let trail = Trail::that_withholds();
    assert_eq!(put(&kit, &trail, 1).await, Ok(()));
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.store.append(&trail).await, Err(Error::Busy));
    assert_eq!(outcomes(&kit).await, ["success"], "each record once");
}

/// Its request traps, or loses its caller.
#[tokio::test]
async fn commit_that_nobody_comes_back_for_is_made_all_the_same() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    let before = store.commits();
    assert_eq!(put(&kit, &Trail::that_withholds(), 1).await, Ok(()));
    let committed = async {
        while store.commits() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(ENOUGH, committed).await.unwrap();
    assert_eq!(outcomes(&kit).await, ["success"]);
}

#[tokio::test]
async fn commit_that_was_promised_is_made_at_the_end() {
    let (_folder, path) = folder();
    let (kit, _store) = in_file(&path).await;
    assert_eq!(put(&kit, &Trail::that_withholds(), 1).await, Ok(()));
    kit.store.close().await;
    let (kit, _store) = in_file(&path).await;
    assert_eq!(outcomes(&kit).await, ["success"]);
}
