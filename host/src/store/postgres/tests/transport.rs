//! TLS to the database: one authority, one name, version 1.3, the role's certificate, and
//! nothing that the environment could change.

use std::os::unix::fs::PermissionsExt as _;

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, Postgres};

use super::server::Authority;
use super::*;
use crate::audit::Trail;
use crate::store::job::{Applies, Change, Failure};
use crate::store::postgres::Gateway;

async fn refusal(settings: &Settings) -> String {
    match open(settings, "host-a").await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it connects"),
    }
}

#[tokio::test]
async fn server_with_another_name_is_refused() {
    let database = database().await;
    let mut settings = settings(shared().await, &database);
    settings.server.server_name = "elsewhere.example".into();
    let said = refusal(&settings).await;
    assert!(said.contains("zeropass_accounts can't connect"), "{said}");
    assert!(said.contains("TLS: "), "{said}");
    assert!(said.contains("not valid for"), "{said}");
    assert!(said.contains("elsewhere.example"), "{said}");
}

#[tokio::test]
async fn server_of_another_authority_is_refused() {
    let database = database().await;
    let mut settings = settings(shared().await, &database);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("other.pem");
    std::fs::write(&ca, Authority::new("another authority").pem()).unwrap();
    settings.server.ca = ca;
    let said = refusal(&settings).await;
    assert!(
        said.contains("TLS: ") && said.contains("UnknownIssuer"),
        "{said}"
    );
}

#[tokio::test]
async fn server_without_tls_is_refused() {
    let hba = "local all postgres trust\nhost all all 127.0.0.1/32 trust\n";
    let server = Server::start_with("ssl = off\n", hba).unwrap();
    let said = refusal(&settings(&server, "postgres")).await;
    assert!(
        said.contains("the server offers no TLS; set ssl = on there"),
        "{said}"
    );
}

#[tokio::test]
async fn server_with_tls_1_2_only_is_refused() {
    let old = "ssl_min_protocol_version = 'TLSv1.2'\nssl_max_protocol_version = 'TLSv1.2'\n";
    let hba = "local all postgres trust\nhostssl all all 127.0.0.1/32 cert\n";
    let server = Server::start_with(old, hba).unwrap();
    let said = refusal(&settings(&server, "postgres")).await;
    assert!(
        said.contains("TLS: ") && said.contains("ProtocolVersion"),
        "{said}"
    );
}

#[tokio::test]
async fn server_that_wants_a_password_gets_none() {
    let hba = "local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    let server = Server::start_with("", hba).unwrap();
    let roles = format!(
        "{}; ALTER ROLE zeropass_accounts PASSWORD 'secret'",
        roles()
    );
    server.sql("postgres", &roles).unwrap();
    let said = refusal(&settings(&server, "postgres")).await;
    assert!(
        said.contains("wants more than the certificate of zeropass_accounts"),
        "{said}"
    );
}

/// The connection is encrypted, but the server never looked who we are.
#[tokio::test]
async fn server_that_trusts_anybody_is_refused() {
    let server = Server::start().unwrap();
    prepare(&server, "zeropass").await;
    let trust = "local all postgres trust\nhostssl all all 127.0.0.1/32 trust\n";
    // It knows the authority of clients, and so sees the certificates that nobody needs.
    let said = once_reloaded(&server, trust).await;
    assert!(said.contains("(impostor)"), "{said}");
    assert!(
        said.contains("lets anybody in as zeropass_") && said.contains(", without a certificate:"),
        "{said}"
    );
    // Without the authority it can't even ask for them.
    let blind = server::SETTINGS.replace("ssl_ca_file = 'ca.pem'", "");
    server.put("zeropass.conf", &blind);
    let mut said = String::new();
    for _ in 0..200 {
        said = once_reloaded(&server, trust).await;
        if said.contains("the server did not ask for its certificate") {
            return;
        }
    }
    panic!("{said}");
}

/// Certificates are asked for, and one is as good as another.
#[tokio::test]
async fn server_that_takes_one_role_for_another_is_refused() {
    let server = Server::start().unwrap();
    prepare(&server, "zeropass").await;
    let mut map = String::new();
    for role in Role::RUNTIME {
        map.push_str(&format!("any /^zeropass_ {role}\n"));
    }
    server.put("pg_ident.conf", &map);
    let mapped = "local all postgres trust\nhostssl all all 127.0.0.1/32 cert map=any\n";
    let said = once_reloaded(&server, mapped).await;
    assert!(
        said.contains("with the certificate of zeropass_") && said.contains("(impostor)"),
        "{said}"
    );
}

