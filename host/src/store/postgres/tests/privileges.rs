//! Each role can do its duty and nothing else, and a host with more does not start.

use super::*;
use crate::audit::{SealKey, Turn};
use crate::clock::{Clock as _, SystemClock};
use crate::store::contract::{DAY, RP};
use crate::store::postgres::privileges::{GRANTS, granted};
use crate::store::postgres::{Gateway, schema};

#[tokio::test]
async fn golden_list_of_grants_equals_the_catalog() {
    let database = database().await;
    let server = shared().await;
    let mut lines = Vec::new();
    for role in [Role::Migrator].into_iter().chain(Role::RUNTIME) {
        let settings = settings(server, &database);
        let gateway = Gateway::open(&settings.server, role, &login(server, role)).unwrap();
        let mut connection = schema::connect(&gateway).await.unwrap();
        lines.extend(granted(&mut connection, role).await.unwrap());
    }
    lines.sort_unstable();
    let golden: Vec<&str> = GRANTS.lines().collect();
    assert_eq!(lines, golden);
}

/// What each role must not be able to do; the database itself refuses it.
#[tokio::test]
async fn each_role_is_refused_what_is_not_its_duty() {
    let (kit, _store, database) = fresh().await;
    kit.create(RP, "ada").await;
    let server = shared().await;
    let tables = [
        "accounts",
        "sessions",
        "credentials",
        "ceremonies",
        "failures",
        "rates",
        "revisions",
        "rollouts",
        "rollout_history",
        "rollout_hosts",
        "audit",
        "audit_logs",
        "audit_pruned",
    ];
    let own: [(Role, &[&str]); 5] = [
        (Role::Accounts, &["accounts", "sessions", "rates"]),
        (
            Role::Credentials,
            &["credentials", "ceremonies", "failures"],
        ),
        (
            Role::Rollouts,
            &["revisions", "rollouts", "rollout_history", "rollout_hosts"],
        ),
        (Role::AuditWriter, &[]),
        (Role::AuditReader, &["audit", "audit_logs", "audit_pruned"]),
    ];
    for (role, own) in own {
        let mut forbidden = vec![
            "CREATE TABLE zeropass.mine (a int)".to_owned(),
            "CREATE TABLE public.mine (a int)".to_owned(),
            "CREATE TEMPORARY TABLE mine (a int)".to_owned(),
            "CREATE SCHEMA mine".to_owned(),
            "CREATE ROLE mine".to_owned(),
            "SET ROLE zeropass_owner".to_owned(),
            "SET ROLE postgres".to_owned(),
            "UPDATE zeropass.audit SET target = 'x'".to_owned(),
            "DELETE FROM zeropass.audit".to_owned(),
            "INSERT INTO zeropass.audit SELECT * FROM zeropass.audit".to_owned(),
            "UPDATE zeropass.audit_logs SET size = 0".to_owned(),
            "DELETE FROM zeropass._sqlx_migrations".to_owned(),
            "UPDATE zeropass.credentials SET public_key = ''".to_owned(),
            "UPDATE zeropass.accounts SET created_at = 9".to_owned(),
            "UPDATE zeropass.sessions SET expires_at = 9".to_owned(),
            "UPDATE zeropass.rates SET identity = 'x'".to_owned(),
            "UPDATE zeropass.ceremonies SET expires_at = 9".to_owned(),
            "DELETE FROM zeropass.accounts".to_owned(),
            "UPDATE zeropass.rollout_history SET why = 'x'".to_owned(),
            "DELETE FROM zeropass.rollout_history".to_owned(),
            "UPDATE zeropass.revisions SET wasm = ''".to_owned(),
            "SELECT pg_read_file('/etc/passwd')".to_owned(),
            "COPY (SELECT 1) TO PROGRAM 'true'".to_owned(),
        ];
        for table in tables {
            forbidden.push(format!("TRUNCATE zeropass.{table}"));
            forbidden.push(format!("DROP TABLE zeropass.{table}"));
            forbidden.push(format!("ALTER TABLE zeropass.{table} DISABLE TRIGGER ALL"));
            if !own.contains(&table) {
                forbidden.push(format!("SELECT 1 FROM zeropass.{table}"));
                forbidden.push(format!("DELETE FROM zeropass.{table}"));
            }
        }
        if role != Role::AuditWriter {
            forbidden.push("SELECT zeropass.open_audit('mine', '')".to_owned());
        }
        if role == Role::AuditReader {
            for append in [
                "SELECT zeropass.append_audit('host-a', 'g', 9, '[]')",
                "SELECT zeropass.append_audit('host-a', '', 'g', 9, '[]')",
                "SELECT zeropass.last_audit_group('host-a')",
                "SELECT zeropass.last_audit_group('host-a', '')",
            ] {
                forbidden.push(append.to_owned());
            }
        }
        if role != Role::Accounts {
            forbidden.push("SELECT zeropass.sweep_accounts(9, 9)".to_owned());
            forbidden.push("UPDATE zeropass.accounts SET name = 'eve'".to_owned());
        }
        for statement in forbidden {
            let said = server.sql_as(role.name(), &database, &statement);
            let said = said.expect_err(&format!("{role}: {statement}"));
            assert!(said.contains(" 42501: "), "{role}: {statement}: {said}");
        }
    }
    let owner = server.sql_as("zeropass_owner", &database, "SELECT 1");
    assert!(owner.unwrap_err().contains("not permitted to log in"));
}

