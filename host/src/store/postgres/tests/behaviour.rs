//! What PostgreSQL adds to the contract: several hosts, conflicts, a server that goes away.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::relay::{Relay, Wire};
use super::*;
use crate::audit::Trail;
use crate::store::contract::{RP, id};
use crate::store::{CredentialStatus, CredentialUse, Error, Failed, LockoutPolicy, NewSession};

/// A second host on the same database.
async fn beside(database: &str, log: &str) -> Kit {
    let settings = settings(shared().await, database);
    open(&settings, log).await.unwrap().0
}

/// Each record as `action outcome`.
async fn outcomes(kit: &Kit) -> Vec<String> {
    let records = kit.records().await;
    let places: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
    records
        .iter()
        .map(|record| format!("{} {}", record.action, record.outcome))
        .collect()
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_share_commits() {
    let (kit, store, _) = fresh().await;
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

/// Fails as the database does on conflicts, so many times. Sequences count beyond
/// transactions.
fn failing(times: u32, code: &str) -> String {
    format!(
        "CREATE SEQUENCE zeropass.tries;
        CREATE FUNCTION zeropass.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('zeropass.tries') <= {times} THEN
                RAISE EXCEPTION 'a conflict' USING ERRCODE = '{code}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fail BEFORE INSERT ON zeropass.ceremonies
            FOR EACH ROW EXECUTE FUNCTION zeropass.fail()"
    )
}

#[tokio::test]
async fn conflicts_are_tried_again_and_happen_once() {
    for code in ["40001", "40P01", "55P03"] {
        let (kit, _, database) = fresh().await;
        shared().await.sql(&database, &failing(3, code)).unwrap();
        assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()), "{code}");
        assert_eq!(outcomes(&kit).await, ["ceremonies.put success"]);
        let tries = "SELECT last_value FROM zeropass.tries";
        assert_eq!(shared().await.sql(&database, tries).unwrap(), "4");
    }
}

#[tokio::test]
async fn conflict_that_does_not_pass_is_busy_and_recorded() {
    let (kit, _, database) = fresh().await;
    shared()
        .await
        .sql(&database, &failing(1000, "40001"))
        .unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    let drop = "DROP TRIGGER fail ON zeropass.ceremonies";
    shared().await.sql(&database, drop).unwrap();
    assert_eq!(kit.take(&id(1)).await, Err(Error::NotFound));
    assert_eq!(
        outcomes(&kit).await,
        [
            "ceremonies.put failed:busy",
            "ceremonies.take failed:not-found"
        ]
    );
}

/// Two hosts change the same passkeys in opposite orders, in groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlocks_between_hosts_are_nobodys_failure() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    let ada = one.create(RP, "ada").await;
    for key in 0..8_u8 {
        one.insert(Kit::credential(&ada, &[key])).await.unwrap();
    }
    let hosts = [Arc::new(one), Arc::new(other)];
    let changes: Vec<_> = (0..400_u32)
        .map(|number| {
            let (host, ada) = (number as usize % 2, ada.id.clone());
            let kit = Arc::clone(&hosts[host]);
            let key = u8::try_from(number / 2 % 8).unwrap();
            let key = if host == 0 { key } else { 7 - key };
            tokio::spawn(async move {
                let label = format!("label {number}");
                let permit = kit.permit();
                let change = kit.store.credentials_rename(permit, ada, vec![key], label);
                change.await.map(drop)
            })
        })
        .collect();
    for change in changes {
        assert_eq!(change.await.unwrap(), Ok(()));
    }
    for kit in &hosts {
        let records = outcomes(kit).await;
        let renamed = records
            .iter()
            .filter(|r| *r == "credentials.rename success");
        assert_eq!(renamed.count(), 200);
    }
}