/// Why the store can't be opened any more when the server has read this pg_hba.conf.
async fn once_reloaded(server: &Server, hba: &str) -> String {
    server.put("pg_hba.conf", hba);
    server.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    let settings = settings(server, "zeropass");
    // The server reloads in its own time.
    for _ in 0..200 {
        match open(&settings, "host-a").await {
            Err(error) => return error.to_string(),
            Ok((kit, _)) => kit.store.close().await,
        }
    }
    panic!("it starts with {hba}");
}

#[tokio::test]
async fn certificate_of_another_role_is_refused() {
    let database = database().await;
    let mut settings = settings(shared().await, &database);
    settings.accounts = settings.credentials.clone();
    let said = refusal(&settings).await;
    assert!(
        said.contains("certificate authentication failed for user \"zeropass_accounts\""),
        "{said}"
    );
}

#[tokio::test]
async fn certificate_of_another_authority_is_refused() {
    let database = database().await;
    let mut settings = settings(shared().await, &database);
    let folder = tempfile::tempdir().unwrap();
    let pair = Authority::new("another authority").issue("zeropass_accounts", &[]);
    settings.accounts.certificate = folder.path().join("a.pem");
    settings.accounts.key = folder.path().join("a.key");
    std::fs::write(&settings.accounts.certificate, pair.certificate).unwrap();
    std::fs::write(&settings.accounts.key, pair.key).unwrap();
    let said = refusal(&settings).await;
    assert!(said.contains("TLS: "), "{said}");
    assert!(said.to_lowercase().contains("unknownca"), "{said}");
}

#[tokio::test]
async fn material_that_can_not_be_used_is_named() {
    let database = database().await;
    let server = shared().await;
    let mut wrong_key = settings(server, &database);
    wrong_key.accounts.key = wrong_key.credentials.key.clone();
    let said = refusal(&wrong_key).await;
    assert!(
        said.starts_with("the database role zeropass_accounts: "),
        "{said}"
    );
    assert!(said.contains("zeropass_credentials.key"), "{said}");
    let mut missing = settings(server, &database);
    missing.server.ca = "/nowhere/ca.pem".into();
    let said = refusal(&missing).await;
    assert!(said.contains("/nowhere/ca.pem"), "{said}");
}

/// Connections are made with what the files say at that moment; what can't be used changes
/// nothing.
#[tokio::test]
async fn certificates_rotate_without_a_restart() {
    let (_, _, database) = fresh().await;
    let server = shared().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(server, &database);
    let certificate = folder.path().join("role.pem");
    let key = folder.path().join("role.key");
    std::fs::copy(&settings.credentials.certificate, &certificate).unwrap();
    std::fs::copy(&settings.credentials.key, &key).unwrap();
    settings.credentials.certificate.clone_from(&certificate);
    settings.credentials.key.clone_from(&key);
    let (kit, _store) = open(&settings, "host-a").await.unwrap();
    let serials = || {
        let serials =
            "SELECT DISTINCT client_serial FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE usename = 'zeropass_credentials' AND datname = current_database()";
        server.sql(&database, serials).unwrap()
    };
    let cut = || {
        let cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
            WHERE usename = 'zeropass_credentials' AND datname = current_database()";
        server.sql(&database, cut).unwrap()
    };
    let first = serials();

    let pair = server.authority().issue("zeropass_credentials", &[]);
    std::fs::write(&key, &pair.key).unwrap();
    std::fs::write(&certificate, &pair.certificate).unwrap();
    cut();
    kit.put(Kit::ceremony(&crate::store::contract::id(1)))
        .await
        .unwrap();
    let second = serials();
    assert_ne!(first, second);

    std::fs::write(&certificate, "no certificate").unwrap();
    cut();
    kit.put(Kit::ceremony(&crate::store::contract::id(2)))
        .await
        .unwrap();
    assert_eq!(serials(), second);
}

/// What a session says of its commits.
struct Durability;

impl Change for Durability {
    type Output = String;
}

#[async_trait]
impl Applies<Durability> for Postgres {
    async fn apply(_: &Durability, db: &mut PgConnection) -> Result<String, Failure> {
        let setting = "SELECT current_setting('synchronous_commit')";
        Ok(sqlx::query_scalar(setting).fetch_one(db).await?)
    }
}

/// From the first connection of each writer on, and on those that follow.
#[tokio::test]
async fn commits_are_durable_whatever_a_role_s_default_is() {
    let database = database().await;
    let server = shared().await;
    for role in Role::RUNTIME {
        let set = format!("ALTER ROLE {role} IN DATABASE {database} SET synchronous_commit = off");
        server.sql(&database, &set).unwrap();
    }
    let (_kit, store) = open(&settings(server, &database), "host-a").await.unwrap();
    let writers = [
        &store.database.accounts.writer,
        &store.database.credentials.writer,
        &store.database.rollouts.writer,
        &store.database.recorder,
    ];
    let cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
        WHERE usename LIKE 'zeropass%' AND datname = current_database()";
    for connection in ["the first", "another"] {
        for writer in writers {
            let said = writer.run(&Trail::new(), Durability).await.unwrap();
            assert_eq!(said, "on", "{connection}");
        }
        server.sql(&database, cut).unwrap();
    }
}

