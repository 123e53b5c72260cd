//! `zeropass store`, and what `zeropass serve` says to a role that has too much.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use zeropass::store::postgres::Role;
use zeropass_tests::deployment::{Deployment, ORIGIN, Person};
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
    let migrate = |more: &[&str]| {
        let command = [
            "store",
            "migrate",
            "--config",
            config,
            "--certificate",
            certificate,
            "--key",
            key,
        ];
        zeropass(&[&command, more].concat())
    };
    deployment.services().store.close().await;
    database.sql("DROP SCHEMA zeropass CASCADE");
    database.sql(&roles);
    let done = migrate(&[]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("the schema went from version 0 to "));
    // Nobody's log is begun: one that is imported may be of the same operators.
    let logs = database.sql("SELECT log FROM zeropass.audit_logs");
    assert_eq!(logs.trim(), "");
    let again = migrate(&[]);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    Deployment::builder().postgres(&database).start().await;

    database.sql(
        "DROP INDEX zeropass.credentials_age;
        DELETE FROM zeropass._sqlx_migrations WHERE version = 43",
    );
    let unsaid = migrate(&[]);
    assert!(said(&unsaid).contains("(not-confirmed)"));
    let done = migrate(&["--yes"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("from version 42 to 43"));
    let recorded =
        "SELECT action, outcome FROM zeropass.audit WHERE log LIKE 'operators-%' ORDER BY seq";
    let recorded = database.sql(recorded);
    let recorded: Vec<_> = recorded.lines().collect();
    assert_eq!(recorded, ["log.open|success", "store.migrate|success"]);

    let newer = "INSERT INTO zeropass._sqlx_migrations VALUES (999, 'newer', now(), true, '', 0)";
    database.sql(newer);
    let refused = migrate(&[]);
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

/// A host moves with its keys and its checkpoints into a database that the commands have made
/// ready, and its log and that of the operators go on where they ended.
#[tokio::test(flavor = "multi_thread")]
async fn import_moves_a_stopped_host_whose_log_verifies() {
    let database = Database::start().await;
    let installation = Deployment::builder().install();
    let ada = Person::at(ORIGIN);
    let process = installation.serve();
    ada.register(&installation.client(&process), "ada")
        .await
        .expect(201);
    // The same host, on the database.
    let config = fs::read_to_string(installation.config()).unwrap();
    let mut moved = config.clone();
    let mut last = "";
    for (section, key, value) in database.settings() {
        if section != last {
            moved.push_str(&format!("\n[{section}]\n"));
            last = section;
        }
        moved.push_str(&format!("{key} = {value}\n"));
    }
    fs::write(installation.folder().join("moved.toml"), &moved).unwrap();
    let (certificate, key) = database.login(Role::Migrator);
    let moving = |command: &[&str], more: &[&str]| {
        let with = [
            "--config",
            "moved.toml",
            "--certificate",
            certificate.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ];
        installation.run(&[&["store"], command, &with, more].concat())
    };
    let import = |more: &[&str]| moving(&["import", "--from", "zeropass.db"], more);
    // The operators have a log already.
    let query = ["audit", "query", "--config", "zeropass.toml"];
    let queried = installation.run(&query);
    assert!(queried.status.success(), "{}", said(&queried));
    let roles = String::from_utf8(zeropass(&["store", "roles"]).stdout).unwrap();
    database.sql("DROP SCHEMA zeropass CASCADE");
    database.sql(&roles);
    let migrated = moving(&["migrate"], &[]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let running = import(&["--yes"]);
    assert!(!running.status.success());
    assert!(said(&running).contains("is in use"), "{}", said(&running));
    assert!(process.stop());

    // In the file itself, as an attacker without any database would.
    let file = installation.folder().join("zeropass.db");
    let genuine = fs::read(&file).unwrap();
    let (old, new) = (b"accounts.create", b"accounts.delete");
    let mut bytes = genuine.clone();
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
    assert_ne!(bytes, genuine);
    fs::write(&file, bytes).unwrap();
    let refused = import(&["--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(
        said(&refused).contains("nothing was imported"),
        "{}",
        said(&refused)
    );
    fs::write(&file, genuine).unwrap();

    let unsaid = import(&[]);
    assert!(
        said(&unsaid).contains("say --yes (not-confirmed)"),
        "{}",
        said(&unsaid)
    );
    let dry = import(&["--dry-run"]);
    assert!(
        said(&dry).contains("would import: all of zeropass.db"),
        "{}",
        said(&dry)
    );
    assert_eq!(
        database
            .sql("SELECT count(*) FROM zeropass.accounts")
            .trim(),
        "0"
    );
    let done = import(&["--yes"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(
        said(&done).contains("sha256, the same in both"),
        "{}",
        said(&done)
    );
    let again = import(&["--yes"]);
    assert!(!again.status.success());
    assert!(
        said(&again).contains("import into an empty database"),
        "{}",
        said(&again)
    );

    fs::write(installation.config(), moved).unwrap();
    let process = installation.serve();
    ada.sign_in(&installation.client(&process), "ada")
        .await
        .expect(200);
    assert!(process.stop());
    let recorded = "SELECT target, outcome FROM zeropass.audit WHERE action = 'store.import'";
    let recorded = database.sql(recorded);
    assert_eq!(recorded.trim(), "database zeropass on 127.0.0.1|success");
    let verified = installation.run(&["audit", "verify", "--config", "zeropass.toml"]);
    assert!(verified.status.success(), "{}", said(&verified));
}
