//! Groups: shared commits, records that wait, and commits that fail.

use std::task::{Context, Waker};

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use super::*;
use crate::audit::{Actor, Log, Outcome, Record, Trail};
use crate::policy::Permit;
use crate::policy::action::AccountsCreate;
use crate::store::changes::{CreateSession, PutCeremony};
use crate::store::contract::{RP, id};
use crate::store::job::{Applies, Change, Failure, Job, Task, apply_all};
use crate::store::sqlite::open::{Older, open};
use crate::store::{Error, Session};

#[tokio::test]
async fn while_the_log_refuses_records_are_kept_and_nothing_is_confirmed() {
    let (_folder, path) = folder();
    let clock = Arc::new(FixedClock::new(NOW));
    let log = Arc::new(Log::keyless("host", 100));
    let store = SqliteStore::open_with(&path, LIFETIME, clock.clone(), Arc::clone(&log)).await;
    let kit = Kit::over(Arc::new(store.unwrap()), clock);
    log.refuse(true);
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
    assert_eq!(
        kit.store.append(&kit.trail).await,
        Err(Error::Busy),
        "the answer is withheld"
    );
    assert!(kit.trail.is_empty());
    assert_eq!(kit.store.ready().await, Err(Error::Busy));
    let there = meddle(&path, "UPDATE ceremonies SET used_at = 1").await;
    assert_eq!(there.unwrap(), 0, "the change is not there");

    log.refuse(false);
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()));
    let records = kit.records().await;
    let found: Vec<_> = records.iter().map(|r| r.outcome.as_str()).collect();
    assert_eq!(found, ["failed:busy", "failed:not-found", "success"]);
    let leaves: Vec<_> = records.iter().map(|record| record.leaf()).collect();
    assert_eq!(
        log.take_leaves(),
        leaves,
        "the sealer hears of what was committed"
    );
}

#[tokio::test]
async fn place_that_somebody_else_took_stops_the_log() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    let forged = "INSERT INTO audit_blocks SELECT log, first + 1, records FROM audit_blocks";
    meddle(&path, forged).await.unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert_eq!(kit.store.ready().await, Err(Error::Busy));
}

#[tokio::test]
async fn lost_records_leave_a_gap_record() {
    let (_folder, path) = folder();
    let clock = Arc::new(FixedClock::new(NOW));
    let log = Arc::new(Log::unsealed());
    let store = SqliteStore::open_with(&path, LIFETIME, clock.clone(), Arc::clone(&log)).await;
    let kit = Kit::over(Arc::new(store.unwrap()), clock);
    log.lost(3);
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let records = kit.records().await;
    let found: Vec<_> = records
        .iter()
        .map(|r| (r.action.as_str(), r.target.as_str(), r.outcome.as_str()))
        .collect();
    assert_eq!(found[0], ("log.gap", "3 records", "failed:records-lost"));
    assert_eq!(found.len(), 2);
}

/// A request is dropped, or its answer withheld, while nothing can be written.
#[tokio::test]
async fn records_taken_over_in_an_outage_come_with_the_next_commit() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    meddle(&path, BREAK_AUDIT).await.unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert!(!kit.trail.is_empty());
    kit.store.owe(&kit.trail).await;
    assert!(kit.trail.is_empty());
    let _ = kit.get(RP, b"key").await;
    kit.store.owe(&kit.trail).await;
    assert!(kit.store.records(0, 10).await.unwrap().is_empty());

    meddle(&path, "DROP TRIGGER broken").await.unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
    let records = kit.store.records(0, 10).await.unwrap();
    let found: Vec<_> = records.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(found, ["ceremonies.put", "credentials.get"]);
    assert_eq!(store.database.log.counts().lost.get(), 0);
}

#[tokio::test]
async fn records_that_can_not_be_taken_over_are_counted_and_named() {
    const KEPT: usize = 65_536;
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    let _ = kit.get(RP, b"key").await;
    let one = kit.trail.drain().remove(0);
    kit.trail.restore(vec![one.clone(); KEPT + 3]);
    kit.store.owe(&kit.trail).await;
    assert_eq!(store.database.log.counts().lost.get(), 3);
    let records = kit.store.records(0, 1).await.unwrap();
    assert_eq!(records[0].target, "3 records");
    assert_eq!(records[0].outcome, "failed:records-lost");
    assert_eq!(
        store.database.log.next(),
        KEPT as u64 + 2,
        "the others are there"
    );

    kit.store.close().await;
    kit.trail.push(one);
    kit.store.owe(&kit.trail).await;
    assert_eq!(
        store.database.log.counts().lost.get(),
        4,
        "not kept after the end"
    );
}