/// The test runs itself again with other folders for temporary files.
#[tokio::test]
async fn socket_is_not_made_where_others_may_put_another() {
    const INNER: &str = "ZEROPASS_TEST_FOLDER";
    let Some(expected) = std::env::var_os(INNER) else {
        let name =
            "store::postgres::tests::transport::socket_is_not_made_where_others_may_put_another";
        for (mode, expected) in [
            (0o777, "refused"),
            (0o730, "refused"),
            (0o1777, "made"),
            (0o755, "made"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let within = folder.path().join("within");
            std::fs::create_dir(&within).unwrap();
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), mode.clone()).unwrap();
            // The folder itself, and one in it.
            for folder in [folder.path(), &within] {
                let inner = std::process::Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", name])
                    .env(INNER, expected)
                    .env("TMPDIR", folder)
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&inner.stdout);
                let good = inner.status.success() && said.contains("1 passed");
                assert!(good, "{mode:?}: {said}");
            }
        }
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let authority = Authority::new("an authority");
    let pair = authority.issue("zeropass_accounts", &[]);
    std::fs::write(at("ca.pem"), authority.pem()).unwrap();
    std::fs::write(at("role.pem"), pair.certificate).unwrap();
    std::fs::write(at("role.key"), pair.key).unwrap();
    let server = crate::store::postgres::Server {
        host: "127.0.0.1".into(),
        port: 1,
        database: "zeropass".into(),
        server_name: SERVER_NAME.into(),
        ca: at("ca.pem"),
    };
    let login = Login {
        certificate: at("role.pem"),
        key: at("role.key"),
        connections: 1,
    };
    match Gateway::open(&server, Role::Accounts, &login) {
        Ok(_) => assert_eq!(expected, "made"),
        Err(error) => {
            assert_eq!(expected, "refused");
            let said = error.to_string();
            assert!(said.contains("others may change"), "{said}");
        }
    }
}

/// The test runs itself again in an environment that wants everything otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_environment_changes_nothing() {
    const INNER: &str = "ZEROPASS_TEST_HOSTILE";
    if std::env::var_os(INNER).is_none() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = folder.path().join("pgpass");
        std::fs::write(&passwords, "*:*:*:*:stolen\n").unwrap();
        let services = folder.path().join("services.conf");
        std::fs::write(&services, "[evil]\nhost=192.0.2.1\nsslmode=disable\n").unwrap();
        let name = "store::postgres::tests::transport::hostile_environment_changes_nothing";
        let inner = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INNER, "1")
            .env("PGHOST", "192.0.2.1")
            .env("PGHOSTADDR", "192.0.2.1")
            .env("PGPORT", "1")
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .env("PGPASSWORD", "stolen")
            .env("PGPASSFILE", &passwords)
            .env("PGSERVICE", "evil")
            .env("PGSERVICEFILE", &services)
            .env("PGSSLMODE", "disable")
            .env("PGSSLROOTCERT", "/nowhere.pem")
            .env("PGSSLCERT", "/nowhere.pem")
            .env("PGSSLKEY", "/nowhere.key")
            .env("PGAPPNAME", "evil")
            .env(
                "PGOPTIONS",
                "-c search_path=evil -c synchronous_commit=off -c role=postgres",
            )
            .env("SSL_CERT_FILE", "/nowhere.pem")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&inner.stdout);
        assert!(
            inner.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let (kit, _store, database) = fresh().await;
    kit.create(crate::store::contract::RP, "ada").await;
    let seen = "SELECT usename, application_name, version, client_dn
        FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
        WHERE datname = current_database() AND application_name <> 'psql'
            AND usename <> 'zeropass_audit_reader' ORDER BY usename";
    let seen = shared().await.sql(&database, seen).unwrap();
    let expected = [
        "zeropass_accounts|zeropass|TLSv1.3|/CN=zeropass_accounts",
        "zeropass_audit_writer|zeropass|TLSv1.3|/CN=zeropass_audit_writer",
        "zeropass_credentials|zeropass|TLSv1.3|/CN=zeropass_credentials",
        "zeropass_rollouts|zeropass|TLSv1.3|/CN=zeropass_rollouts",
    ];
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
    let pool = _store.database.accounts.readers.clone();
    let mut settings = Vec::new();
    for name in ["search_path", "synchronous_commit", "role"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(&pool)
            .await
            .unwrap();
        settings.push(value);
    }
    assert_eq!(settings, ["pg_catalog", "on", "none"]);
}
