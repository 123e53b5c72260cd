//! The store section.

use std::path::Path;

use super::*;

/// The least that a store in PostgreSQL needs.
const POSTGRES: &str = r#"[store.postgres]
host = "db.internal"
ca = "pki/db-ca.pem"
[store.postgres.accounts]
certificate = "pki/a.pem"
key = "pki/a.key"
[store.postgres.credentials]
certificate = "pki/c.pem"
key = "pki/c.key"
[store.postgres.rollouts]
certificate = "pki/o.pem"
key = "pki/o.key"
[store.postgres.audit-writer]
certificate = "pki/w.pem"
key = "pki/w.key"
[store.postgres.audit-reader]
certificate = "pki/r.pem"
key = "pki/r.key"
"#;

#[test]
fn postgres_takes_the_place_of_sqlite() {
    let config = parse(&format!("{MINIMAL}{POSTGRES}")).unwrap();
    let Store::Postgres(postgres) = config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        (postgres.host.as_str(), postgres.port),
        ("db.internal", 5432)
    );
    assert_eq!(postgres.database, "zeropass");
    assert_eq!(postgres.server_name, "db.internal");
    assert_eq!(postgres.ca, Path::new("/etc/zeropass/pki/db-ca.pem"));
    assert_eq!(
        postgres.audit_writer.key,
        Path::new("/etc/zeropass/pki/w.key")
    );
    let connections = [
        &postgres.accounts,
        &postgres.credentials,
        &postgres.rollouts,
        &postgres.audit_reader,
    ];
    assert_eq!(connections.map(|login| login.connections), [8, 8, 2, 2]);
}

#[test]
fn postgres_has_no_place_for_users_passwords_and_tls_modes() {
    let with = |line: &str| {
        let text = POSTGRES.replace("[store.postgres]\n", &format!("[store.postgres]\n{line}\n"));
        only(&format!("{MINIMAL}{text}"))
    };
    for key in ["user", "password", "sslmode"] {
        let message = with(&format!("{key} = \"hunter2\""));
        let unknown = format!("store.postgres.{key}: unknown key");
        assert!(message.starts_with(&unknown), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert_eq!(
        only(&format!(
            "{MINIMAL}{}",
            POSTGRES.replace("db.internal", "user@db")
        )),
        "store.postgres.host = \"user@db\": expected a host name or an IP address"
    );
    assert_eq!(
        only(&format!(
            "{MINIMAL}{}",
            POSTGRES.replace("host = \"db.internal\"\n", "")
        )),
        "store.postgres.host is missing: expected a host name or an IP address"
    );
}
