//! The file: what a restart keeps, whose it is, and what is refused.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::audit::Log;
use crate::store::contract::{RP, id};
use crate::store::sqlite::{OpenError, open};
use crate::store::{Error, Failed, LockoutPolicy};

#[tokio::test]
async fn restart_keeps_everything() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    let ada = kit.create(RP, "ada").await;
    let credential = Kit::credential(&ada, b"key");
    kit.insert(credential.clone()).await.unwrap();
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.take(&id(1)).await.unwrap();
    let before = kit.records().await;
    kit.store.close().await;
    drop(kit);

    let (kit, _) = in_file(&path).await;
    assert_eq!(kit.store.records(0, 100).await, Ok(before));
    assert_eq!(kit.get(RP, b"key").await, Ok(credential));
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));
}

#[tokio::test]
async fn restart_keeps_accounts_locked() {
    let policy = LockoutPolicy {
        failures: 2,
        window: 1_000,
        duration: 1_000,
    };
    let (_folder, path) = folder();
    let until = NOW + 1_000;
    for expected in [
        Failed::Counted,
        Failed::Locks { until },
        Failed::Locked { until },
    ] {
        let (kit, _) = in_file(&path).await;
        let failed = kit
            .store
            .authentication_failed(&kit.trail, RP.into(), "subject".into(), policy)
            .await;
        assert_eq!(failed, Ok(expected));
        kit.store.close().await;
    }
}

#[tokio::test]
async fn newer_schema_is_refused() {
    let (_folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.store.close().await;
    let newer = "INSERT INTO _sqlx_migrations VALUES (999, 'newer', 0, true, x'00', 0)";
    meddle(&path, newer).await.unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let error = SqliteStore::open(&path, LIFETIME, clock).await.unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 999, .. }));
    assert!(error.to_string().contains("run the newer zeropass"));
}

/// A command may be of a later version than the host that runs.
#[tokio::test]
async fn schema_is_changed_by_a_host_and_by_nobody_else() {
    let (folder, path) = folder();
    let as_it_is = async |path: &Path| {
        let clock = Arc::new(FixedClock::new(NOW));
        let log = Arc::new(Log::unsealed());
        SqliteStore::open_as_it_is(path, LIFETIME, clock, log).await
    };
    let missing = as_it_is(&path).await.unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
    assert!(missing.to_string().ends_with("(no-store)"), "{missing}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let (kit, _) = in_file(&path).await;
    kit.store.close().await;
    as_it_is(&path).await.unwrap().close().await;
    let older = "DELETE FROM _sqlx_migrations WHERE version > 3";
    meddle(&path, older).await.unwrap();
    for _ in 0..2 {
        let error = as_it_is(&path).await.unwrap_err();
        assert!(
            matches!(error, OpenError::OlderSchema { found: 3, .. }),
            "{error}"
        );
        assert!(error.to_string().ends_with("(older-schema)"), "{error}");
    }
    let newer = "INSERT INTO _sqlx_migrations VALUES (999, 'newer', 0, true, x'00', 0)";
    meddle(&path, newer).await.unwrap();
    let error = as_it_is(&path).await.unwrap_err();
    assert!(
        matches!(error, OpenError::NewerSchema { found: 999, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn file_that_is_no_database_is_refused() {
    let (folder, path) = folder();
    std::fs::write(
        &path,
        "certainly not a database, but long enough to look at".repeat(40),
    )
    .unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let error = SqliteStore::open(&path, LIFETIME, clock.clone())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    let missing = folder.path().join("missing").join("zeropass.db");
    let error = SqliteStore::open(&missing, LIFETIME, clock)
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[tokio::test]
async fn files_are_the_owners_only() {
    let (folder, path) = folder();
    let (kit, _) = in_file(&path).await;
    kit.create(RP, "ada").await;
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 3, "database, log and index");
    for file in files {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn commits_wait_for_the_disk() {
    let (_folder, path) = folder();
    let mut opened = open::open(&path, true, open::Older::BringUp).await.unwrap();
    let mut pragma = async |name: &str| -> String {
        let statement = AssertSqlSafe(format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"));
        let value = sqlx::query_scalar(statement).fetch_one(&mut opened.connection);
        value.await.unwrap()
    };
    assert_eq!(pragma("journal_mode").await, "wal");
    assert_eq!(pragma("synchronous").await, "2", "FULL");
    assert_eq!(pragma("foreign_keys").await, "1");
}
