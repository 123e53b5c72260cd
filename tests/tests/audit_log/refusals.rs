//! Commands that are refused, or find nothing: what they say, and what they leave.

use std::fs;

use super::commands::{bad, good, log, used};

#[tokio::test(flavor = "multi_thread")]
async fn refused_command_leaves_no_file_and_can_be_given_again() {
    let (installation, _) = used().await;
    let log = log(&installation);
    let run =
        |command: &[&str]| installation.run(&[command, &["--config", "zeropass.toml"]].concat());
    let file = |name: &str| installation.folder().join(name);
    let export = ["audit", "export", "--out", "export.jsonl", "--log"];
    let told = bad(&run(&[&export[..], &["nosuch"]].concat()));
    assert!(told.contains("there is no log nosuch"), "{told}");
    assert!(!file("export.jsonl").exists());
    good(&run(&[&export[..], &[&log]].concat()));
    // What was there before stays as it is.
    let genuine = fs::read(file("export.jsonl")).unwrap();
    assert!(!genuine.is_empty());
    bad(&run(&[&export[..], &[&log]].concat()));
    assert_eq!(fs::read(file("export.jsonl")).unwrap(), genuine);

    // The log of the operators is not where its checkpoints say it is.
    let checkpoints = file("audit.checkpoints");
    fs::rename(&checkpoints, file("aside")).unwrap();
    let told = bad(&run(&["store", "backup", "copy.db"]));
    assert!(told.contains("has no checkpoint of it"), "{told}");
    assert!(!file("copy.db").exists());
    fs::rename(file("aside"), &checkpoints).unwrap();
    good(&run(&["store", "backup", "copy.db"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_where_no_store_is_sets_nothing_aside() {
    let (installation, _) = used().await;
    let run =
        |command: &[&str]| installation.run(&[command, &["--config", "zeropass.toml"]].concat());
    good(&run(&["store", "backup", "copy.db"]));
    fs::write(installation.folder().join("empty.db"), "").unwrap();
    let told = bad(&run(&["store", "restore", "empty.db", "--yes"]));
    assert!(told.contains("empty.db, a copy of which"), "{told}");
    for lost in ["zeropass.db", "zeropass.db-wal", "zeropass.db-shm"] {
        let _ = fs::remove_file(installation.folder().join(lost));
    }
    let told = good(&run(&["store", "restore", "copy.db", "--dry-run"]));
    assert!(told.contains("there is none to set aside"), "{told}");
    let told = good(&run(&["store", "restore", "copy.db", "--yes"]));
    assert!(
        told.ends_with("restored; there was no store before\n"),
        "{told}"
    );
    assert!(!told.contains("zeropass.db.before-"), "{told}");
    let told = good(&run(&["store", "restore", "copy.db", "--yes"]));
    let aside = told.trim_end().rsplit_once("from before is ").unwrap().1;
    assert!(installation.folder().join(aside).is_file(), "{told}");
    assert!(installation.serve().stop());
    good(&run(&["audit", "verify"]));
}

/// An empty answer says that nothing of the kind has happened.
#[tokio::test(flavor = "multi_thread")]
async fn search_that_can_find_nothing_is_refused() {
    let (installation, _) = used().await;
    let log = log(&installation);
    let query = |rest: &[&str]| {
        let command = ["audit", "query", "--config", "zeropass.toml"];
        installation.run(&[&command, rest].concat())
    };
    let told = bad(&query(&["--log", "host-00000000"]));
    assert!(told.contains("there is no log host-00000000"), "{told}");
    let told = bad(&query(&["--since", "2026-02-01", "--until", "2026-01-01"]));
    assert!(told.contains("--since must be the earlier one"), "{told}");
    let usage = query(&["--outcome", "failure"]);
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
    let nothing = query(&["--log", &log, "--outcome", "failed:nosuch"]);
    assert_eq!(good(&nothing).lines().count(), 1);
    assert_eq!(nothing.stderr, b"no record fits\n");
    let not_there = query(&["--action", "credential"]);
    assert_eq!(good(&not_there).lines().count(), 1);
    let told = String::from_utf8_lossy(&not_there.stderr);
    assert_eq!(
        told,
        "no record fits: the log has no action, or area of actions, \"credential\"\n"
    );
    let searched = good(&query(&["--action", "audit.query"]));
    assert!(searched.contains("log=host-00000000"), "{searched}");
    assert!(
        searched.contains(&format!("outcome=failed:nosuch log={log}")),
        "{searched}"
    );
}