/// The certificate of a role is not enough to write into the log of a host, in its next place,
/// nor to keep it locked.
#[tokio::test]
async fn role_without_the_secret_of_a_log_does_not_write_it() {
    let database = database().await;
    let server = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::open(folder.path(), "host-b", Turn::Now).unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let start = async || {
        let settings = settings(server, &database);
        let log = Arc::new(Log::new(&key, 1_000_000));
        PostgresStore::open(&settings, log, LIFETIME, clock.clone()).await
    };
    let store = Arc::new(start().await.unwrap());
    let kit = Kit::over(store.clone(), clock.clone());
    kit.create(RP, "ada").await;
    let next = kit.records().await.len() + 1;
    let log = key.log_id();
    let record = "[[1,\"r\",\"w\",\"a\",\"n\",\"d\",\"v\",\"x\",\"-\",\"t\",\"success\",\"[]\"]]";
    let secret = "decode(repeat('00', 32), 'hex')";
    let as_role = |role: Role, call: &str| server.sql_as(role.name(), &database, call);
    for role in Role::RUNTIME {
        if role == Role::AuditReader {
            continue;
        }
        let append = format!("zeropass.append_audit('{log}', {secret}, 'g', {next}, '{record}')");
        let said = as_role(role, &format!("SELECT {append}")).unwrap_err();
        assert!(said.contains(" ZP002: "), "{role}: {said}");
        // The way of hosts from before: the log has a proof, and is none of theirs.
        let append = format!("zeropass.append_audit('{log}', 'g', {next}, '{record}')");
        let said = as_role(role, &format!("SELECT {append}")).unwrap_err();
        assert!(said.contains(" ZP001: "), "{role}: {said}");
        for asked in ["", ", decode('', 'hex')"] {
            let asked = format!("SELECT zeropass.last_audit_group('{log}'{asked}) IS NULL");
            assert_eq!(as_role(role, &asked).unwrap(), "t", "{role}");
        }
    }
    let open = format!("SELECT zeropass.open_audit('{log}', {secret})");
    let said = as_role(Role::AuditWriter, &open).unwrap_err();
    assert!(said.contains(" ZP002: "), "{said}");
    // The host goes on as if nothing had been.
    kit.create(RP, "bob").await;
    assert_eq!(kit.records().await.len(), next);
    store.close().await;
    start().await.unwrap().close().await;

    // A log from before belongs to who opens it first: a host that comes later is told.
    let forget = "UPDATE zeropass.audit_logs SET proof = NULL";
    server.sql(&database, forget).unwrap();
    as_role(Role::AuditWriter, &open).unwrap();
    let error = start().await.err().unwrap();
    assert!(matches!(error, OpenError::AnotherKey { .. }), "{error}");
    assert!(error.to_string().ends_with("(another-key)"), "{error}");
    server.sql(&database, forget).unwrap();
    start().await.unwrap().close().await;
}

