//! Several hosts on one database.

use futures::{StreamExt as _, stream};

use super::*;
use crate::audit::Trail;
use crate::store::contract::{RP, id};
use crate::store::{
    CredentialStatus, CredentialUse, Error, Failed, LockoutPolicy, NewSession, RateLimit,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_1000_parallel_takes_on_two_hosts_one_succeeds() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    one.put(Kit::ceremony(&id(1))).await.unwrap();
    let hosts = [Arc::new(one), Arc::new(other)];
    let takes: Vec<_> = (0..1000)
        .map(|number| {
            let kit = Arc::clone(&hosts[number % 2]);
            tokio::spawn(async move { kit.take(&id(1)).await })
        })
        .collect();
    let (mut succeeded, mut used) = (0, 0);
    for take in takes {
        match take.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => {
                assert_eq!(error, Error::Used);
                used += 1;
            }
        }
    }
    assert_eq!((succeeded, used), (1, 999));
    let mut records = outcomes(&hosts[0]).await;
    records.extend(outcomes(&hosts[1]).await);
    let count = |outcome: &str| records.iter().filter(|record| *record == outcome).count();
    assert_eq!(count("ceremonies.take success"), 1);
    assert_eq!(count("ceremonies.take failed:used"), 999);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_parallel_failures_on_two_hosts_ten_are_counted() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    let hosts = [Arc::new(one), Arc::new(other)];
    let policy = LockoutPolicy {
        failures: 10,
        window: 1_800_000,
        duration: 1_800_000,
    };
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let kit = Arc::clone(&hosts[number % 2]);
            tokio::spawn(async move {
                let (trail, subject) = (Trail::new(), "subject".to_owned());
                let store = &kit.store;
                let counting = store.authentication_failed(&trail, RP.into(), subject, policy);
                counting.await.unwrap()
            })
        })
        .collect();
    let (mut counted, mut locks) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Failed::Counted => counted += 1,
            Failed::Locks { .. } => locks += 1,
            Failed::Locked { .. } => {}
        }
    }
    assert_eq!((counted, locks), (9, 1));
}

/// One after each hour, and so many at once.
fn hourly(burst: u32) -> RateLimit {
    RateLimit {
        interval: 3_600_000_000_000,
        burst,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_1000_takings_on_two_hosts_exactly_what_there_is_is_given() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    let hosts = [one, other];
    let takings = stream::iter(0..1000).map(|number| {
        let store = &hosts[number % 2].store;
        let taking = store.take_cells("spiffe://td/shop".into(), hourly(700), 1);
        async move { taking.await.unwrap().cells }
    });
    // As many as find a connection in time.
    let given: Vec<u32> = takings.buffer_unordered(100).collect().await;
    assert_eq!(given.iter().sum::<u32>(), 700);
}

#[tokio::test]
async fn taking_is_no_part_of_a_group_of_changes() {
    let (kit, store, database) = fresh().await;
    let before = store.commits();
    let taking = kit
        .store
        .take_cells("spiffe://td/shop".into(), hourly(7), 3);
    assert_eq!(taking.await.unwrap().cells, 3);
    assert_eq!(store.commits(), before);
    let row = "SELECT identity || ' ' || taken FROM zeropass.rates";
    let row = shared().await.sql(&database, row).unwrap();
    assert_eq!(row, "spiffe://td/shop 3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_last_two_credentials_two_hosts_take_one() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    let hosts = [Arc::new(one), Arc::new(other)];
    for round in 0..10 {
        let ada = hosts[0].create(RP, &format!("ada {round}")).await;
        let ids = [vec![round, 1], vec![round, 2]];
        for id in &ids {
            hosts[0].insert(Kit::credential(&ada, id)).await.unwrap();
        }
        let calls = hosts.clone().into_iter().zip(ids).map(|(kit, id)| {
            let user = ada.id.clone();
            tokio::spawn(async move {
                let removed = kit.store.credentials_remove(kit.permit(), user, id, true);
                removed.await
            })
        });
        let calls: Vec<_> = calls.collect();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap());
        }
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(()), Err(Error::Last)], "round {round}");
    }
}

#[tokio::test]
async fn hosts_see_what_the_other_one_did() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    one.put(Kit::ceremony(&id(1))).await.unwrap();
    assert_eq!(other.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
    assert_eq!(one.take(&id(1)).await, Err(Error::Used));

    let ada = one.create(RP, "ada").await;
    let twin = other.create(RP, "ada").await;
    other.activate(RP, &ada.id).await.unwrap();
    assert_eq!(one.activate(RP, &twin.id).await, Err(Error::Exists));
    one.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let again = other.insert(Kit::credential(&ada, b"key")).await;
    assert_eq!(again, Err(Error::Exists));

    let recorded = |from| CredentialUse {
        previous_sign_count: from,
        sign_count: 6,
        previous_backup_state: false,
        backup_eligible: true,
        clone_alarm: false,
        backup_state: false,
        at: NOW,
    };
    let using = async |kit: &Kit, from| {
        let permit = kit.permit();
        let using = kit
            .store
            .credentials_record_use(permit, b"key".to_vec(), recorded(from));
        using.await
    };
    using(&one, 5).await.unwrap();
    assert_eq!(
        using(&other, 5).await,
        Err(Error::Conflict),
        "a counter counts once"
    );
    let suspended = CredentialStatus::Suspended;
    let (user, key) = (ada.id.clone(), b"key".to_vec());
    let suspend = one
        .store
        .credentials_set_status(one.permit(), user, key, suspended, false);
    suspend.await.unwrap();
    assert_eq!(other.get(RP, b"key").await.unwrap().status, suspended);
    assert_eq!(
        using(&other, 6).await,
        Err(Error::Conflict),
        "it is suspended"
    );

    let session = NewSession {
        user_id: ada.id.clone(),
        credential_id: b"key".to_vec(),
        user_verified: true,
    };
    let session = one
        .store
        .sessions_create(one.permit(), session)
        .await
        .unwrap();
    let revoke = other
        .store
        .sessions_revoke(other.permit(), session.id.clone());
    revoke.await.unwrap();
    let seen = one
        .store
        .sessions_get(one.permit(), session.id)
        .await
        .unwrap();
    assert_eq!(seen.revoked_at, Some(NOW));
}

#[tokio::test]
async fn log_of_another_host_can_not_be_written() {
    let (one, _, database) = fresh().await;
    let thief = beside(&database, "host-a").await;
    one.put(Kit::ceremony(&id(1))).await.unwrap();
    assert_eq!(thief.put(Kit::ceremony(&id(2))).await, Err(Error::Busy));
    assert_eq!(thief.store.ready().await, Err(Error::Busy));
    assert_eq!(one.take(&id(2)).await, Err(Error::NotFound));
    assert_eq!(
        outcomes(&one).await,
        ["ceremonies.put success", "ceremonies.take failed:not-found"]
    );
}
