//! `zeropass store`, and what `zeropass serve` says to a role that has too much.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use zeropass::store::postgres::Role;
use zeropass_tests::deployment::Deployment;
use zeropass_tests::postgres::Database;

fn zeropass(arguments: &[&str]) -> Output {
    let folder = std::env::var_os("ZEROPASS_BINARIES").map_or_else(
        || {
            let deps = std::env::current_exe().unwrap();
            deps.ancestors().nth(2).unwrap().to_owned()
        },
        |folder| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(PathBuf::from(folder))
        },
    );
    Command::new(folder.join("zeropass"))
        .args(arguments)
        .output()
        .expect("the host has been built: cargo build -p zeropass")
}

fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    out + &String::from_utf8_lossy(&output.stderr)
}

/// From an empty server to a database that hosts can use, by the commands alone.
#[tokio::test(flavor = "multi_thread")]
async fn roles_and_migrate_make_a_database_ready() {
    let printed = zeropass(&["store", "roles"]);
    assert!(printed.status.success());
    let roles = String::from_utf8(printed.stdout).unwrap();
    assert!(roles.contains("--   zeropass_accounts TABLE zeropass.accounts INSERT"));

    let database = Database::start().await;
    let deployment = Deployment::builder().postgres(&database).start().await;
    let config = deployment.folder().join("zeropass.toml");
    let config = config.to_str().unwrap();
    let (certificate, key) = database.login(Role::Migrator);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let migrate = || {
        zeropass(&[
            "store",
            "migrate",
            "--config",
            config,
            "--certificate",
            certificate,
            "--key",
            key,
        ])
    };
    deployment.services().store.close().await;
    database.sql("DROP SCHEMA zeropass CASCADE");
    database.sql(&roles);
    let done = migrate();
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("the schema went from version 0 to "));
    let again = migrate();
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    Deployment::builder().postgres(&database).start().await;

    let newer = "INSERT INTO zeropass._sqlx_migrations VALUES (999, 'newer', now(), true, '', 0)";
    database.sql(newer);
    let refused = migrate();
    assert!(!refused.status.success());
    assert!(said(&refused).contains("the database has schema version 999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn host_refuses_to_start_with_a_role_that_has_more_than_it_needs() {
    let database = Database::start().await;
    database.sql("GRANT SELECT ON zeropass.sessions TO zeropass_credentials");
    let refused = Deployment::builder().postgres(&database).try_start().await;
    let refused = refused.expect_err("it does not start").to_string();
    assert!(
        refused.contains("too much: zeropass_credentials TABLE zeropass.sessions SELECT"),
        "{refused}"
    );
    database.sql("REVOKE SELECT ON zeropass.sessions FROM zeropass_credentials");
    Deployment::builder().postgres(&database).start().await;
}
