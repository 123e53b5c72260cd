//! The import covers everything that there is, and all of it arrives.

use std::sync::Arc;

use super::*;
use crate::clock::FixedClock;
use crate::store::contract::{Kit, LIFETIME, NOW, RP, id};
use crate::store::postgres::tests::{database, migrator, open, settings, shared};
use crate::store::sqlite::SqliteStore;
use crate::store::{Error, LockoutPolicy, NewSession, RateLimit};

/// A SQLite store with something in every table.
async fn filled(path: &Path) -> Kit {
    let clock = Arc::new(FixedClock::new(NOW));
    let log = Arc::new(crate::audit::Log::keyless("host-a", 1_000_000));
    let store = SqliteStore::open_with(path, LIFETIME, clock.clone(), log).await;
    let kit = Kit::over(Arc::new(store.unwrap()), clock);
    for number in 0..600_u32 {
        kit.put(Kit::ceremony(&id(number))).await.unwrap();
    }
    kit.take(&id(0)).await.unwrap();
    let ada = kit.create(RP, "ada \"Ä\" \u{1f981}").await;
    kit.activate(RP, &ada.id).await.unwrap();
    let mut other = Kit::credential(&ada, &[0, 255, 128]);
    other.discoverable = None;
    kit.insert(other).await.unwrap();
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let session = NewSession {
        user_id: ada.id.clone(),
        credential_id: b"key".to_vec(),
        user_verified: true,
    };
    let session = kit.store.sessions_create(kit.permit(), session);
    session.await.unwrap();
    let policy = LockoutPolicy {
        failures: 10,
        window: 1_000,
        duration: 1_000,
    };
    let failed = kit
        .store
        .authentication_failed(&kit.trail, RP.into(), ada.id, policy);
    failed.await.unwrap();
    let limit = RateLimit {
        interval: 1_000_000_000,
        burst: 10,
    };
    let taking = kit
        .store
        .take_cells("spiffe://example/shop".into(), limit, 3);
    taking.await.unwrap();
    kit
}

#[tokio::test]
async fn imported_store_is_the_same_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeropass.db");
    let old = filled(&path).await;
    let records = old.records().await;
    let credential = old.get(RP, &[0, 255, 128]).await.unwrap();
    old.store.append(&old.trail).await.unwrap();
    let last = old.store.records(records.len() as u64, 10).await.unwrap();
    old.store.close().await;

    let (server, database) = (shared().await, database().await);
    let settings = settings(server, &database);
    // Who opened the log before, as a command that was refused does, has written nothing.
    let (early, _store) = open(&settings, "host-a").await.unwrap();
    early.store.close().await;
    let mut heard = Vec::new();
    let login = migrator(server);
    let done = import(&settings.server, &login, &path, |table| {
        heard.push(table.clone());
    });
    let done = done.await.unwrap();
    assert_eq!(done, heard);
    let rows: Vec<_> = done.iter().map(|one| (one.table, one.rows)).collect();
    let audit = records.len() as u64 + 1;
    let expected = [
        ("accounts", 1),
        ("credentials", 2),
        ("ceremonies", 600),
        ("sessions", 1),
        ("failures", 1),
        ("rates", 1),
        ("revisions", 0),
        ("rollouts", 0),
        ("rollout_history", 0),
        ("rollout_hosts", 0),
        ("audit", audit),
        ("audit_pruned", 0),
    ];
    assert_eq!(rows, expected);
    assert_ne!(done[0].digest, done[1].digest);

    let (new, _store) = open(&settings, "host-a").await.unwrap();
    assert_eq!(new.get(RP, &[0, 255, 128]).await, Ok(credential));
    assert_eq!(new.take(&id(0)).await, Err(Error::Used));
    assert_eq!(new.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
    let went_on = new.records().await;
    assert_eq!(went_on[..records.len()], records);
    assert_eq!(went_on[records.len()], last[0]);
    assert_eq!(went_on.len(), records.len() + 4);

    let again = import(&settings.server, &migrator(server), &path, |_| {}).await;
    let again = again.unwrap_err();
    assert!(
        matches!(
            again,
            ImportError::NotEmpty {
                table: "accounts",
                rows: 1
            }
        ),
        "{again}"
    );
}

#[tokio::test]
async fn import_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeropass.db");
    filled(&path).await.store.close().await;
    let (server, database) = (shared().await, database().await);
    let settings = settings(server, &database);
    let trouble = "CREATE FUNCTION zeropass.trouble() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.outcome := 'success'; NEW.target := 'x'; RETURN NEW; END $$;
        CREATE TRIGGER trouble BEFORE INSERT ON zeropass.audit FOR EACH ROW
            WHEN (NEW.seq = 7) EXECUTE FUNCTION zeropass.trouble()";
    server.sql(&database, trouble).unwrap();
    let refused = import(&settings.server, &migrator(server), &path, |_| {}).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, ImportError::Differs { .. }), "{refused}");
    let rows = "SELECT count(*) FROM zeropass.accounts";
    assert_eq!(server.sql(&database, rows).unwrap(), "0");
}

/// A column that was added to a schema and not to the import would be lost in silence.
#[tokio::test]
async fn every_table_and_column_of_both_schemas_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeropass.db");
    let clock = Arc::new(FixedClock::new(NOW));
    let store = SqliteStore::open(&path, LIFETIME, clock).await.unwrap();
    drop(store);
    let mut sqlite = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .unwrap();
    // The view shows what is in the blocks.
    let columns = "SELECT m.name || ' ' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
        WHERE m.type IN ('table', 'view') AND m.name <> 'audit_blocks'
            AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '_sqlx%'
        ORDER BY 1";
    let found: Vec<String> = sqlx::query_scalar(columns)
        .fetch_all(&mut sqlite)
        .await
        .unwrap();
    let mut listed: Vec<String> = TABLES
        .iter()
        .flat_map(|table| {
            table
                .names()
                .into_iter()
                .map(|name| format!("{} {name}", table.name))
        })
        .collect();
    listed.sort_unstable();
    assert_eq!(found, listed, "SQLite");
    let version: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut sqlite)
        .await
        .unwrap();
    assert_eq!(version, SQLITE_SCHEMA);

    let database = database().await;
    let columns = "SELECT table_name || ' ' || column_name FROM information_schema.columns
        WHERE table_schema = 'zeropass' AND table_name NOT IN ('_sqlx_migrations', 'audit_logs')
        ORDER BY (table_name || ' ' || column_name) COLLATE \"C\"";
    let found = shared().await.sql(&database, columns).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), listed, "PostgreSQL");
}