/// The owner is whom no grant holds back; the triggers guard against its mistakes.
#[tokio::test]
async fn audit_row_goes_only_when_it_is_old_and_its_leaf_stays() {
    let (kit, _store, database) = fresh().await;
    // The kit's clock stands more than 365 days ago; the trigger asks the machine's.
    kit.create(RP, "ada").await;
    kit.clock.set(SystemClock.now() - 364 * DAY);
    kit.create(RP, "bob").await;
    let before = kit.records().await;
    let server = shared().await;
    let refused = |statement: &str| {
        let said = server.sql(&database, statement).unwrap_err();
        assert!(said.contains("append-only"), "{statement}: {said}");
    };
    refused("UPDATE zeropass.audit SET target = 'x'");
    refused("DELETE FROM zeropass.audit");
    refused("TRUNCATE zeropass.audit");
    assert_eq!(kit.records().await, before);
    let leaves = "INSERT INTO zeropass.audit_pruned
        SELECT log, seq, decode(repeat('00', 32), 'hex') FROM zeropass.audit";
    server.sql(&database, leaves).unwrap();
    refused("DELETE FROM zeropass.audit");
    refused("DELETE FROM zeropass.audit_pruned");
    refused("UPDATE zeropass.audit_pruned SET seq = 9");
    refused("TRUNCATE zeropass.audit_pruned");
    server
        .sql(&database, "DELETE FROM zeropass.audit WHERE seq = 1")
        .unwrap();
    assert_eq!(kit.records().await, before[1..]);
}