/// The commit takes a while, in which a test can do things.
const SLOW_COMMIT: &str = "
    CREATE FUNCTION zeropass.linger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_catalog.pg_sleep(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON zeropass.ceremonies
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION zeropass.linger()";

/// Whether the commit is under way.
const COMMITTING: &str = "
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'";

/// A host behind a wire, whose commits are slow.
async fn behind_a_wire() -> (Arc<Kit>, Arc<Relay>, String) {
    let database = database().await;
    let server = shared().await;
    let relay = Arc::new(Relay::to(server.port()).await);
    let mut settings = settings(server, &database);
    settings.server.port = relay.port();
    let (kit, _store) = open(&settings, "host-a").await.unwrap();
    server.sql(&database, SLOW_COMMIT).unwrap();
    (Arc::new(kit), relay, database)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_whose_answer_is_lost_is_found_out() {
    let (kit, relay, database) = behind_a_wire().await;
    let server = shared().await;
    let putting = Arc::clone(&kit);
    let put = tokio::spawn(async move { putting.put(Kit::ceremony(&id(1))).await });
    until(server, &database, COMMITTING).await;
    relay.set(Wire::Cut);
    tokio::time::sleep(Duration::from_millis(50)).await;
    relay.set(Wire::Whole);
    assert_eq!(put.await.unwrap(), Ok(()), "it was committed, and once");
    assert_eq!(outcomes(&kit).await, ["ceremonies.put success"]);
    assert_eq!(kit.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_that_was_broken_off_is_done_again() {
    let (kit, _relay, database) = behind_a_wire().await;
    let server = shared().await;
    let putting = Arc::clone(&kit);
    let put = tokio::spawn(async move { putting.put(Kit::ceremony(&id(1))).await });
    until(server, &database, COMMITTING).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'";
    server.sql(&database, kill).unwrap();
    assert_eq!(put.await.unwrap(), Ok(()));
    assert_eq!(outcomes(&kit).await, ["ceremonies.put success"]);
    assert_eq!(kit.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_in_doubt_is_busy_until_it_is_explained() {
    let (kit, relay, database) = behind_a_wire().await;
    let server = shared().await;
    let putting = Arc::clone(&kit);
    let put = tokio::spawn(async move { putting.put(Kit::ceremony(&id(1))).await });
    until(server, &database, COMMITTING).await;
    relay.set(Wire::Cut);
    assert_eq!(put.await.unwrap(), Err(Error::Busy));
    assert!(kit.trail.is_empty(), "the log keeps the record");
    let answer = kit.store.append(&Trail::new()).await;
    assert_eq!(answer, Err(Error::Busy), "no answer leaves");
    assert_eq!(kit.store.ready().await, Err(Error::Busy));

    relay.set(Wire::Whole);
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.store.append(&Trail::new()).await, Ok(()));
    // It had been committed after all, with the record of a success.
    assert_eq!(outcomes(&kit).await, ["ceremonies.put success"]);
    assert_eq!(kit.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
}

const BREAK_AUDIT: &str = "
    CREATE FUNCTION zeropass.trouble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'disk trouble' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER broken BEFORE INSERT ON zeropass.audit FOR EACH ROW
        WHEN (NEW.action = 'ceremonies.put') EXECUTE FUNCTION zeropass.trouble()";

/// A request is dropped, or its answer withheld, while nothing can be written.
#[tokio::test]
async fn records_taken_over_in_an_outage_come_with_the_next_commit() {
    let (kit, store, database) = fresh().await;
    let server = shared().await;
    server.sql(&database, BREAK_AUDIT).unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    let one = {
        let records = kit.trail.drain();
        kit.trail.restore(records.clone());
        records[0].clone()
    };
    kit.store.owe(&kit.trail).await;
    assert!(kit.trail.is_empty());
    assert!(kit.store.records(0, 10).await.unwrap().is_empty());
    let answer = kit.store.append(&Trail::new()).await;
    assert_eq!(answer, Err(Error::Busy), "no answer leaves");

    server
        .sql(&database, "DROP TRIGGER broken ON zeropass.audit")
        .unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
    let records = kit.store.records(0, 10).await.unwrap();
    let found: Vec<_> = records.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(found, ["ceremonies.put"]);
    let log = store.ledger.log();
    assert_eq!(log.counts().lost.get(), 0);

    kit.store.close().await;
    kit.trail.push(one);
    kit.store.owe(&kit.trail).await;
    assert_eq!(log.counts().lost.get(), 1, "not kept after the end");
}

#[tokio::test]
async fn change_without_its_record_is_not_made() {
    let (kit, store, database) = fresh().await;
    let server = shared().await;
    server.sql(&database, BREAK_AUDIT).unwrap();
    let commits = store.commits();
    let _ = kit.get(RP, b"key").await;
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert_eq!(store.commits(), commits);
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    let there = "SELECT count(*) FROM zeropass.ceremonies";
    assert_eq!(server.sql(&database, there).unwrap(), "0");

    server
        .sql(&database, "DROP TRIGGER broken ON zeropass.audit")
        .unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()));
    let expected = [
        "credentials.get failed:not-found",
        "ceremonies.put failed:busy",
        "ceremonies.put success",
    ];
    assert_eq!(outcomes(&kit).await, expected, "the records waited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausted_pool_is_busy_and_recovers() {
    let (kit, store, _) = fresh().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(store.credentials.readers.acquire().await.unwrap());
    }
    assert_eq!(kit.get(RP, b"key").await, Err(Error::Busy));
    assert_eq!(kit.store.ready().await, Err(Error::Busy));
    drop(held);
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
    assert_eq!(kit.store.ready().await, Ok(()));
}

/// A newer schema may add columns while older hosts run.
#[tokio::test]
async fn column_of_a_newer_schema_disturbs_nobody() {
    let (kit, _, database) = fresh().await;
    let ada = kit.create(RP, "ada").await;
    let credential = Kit::credential(&ada, b"key");
    kit.insert(credential.clone()).await.unwrap();
    assert_eq!(kit.get(RP, b"key").await, Ok(credential.clone()));
    let newer = "ALTER TABLE zeropass.credentials ADD COLUMN newer text NOT NULL DEFAULT 'x'";
    shared().await.sql(&database, newer).unwrap();
    assert_eq!(kit.get(RP, b"key").await, Ok(credential));
    kit.insert(Kit::credential(&ada, b"other")).await.unwrap();
}

/// The server crashes and comes back under load, three times. Whatever was acknowledged is
/// there, and each change is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_of_the_server_under_load_loses_nothing() {
    let mut server = Server::start().unwrap();
    prepare(&server, "zeropass").await;
    let (kit, _store) = open(&settings(&server, "zeropass"), "host-a")
        .await
        .unwrap();
    let kit = Arc::new(kit);
    let (stop, next) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let load: Vec<_> = (0..16)
        .map(|_| {
            let (kit, stop, next) = (Arc::clone(&kit), Arc::clone(&stop), Arc::clone(&next));
            tokio::spawn(async move {
                let (mut put, mut taken) = (Vec::new(), Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    match kit.put(Kit::ceremony(&id(number))).await {
                        Ok(()) => put.push(number),
                        Err(error) => {
                            assert_eq!(error, Error::Busy);
                            continue;
                        }
                    }
                    match kit.take(&id(number)).await {
                        Ok(_) => taken.push(number),
                        Err(error) => assert_eq!(error, Error::Busy),
                    }
                }
                (put, taken)
            })
        })
        .collect();
    let progress = async || {
        let goal = next.load(Ordering::Relaxed) + 100;
        while next.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    for round in 0..3 {
        progress().await;
        if round == 1 {
            server.stop();
        } else {
            server.crash();
        }
        assert_eq!(kit.store.ready().await, Err(Error::Busy));
        server.start_again().unwrap();
        while kit.store.ready().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    progress().await;
    stop.store(true, Ordering::Relaxed);
    let (mut put, mut taken) = (Vec::new(), Vec::new());
    for task in load {
        let (some_put, some_taken) = task.await.unwrap();
        put.extend(some_put);
        taken.extend(some_taken);
    }
    for number in &put {
        // What was taken stays so; what was only put can still be taken, or was when its
        // answer was lost.
        let again = kit.take(&id(*number)).await;
        if taken.contains(number) {
            assert_eq!(again, Err(Error::Used), "{number}");
        } else {
            assert!(
                matches!(again, Ok(_) | Err(Error::Used)),
                "{number}: {again:?}"
            );
        }
    }
    let outcomes = outcomes(&kit).await;
    let count = |outcome: &str| outcomes.iter().filter(|one| *one == outcome).count();
    // What the log calls a success is in the tables, and the other way round.
    let ceremonies = "SELECT count(*), count(used_at) FROM zeropass.ceremonies";
    let there = server.sql("zeropass", ceremonies).unwrap();
    let puts = count("ceremonies.put success");
    let takes = count("ceremonies.take success");
    assert_eq!(there, format!("{puts}|{takes}"));
    assert!(puts >= put.len() && takes >= taken.len());
}