#[tokio::test]
async fn change_without_its_record_is_not_made() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    meddle(&path, BREAK_AUDIT).await.unwrap();
    let commits = store.commits();

    let _ = kit.get(RP, b"key").await;
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert_eq!(store.commits(), commits);
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    assert!(kit.store.records(0, 10).await.unwrap().is_empty());
    let there = meddle(&path, "UPDATE ceremonies SET used_at = 1").await;
    assert_eq!(there.unwrap(), 0, "the change is not there");

    meddle(&path, "DROP TRIGGER broken").await.unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()));
    let records = kit.records().await;
    let found: Vec<_> = records
        .iter()
        .map(|record| (record.action.as_str(), record.outcome.as_str()))
        .collect();
    let expected = [
        ("credentials.get", "failed:not-found"),
        ("ceremonies.put", "failed:busy"),
        ("ceremonies.put", "success"),
    ];
    assert_eq!(found, expected, "the records waited on the trail");
}

#[tokio::test]
async fn records_of_callers_that_are_gone_wait_with_the_writer() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    meddle(&path, BREAK_AUDIT).await.unwrap();
    let gone = Trail::new();
    {
        let permit = Permit::for_tests(NOW, kit.actor(), RP, &gone);
        let mut put = store.ceremonies_put(permit, Kit::ceremony(&id(1)));
        // Once is enough to hand the change over; then its caller goes away.
        let polled = put.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    // Refused too, since the writer owes a record that it can't write.
    let behind = kit.put(Kit::ceremony(&id(2))).await;
    assert_eq!(behind, Err(Error::Busy));
    assert!(gone.is_empty());
    let ready = kit.store.ready().await;
    assert_eq!(ready, Err(Error::Busy), "it can't pay its debt");

    meddle(&path, "DROP TRIGGER broken").await.unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
    let records = kit.records().await;
    let puts: Vec<_> = records.iter().map(|r| r.outcome.as_str()).collect();
    assert_eq!(puts, ["failed:busy", "failed:busy"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_share_commits() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    let kit = Arc::new(kit);
    let before = store.commits();
    let puts: Vec<_> = (0..64)
        .map(|number| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move { kit.put(Kit::ceremony(&id(number))).await })
        })
        .collect();
    for put in puts {
        put.await.unwrap().unwrap();
    }
    let commits = store.commits() - before;
    assert!((1..64).contains(&commits), "{commits} commits");
    assert_eq!(kit.records().await.len(), 64);
}

/// Writes, then is refused.
struct HalfWay(&'static str);

impl Change for HalfWay {
    type Output = ();
}

#[async_trait]
impl Applies<HalfWay> for Sqlite {
    const SAVEPOINT: bool = true;

    async fn apply(change: &HalfWay, db: &mut SqliteConnection) -> Result<(), Failure> {
        sqlx::query("INSERT INTO accounts VALUES (?1, ?2, 'half', 'half', 'pending', 0)")
            .bind(RP)
            .bind(change.0)
            .execute(db)
            .await?;
        Err(Error::Conflict.into())
    }
}

#[tokio::test]
async fn change_refused_half_way_leaves_nothing_but_its_record() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    let half = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";
    let permit = kit.permit::<AccountsCreate>();
    let refused = store
        .database
        .writer
        .submit(permit, "half".into(), HalfWay(half));
    let (refused, ada) = tokio::join!(refused, kit.create(RP, "ada"));
    assert_eq!(refused, Err(Error::Conflict));
    let found = store.accounts_find_by_id(kit.permit(), half.into()).await;
    assert_eq!(found, Err(Error::NotFound));
    let found = store.accounts_find_by_id(kit.permit(), ada.id).await;
    assert!(found.is_ok());
    let records = kit.records().await;
    assert_eq!(records[0].outcome, "failed:conflict");
    assert_eq!(records[1].outcome, "success");
}

#[tokio::test]
async fn commit_without_an_answer_that_happened_writes_each_record_once() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    store.database.debts.lose_answers(1);
    assert_eq!(kit.put(Kit::ceremony(&id(2))).await, Err(Error::Busy));
    assert!(store.database.debts.in_doubt());
    // Nothing is left to append, but no answer leaves before it is known what is there.
    assert!(kit.trail.is_empty());
    assert_eq!(store.append(&kit.trail).await, Ok(()));
    assert!(!store.database.debts.in_doubt());
    // It happened.
    assert_eq!(kit.put(Kit::ceremony(&id(2))).await, Err(Error::Exists));
    assert_eq!(
        outcomes(&kit).await,
        ["success", "success", "failed:exists"]
    );
}