/// A host that could do more than it needs does not start, and says what is too much.
/// On a server of its own: roles belong to the whole server.
#[tokio::test]
async fn role_with_more_than_it_needs_is_refused() {
    let server = Server::start().unwrap();
    prepare(&server, "zeropass").await;
    let settings = settings(&server, "zeropass");
    open(&settings, "host-a").await.unwrap();
    let role = "zeropass_credentials";
    for (give, take, finding) in [
        (
            "ALTER ROLE zeropass_credentials SUPERUSER",
            "ALTER ROLE zeropass_credentials NOSUPERUSER",
            "too much: it is SUPERUSER",
        ),
        (
            "ALTER ROLE zeropass_credentials CREATEROLE",
            "ALTER ROLE zeropass_credentials NOCREATEROLE",
            "too much: it is CREATEROLE",
        ),
        (
            "ALTER ROLE zeropass_credentials BYPASSRLS",
            "ALTER ROLE zeropass_credentials NOBYPASSRLS",
            "too much: it is BYPASSRLS",
        ),
        (
            "GRANT zeropass_owner TO zeropass_credentials",
            "REVOKE zeropass_owner FROM zeropass_credentials",
            "too much: it is a member of zeropass_owner",
        ),
        (
            "GRANT pg_read_all_data TO zeropass_credentials",
            "REVOKE pg_read_all_data FROM zeropass_credentials",
            "too much: it is a member of pg_read_all_data",
        ),
        (
            "ALTER TABLE zeropass.ceremonies OWNER TO zeropass_credentials",
            "ALTER TABLE zeropass.ceremonies OWNER TO zeropass_owner",
            "too much: it owns table zeropass.ceremonies",
        ),
        (
            "GRANT SELECT ON zeropass.sessions TO zeropass_credentials",
            "REVOKE SELECT ON zeropass.sessions FROM zeropass_credentials",
            "too much: zeropass_credentials TABLE zeropass.sessions SELECT",
        ),
        (
            "GRANT UPDATE (public_key) ON zeropass.credentials TO zeropass_credentials",
            "REVOKE UPDATE (public_key) ON zeropass.credentials FROM zeropass_credentials",
            "too much: zeropass_credentials COLUMN zeropass.credentials.public_key UPDATE",
        ),
        (
            "GRANT DELETE ON zeropass.audit TO PUBLIC",
            "REVOKE DELETE ON zeropass.audit FROM PUBLIC",
            "too much: PUBLIC TABLE zeropass.audit DELETE",
        ),
        (
            "GRANT CREATE ON SCHEMA zeropass TO zeropass_credentials",
            "REVOKE CREATE ON SCHEMA zeropass FROM zeropass_credentials",
            "too much: zeropass_credentials SCHEMA zeropass CREATE",
        ),
        (
            "GRANT TEMPORARY ON DATABASE zeropass TO PUBLIC",
            "REVOKE TEMPORARY ON DATABASE zeropass FROM PUBLIC",
            "too much: PUBLIC DATABASE - TEMPORARY",
        ),
        (
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO zeropass_credentials",
            "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM zeropass_credentials",
            "too much: zeropass_credentials FUNCTION pg_read_file(text) EXECUTE",
        ),
        (
            "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
            "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM PUBLIC",
            "too much: PUBLIC FUNCTION pg_read_file(text) EXECUTE",
        ),
        (
            "GRANT SELECT ON pg_catalog.pg_authid TO PUBLIC",
            "REVOKE SELECT ON pg_catalog.pg_authid FROM PUBLIC",
            "too much: PUBLIC TABLE pg_catalog.pg_authid SELECT",
        ),
        (
            "GRANT SELECT (subconninfo) ON pg_catalog.pg_subscription TO PUBLIC",
            "REVOKE SELECT (subconninfo) ON pg_catalog.pg_subscription FROM PUBLIC",
            "too much: PUBLIC COLUMN pg_catalog.pg_subscription.subconninfo SELECT",
        ),
        (
            "GRANT CREATE ON SCHEMA pg_catalog TO PUBLIC",
            "REVOKE CREATE ON SCHEMA pg_catalog FROM PUBLIC",
            "too much: PUBLIC SCHEMA pg_catalog CREATE",
        ),
        (
            "REVOKE DELETE ON zeropass.ceremonies FROM zeropass_credentials",
            "GRANT DELETE ON zeropass.ceremonies TO zeropass_credentials",
            "missing: zeropass_credentials TABLE zeropass.ceremonies DELETE",
        ),
    ] {
        server.sql("zeropass", give).unwrap();
        let error = open(&settings, "host-a").await.err();
        let error = error.unwrap_or_else(|| panic!("it started after {give}"));
        let OpenError::Privileges {
            role: who,
            findings,
        } = &error
        else {
            panic!("{give}: {error}");
        };
        let first = matches!(findings.as_slice(), [only] if only == finding);
        // What everybody has shows at whichever role is looked at first.
        let first = first && (who.name() == role || finding.contains("PUBLIC"));
        let owner = finding.contains("owns") && findings.iter().any(|one| one == finding);
        assert!(first || owner, "{give}: {findings:#?}");
        assert!(error.to_string().contains("revoke what is too much"));
        server.sql("zeropass", take).unwrap();
        if finding.contains("owns") {
            // The new owner's grants went with the ownership.
            let again = "GRANT SELECT, INSERT, UPDATE (used_at), DELETE
                ON zeropass.ceremonies TO zeropass_credentials";
            server.sql("zeropass", again).unwrap();
        }
        open(&settings, "host-a").await.unwrap();
    }
}

#[tokio::test]
async fn schema_of_another_version_is_refused() {
    let database = database().await;
    let server = shared().await;
    let settings = settings(server, &database);
    let newer = "INSERT INTO zeropass._sqlx_migrations VALUES (999, 'newer', now(), true, '', 0)";
    server.sql(&database, newer).unwrap();
    let error = open(&settings, "host-a").await.err().unwrap();
    assert!(
        matches!(error, OpenError::NewerSchema { found: 999, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("run the newer zeropass"));
    let error = migrate(&settings.server, &migrator(server))
        .await
        .unwrap_err();
    assert!(
        matches!(error, OpenError::NewerSchema { found: 999, .. }),
        "{error}"
    );
    let older = "DELETE FROM zeropass._sqlx_migrations";
    server.sql(&database, older).unwrap();
    let error = open(&settings, "host-a").await.err().unwrap();
    assert!(
        matches!(error, OpenError::OlderSchema { found: 0, .. }),
        "{error}"
    );
    assert!(error.to_string().ends_with("run `zeropass store migrate`"));
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = database().await;
    let server = shared().await;
    let settings = settings(server, &database);
    let again = migrate(&settings.server, &migrator(server)).await.unwrap();
    assert_eq!(again.from, again.to);
    assert!(again.to > 0);
}
