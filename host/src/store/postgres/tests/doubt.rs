//! Commits whose answer is lost.

use std::time::Duration;

use super::relay::{Relay, Wire};
use super::*;
use crate::audit::Trail;
use crate::store::Error;
use crate::store::contract::id;

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