#[tokio::test]
async fn commit_that_failed_writes_each_record_with_the_next() {
    let (_folder, path) = folder();
    let (kit, store) = in_file(&path).await;
    meddle(&path, DEFER_A_FAILURE).await.unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert!(store.database.debts.in_doubt());
    assert!(kit.trail.is_empty());
    assert_eq!(store.append(&kit.trail).await, Ok(()));
    meddle(&path, "DROP TRIGGER late").await.unwrap();
    // It did not happen.
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()));
    assert_eq!(outcomes(&kit).await, ["failed:busy", "success"]);
}

/// Of all records, in the order of their places.
async fn outcomes(kit: &Kit) -> Vec<String> {
    let records = kit.records().await;
    let places: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(places, (1..=records.len() as u64).collect::<Vec<_>>());
    records.into_iter().map(|record| record.outcome).collect()
}

/// 70 puts and 70 new sessions, mixed: more of each than one statement has room for.
fn mixed() -> Vec<Box<dyn Job<Sqlite>>> {
    let job = |number: u32| -> [Box<dyn Job<Sqlite>>; 2] {
        let record = |action: &'static str| {
            Record::plain(NOW, Actor::host(), action, id(number), Outcome::Success)
        };
        let put = PutCeremony(Kit::ceremony(&id(number)));
        let session = CreateSession(Session {
            id: id(number),
            rp_id: RP.into(),
            user_id: id(0),
            credential_id: b"key".to_vec(),
            created_at: NOW,
            expires_at: NOW + LIFETIME,
            revoked_at: None,
            user_verified: true,
            last_used_at: NOW,
        });
        let put = Task::new(Trail::new(), Some(record("ceremonies.put")), put);
        let session = Task::new(Trail::new(), Some(record("sessions.create")), session);
        [Box::new(put.0), Box::new(session.0)]
    };
    (1..=70).flat_map(job).collect()
}

#[tokio::test]
async fn changes_of_a_kind_are_made_together_and_records_stand_in_that_order() {
    let (_folder, path) = folder();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    let mut jobs = mixed();
    apply_all(&mut jobs, &mut db).await.unwrap();
    let records: Vec<_> = jobs.iter().flat_map(|job| job.records()).collect();
    let kinds: Vec<_> = records.chunk_by(|a, b| a.action == b.action).collect();
    assert_eq!(
        kinds.iter().map(|kind| kind.len()).collect::<Vec<_>>(),
        [70, 70]
    );
    for kind in kinds {
        let targets: Vec<_> = kind.iter().map(|record| record.target.clone()).collect();
        assert_eq!(targets, (1..=70).map(id).collect::<Vec<_>>());
        assert!(kind.iter().all(|record| record.outcome == Outcome::Success));
    }
    for table in ["ceremonies", "sessions"] {
        let ids = format!("SELECT id FROM {table} ORDER BY rowid");
        let ids: Vec<String> = sqlx::query_scalar(AssertSqlSafe(ids))
            .fetch_all(&mut db)
            .await
            .unwrap();
        assert_eq!(ids, (1..=70).map(id).collect::<Vec<_>>(), "{table}");
    }
}

#[tokio::test]
async fn one_that_is_refused_among_its_kind_takes_nobody_along() {
    let (_folder, path) = folder();
    let mut db = open(&path, false, Older::BringUp).await.unwrap().connection;
    // Two of each kind, one in its first statement and one in its second.
    let mut all = mixed();
    let mut first = all.split_off(2 * 68);
    first.truncate(2);
    first.extend(all.drain(..2));
    apply_all(&mut first, &mut db).await.unwrap();
    let mut jobs = mixed();
    apply_all(&mut jobs, &mut db).await.unwrap();
    let refused = jobs
        .iter()
        .flat_map(|job| job.records())
        .filter(|record| record.outcome != Outcome::Success);
    let refused: Vec<_> = refused
        .map(|one| (one.target.clone(), one.outcome.clone()))
        .collect();
    let exists = |number| (id(number), Outcome::Failed("exists"));
    let expected = [1, 69, 1, 69].map(exists);
    assert_eq!(refused, expected);
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM ceremonies")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(there, 70);
}
