//! A server that goes away, or can not do its part.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::relay::{Relay, Wire};
use super::server::Authority;
use super::*;
use crate::audit::Trail;
use crate::store::Error;
use crate::store::contract::{RP, id};

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
    let log = store.database.ledger.log();
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
        held.push(store.database.credentials.readers.acquire().await.unwrap());
    }
    assert_eq!(kit.get(RP, b"key").await, Err(Error::Busy));
    assert_eq!(kit.store.ready().await, Err(Error::Busy));
    drop(held);
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
    assert_eq!(kit.store.ready().await, Ok(()));
}

/// Nothing says that the network is gone. The attempt that was under way runs out of time,
/// and no other is begun for callers who have waited that long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn network_that_swallows_everything_costs_one_attempt() {
    let database = database().await;
    let server = shared().await;
    let relay = Relay::to(server.port()).await;
    let mut settings = settings(server, &database);
    settings.server.port = relay.port();
    let (kit, _store) = open(&settings, "host-a").await.unwrap();
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let before = relay.dialled();
    relay.set(Wire::Silent);
    assert_eq!(kit.put(Kit::ceremony(&id(2))).await, Err(Error::Busy));
    assert_eq!(relay.dialled(), before, "it was not tried again");
    assert_eq!(kit.store.ready().await, Err(Error::Busy));

    relay.set(Wire::Whole);
    assert_eq!(kit.store.ready().await, Ok(()));
    kit.put(Kit::ceremony(&id(3))).await.unwrap();
    let expected = [
        "ceremonies.put success",
        "ceremonies.put failed:busy",
        "ceremonies.put success",
    ];
    assert_eq!(outcomes(&kit).await, expected);
    assert_eq!(kit.take(&id(2)).await, Err(Error::NotFound));
}

/// Documents that are public may leave while nobody answers, and not while somebody refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_is_away_when_nobody_answers_and_there_when_it_is_not_what_it_should_be() {
    let database = database().await;
    let server = shared().await;
    let relay = Relay::to(server.port()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(server, &database);
    settings.server.port = relay.port();
    settings.server.ca = folder.path().join("ca.pem");
    let ca = std::fs::read(server.ca_file()).unwrap();
    std::fs::write(&settings.server.ca, &ca).unwrap();
    let (kit, store) = open(&settings, "host-a").await.unwrap();
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    assert!(!store.away());

    relay.set(Wire::Cut);
    let _ = kit.get(RP, b"key").await;
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    assert!(store.away());
    relay.set(Wire::Whole);
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(kit.store.append(&kit.trail).await, Ok(()));
    assert!(!store.away());

    // The same server, which is not trusted any more.
    let other = Authority::new("another authority");
    std::fs::write(&settings.server.ca, other.pem()).unwrap();
    relay.set(Wire::Cut);
    let _ = kit.get(RP, b"key").await;
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    assert!(store.away());
    relay.set(Wire::Whole);
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    assert!(!store.away());
    std::fs::write(&settings.server.ca, &ca).unwrap();
    assert_eq!(kit.store.ready().await, Ok(()));
}

#[tokio::test]
async fn documents_are_withheld_when_their_records_have_no_room() {
    let database = database().await;
    let server = shared().await;
    let relay = Relay::to(server.port()).await;
    let mut settings = settings(server, &database);
    settings.server.port = relay.port();
    let (kit, store) = open(&settings, "host-a").await.unwrap();
    let _ = kit.get(RP, b"key").await;
    let one = kit.trail.drain().remove(0);
    relay.set(Wire::Cut);
    kit.trail.restore(vec![one.clone(); 32_767]);
    kit.store.owe(&kit.trail).await;
    assert!(store.away());
    kit.trail.restore(vec![one]);
    kit.store.owe(&kit.trail).await;
    assert!(!store.away());
    relay.set(Wire::Whole);
    assert_eq!(kit.store.ready().await, Ok(()));
    assert_eq!(store.database.ledger.log().counts().lost.get(), 0);
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
