//! The logs as auditors read them, while something else goes on.

use super::*;
use crate::audit::{Entry, Source as _};
use crate::store::contract::id;
use crate::store::postgres::PostgresHistory;

/// Waits until a reader asks for what was cut, which it holds, and cuts everything.
const CUT: &str = "
    BEGIN;
    LOCK TABLE zeropass.audit_pruned IN ACCESS EXCLUSIVE MODE;
    DO $$ BEGIN
        WHILE NOT EXISTS (SELECT FROM pg_locks
            WHERE NOT granted AND relation = 'zeropass.audit_pruned'::regclass)
        LOOP PERFORM pg_sleep(0.01); END LOOP;
    END $$;
    INSERT INTO zeropass.audit_pruned (log, seq, leaf)
        SELECT log, seq, sha256('') FROM zeropass.audit;
    DELETE FROM zeropass.audit;
    COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn page_that_is_read_beside_a_cut_has_each_place_once() {
    const RECORDS: u32 = 20;
    let (kit, _store, database) = fresh().await;
    for number in 0..RECORDS {
        kit.put(Kit::ceremony(&id(number))).await.unwrap();
    }
    let server = shared().await;
    let settings = settings(server, &database);
    let history = PostgresHistory::open(&settings.server, &settings.audit_reader).await;
    let history = history.unwrap();
    let places = async || -> Vec<u64> {
        let entries = history.entries("host-a", 0, 100).await.unwrap();
        entries.iter().map(Entry::seq).collect()
    };
    let all = places().await;
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    assert!(all.len() >= RECORDS as usize);
    let cutting = tokio::task::spawn_blocking(move || server.sql(&database, CUT));
    while !cutting.is_finished() {
        assert_eq!(places().await, all);
    }
    cutting.await.unwrap().unwrap();
    assert_eq!(places().await, all);
}
