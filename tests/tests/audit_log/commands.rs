//! `zeropass audit` and `zeropass store` on a host's own files, as an operator uses them.

use std::fs;
use std::process::Output;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use zeropass::audit::merkle::{Hash, verify_consistency, verify_inclusion};
use zeropass::audit::note::SignedNote;
use zeropass::audit::read_notes;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, Installation, Person};

use super::{person, replaced};

/// An installation whose host has run twice, with one person who has signed in.
pub(super) async fn used() -> (Installation, Person) {
    let installation = Deployment::builder().install();
    let somebody = person();
    let process = installation.serve();
    let client = installation.client(&process);
    somebody.register(&client, "ada").await.expect(201);
    assert!(process.stop());
    let process = installation.serve();
    let client = installation.client(&process);
    somebody.sign_in(&client, "ada").await.expect(200);
    assert!(process.stop());
    (installation, somebody)
}

pub(super) fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(super) fn bad(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

fn verify(installation: &Installation) -> Output {
    installation.run(&["audit", "verify", "--config", "zeropass.toml"])
}

/// The id of the host's log.
pub(super) fn log(installation: &Installation) -> String {
    let told = good(&installation.run(&["audit", "verify", "--config", "zeropass.toml", "--json"]));
    let verdicts = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut logs = verdicts.map(|verdict| text(&verdict["log"]).to_owned());
    logs.find(|log| log.starts_with("host-"))
        .expect("the host's log")
}

#[tokio::test(flavor = "multi_thread")]
async fn log_is_verified_offline_from_copies() {
    let (installation, _) = used().await;
    let log = log(&installation);
    let told = good(&verify(&installation));
    assert!(told.starts_with("OK    host-"), "{told}");
    // On another machine: the database, or an export, the checkpoints, the public key.
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = installation.folder();
    let leaves = format!("audit.checkpoints.{log}.leaves");
    for name in ["zeropass.db", "audit.checkpoints", &leaves] {
        fs::copy(folder.join(name), elsewhere.path().join(name)).unwrap();
    }
    let key = format!("audit-{log}.pub");
    fs::copy(folder.join("keys").join(&key), elsewhere.path().join(&key)).unwrap();
    let at = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    let (database, checkpoints, key) = (at("zeropass.db"), at("audit.checkpoints"), at(&key));
    let witness = ["--checkpoints", &checkpoints, "--key", &key];
    let told =
        installation.run(&[&["audit", "verify", "--database", &database], &witness[..]].concat());
    assert!(good(&told).contains(&log));

    let export = at("export.jsonl");
    let arguments = [
        "audit",
        "export",
        "--config",
        "zeropass.toml",
        "--log",
        &log,
        "--out",
        &export,
    ];
    good(&installation.run(&arguments));
    // Not over a file that is there.
    assert!(bad(&installation.run(&arguments)).contains("export.jsonl"));
    let verify_export = [&["audit", "verify", "--export", &export], &witness[..]].concat();
    good(&installation.run(&verify_export));
    let lines = fs::read_to_string(&export).unwrap();
    fs::write(
        &export,
        lines.replacen("accounts.create", "accounts.delete", 1),
    )
    .unwrap();
    let place = lines
        .lines()
        .position(|line| line.contains("accounts.create"))
        .unwrap()
        + 1;
    let told = bad(&installation.run(&verify_export));
    assert!(
        told.contains(&format!("FAIL  {log}: first bad record: {place} ")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_convince_without_the_log() {
    let (installation, _) = used().await;
    let log = log(&installation);
    let prove = |rest: &[&str]| {
        let arguments = ["audit", "prove", "--config", "zeropass.toml", "--log", &log];
        installation.run(&[&arguments[..], rest].concat())
    };
    let json = |output: &Output| serde_json::from_str::<Value>(&good(output)).unwrap();
    let hash = |value: &Value| Hash::from_base64(text(value)).unwrap();
    let path = |proof: &Value| -> Vec<Hash> {
        proof["path"].as_array().unwrap().iter().map(hash).collect()
    };
    let proof = json(&prove(&["--record", "3"]));
    assert_eq!(proof["record"]["seq"], 3);
    let size = proof["checkpoint"]["size"].as_u64().unwrap();
    let root = hash(&proof["checkpoint"]["root"]);
    let leaf = hash(&proof["leaf"]);
    assert!(verify_inclusion(&leaf, 2, size, &path(&proof), &root));
    let record: zeropass::store::StoredRecord =
        serde_json::from_value(proof["record"].clone()).unwrap();
    assert_eq!(record.leaf(), leaf);

    // Every earlier checkpoint, as somebody has it who copied the file away; the first is
    // from before any record.
    let notes = read_notes(&installation.folder().join("audit.checkpoints")).unwrap();
    let notes = notes.iter().map(SignedNote::claimed);
    let earlier: Vec<_> = notes
        .filter(|note| note.origin == log && note.size < size)
        .collect();
    let within = earlier.iter().filter(|note| note.size > 0).count();
    assert!(within > 0, "{earlier:?}");
    for checkpoint in earlier {
        let from = checkpoint.size;
        let proof = json(&prove(&["--from", &from.to_string()]));
        let (old, new) = (hash(&proof["from"]["root"]), hash(&proof["to"]["root"]));
        assert_eq!((old, new), (checkpoint.root, root));
        let path = path(&proof);
        assert!(verify_consistency((from, &old), (size, &new), &path));
        let other = Hash([7; 32]);
        let forged = verify_consistency((from, &other), (size, &new), &path);
        assert!(!forged, "{from}");
        assert_eq!(path.is_empty(), from == 0, "{from}");
    }
    assert!(bad(&prove(&["--record", "100000"])).contains("is not among the"));
    assert!(bad(&prove(&["--from", "1"])).contains("no checkpoint of 1 records"));
}

/// PCI DSS v4.0.1 requirement 10.2.1.3.
#[tokio::test(flavor = "multi_thread")]
async fn reading_the_log_is_in_the_log() {
    let (installation, _) = used().await;
    let query = |rest: &[&str]| {
        let arguments = ["audit", "query", "--config", "zeropass.toml"];
        good(&installation.run(&[&arguments[..], rest].concat()))
    };
    let table = query(&["--action", "sessions.create"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("TIME"), "{table}");
    assert!(lines[1].contains("auth-service for spiffe://"), "{table}");
    assert!(lines[1].contains("example.com"), "{table}");
    good(&installation.run(&["audit", "export", "--config", "zeropass.toml"]));
    let own = query(&["--action", "audit", "--json"]);
    let own: Vec<Value> = own
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = own
        .iter()
        .map(|line| {
            (
                text(&line["record"]["action"]),
                text(&line["record"]["target"]),
            )
        })
        .collect();
    let expected = [
        ("audit.query", "action=sessions.create"),
        ("audit.export", "all logs"),
        ("audit.query", "action=audit"),
    ];
    assert_eq!(told, expected);
    for line in &own {
        assert!(text(&line["log"]).starts_with("operators-"), "{line}");
        assert!(
            text(&line["record"]["workload"]).starts_with("operator:uid-"),
            "{line}"
        );
    }
    assert_eq!(
        good(&verify(&installation)).lines().count(),
        2,
        "both logs verify"
    );
}

/// What was begun is in the log, and that it failed.
#[tokio::test(flavor = "multi_thread")]
async fn command_that_fails_says_so_in_the_log() {
    let (installation, _) = used().await;
    let log = log(&installation);
    let prove = |place: &str| {
        installation.run(&[
            "audit",
            "prove",
            "--config",
            "zeropass.toml",
            "--log",
            &log,
            "--record",
            place,
        ])
    };
    good(&prove("3"));
    assert!(bad(&prove("100000")).contains("is not among the"));
    let told = good(&installation.run(&[
        "audit",
        "query",
        "--config",
        "zeropass.toml",
        "--action",
        "audit.prove",
        "--json",
    ]));
    let told: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|line| {
            (
                text(&line["record"]["target"]),
                text(&line["record"]["outcome"]),
            )
        })
        .collect();
    let (third, far) = (format!("{log} record 3"), format!("{log} record 100000"));
    let expected = [
        (third.as_str(), "success"),
        (far.as_str(), "success"),
        (far.as_str(), "failed:prove-failed"),
    ];
    assert_eq!(told, expected);
    // On a copy nobody's keys are needed, and nothing is recorded.
    let offline = ["audit", "verify", "--config", "zeropass.toml"];
    let before = good(&installation.run(&offline));
    let copy = [
        "audit",
        "prove",
        "--config",
        "zeropass.toml",
        "--database",
        "zeropass.db",
        "--log",
        &log,
        "--record",
        "3",
    ];
    good(&installation.run(&copy));
    assert_eq!(good(&installation.run(&offline)), before);
}

/// Commands leave their records while a host writes its own.
/// A command may be of a later version than the host beside it.
#[tokio::test(flavor = "multi_thread")]
async fn command_changes_no_schema() {
    let (installation, _) = used().await;
    let file = installation.folder().join("zeropass.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut beside = options.connect().await.unwrap();
    let older = "DELETE FROM _sqlx_migrations WHERE version > 3";
    sqlx::raw_sql(older).execute(&mut beside).await.unwrap();
    for command in [
        &["audit", "query"][..],
        &["audit", "export", "--out", "export.jsonl"],
        &["store", "backup", "copy.db"],
    ] {
        let run = [command, &["--config", "zeropass.toml"]].concat();
        let told = bad(&installation.run(&run));
        assert!(told.contains("has schema version 3"), "{told}");
        assert!(told.contains("(older-schema)"), "{told}");
    }
    let steps: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut beside)
        .await
        .unwrap();
    assert_eq!(steps, 3);
    // What changes nothing needs no schema of its own.
    good(&verify(&installation));
}

/// A copy from before records were kept in blocks.
#[tokio::test(flavor = "multi_thread")]
async fn copy_of_an_earlier_version_is_restored_and_read_by_nothing_else() {
    let (installation, _) = used().await;
    let config = ["--config", "zeropass.toml"];
    let run = |command: &[&str]| installation.run(&[command, &config].concat());
    good(&run(&["store", "backup", "copy.db"]));
    let copy = installation.folder().join("copy.db");
    let options = SqliteConnectOptions::new().filename(&copy);
    let mut earlier = options.connect().await.unwrap();
    let back = "
        CREATE TABLE keyed AS SELECT * FROM audit;
        DROP VIEW audit; DROP TABLE audit_blocks; ALTER TABLE keyed RENAME TO audit;
        DELETE FROM _sqlx_migrations WHERE version >= 22";
    sqlx::raw_sql(back).execute(&mut earlier).await.unwrap();
    earlier.close().await.unwrap();

    let key = format!("keys/audit-{}.pub", log(&installation));
    let verify_copy = ["audit", "verify", "--database", "copy.db", "--key", &key];
    let checkpoints = ["--checkpoints", "audit.checkpoints"];
    let told = bad(&installation.run(&[&verify_copy[..], &checkpoints].concat()));
    assert!(told.contains("has schema version 21"), "{told}");
    assert!(told.contains("(older-schema)"), "{told}");
    good(&run(&["store", "restore", "copy.db", "--yes"]));
    good(&verify(&installation));

    std::fs::write(&copy, []).unwrap();
    let told = bad(&run(&["store", "restore", "copy.db", "--yes"]));
    assert!(told.contains("is no store that can be checked"), "{told}");
    good(&verify(&installation));
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_is_made_while_the_host_runs_and_its_restore_is_recorded() {
    let (installation, ada) = used().await;
    let process = installation.serve();
    let client = installation.client(&process);
    good(&installation.run(&["store", "backup", "copy.db", "--config", "zeropass.toml"]));
    let again = installation.run(&["store", "backup", "copy.db", "--config", "zeropass.toml"]);
    assert!(bad(&again).contains("copy.db"));
    // Neither of the two logs ends where its copy does.
    good(&installation.run(&["audit", "query", "--config", "zeropass.toml"]));
    let bob = person();
    bob.register(&client, "bob").await.expect(201);
    let restore = [
        "store",
        "restore",
        "copy.db",
        "--config",
        "zeropass.toml",
        "--yes",
    ];
    let told = bad(&installation.run(&restore));
    assert!(told.contains("is in use"), "{told}");
    assert!(process.stop());

    let copy = installation.folder().join("copy.db");
    let genuine = fs::read(&copy).unwrap();
    let altered = replaced(&genuine, b"accounts.create", b"accounts.delete");
    fs::write(&copy, altered).unwrap();
    let told = bad(&installation.run(&restore));
    assert!(told.contains("it is not restored"), "{told}");
    fs::write(&copy, genuine).unwrap();
    // Not checked with what lies beside it and then installed without.
    let beside = installation.folder().join("copy.db-wal");
    fs::write(&beside, "changes").unwrap();
    let told = bad(&installation.run(&restore));
    assert!(told.contains("a copy would leave behind"), "{told}");
    fs::remove_file(&beside).unwrap();
    let unsaid = &restore[..5];
    let told = bad(&installation.run(unsaid));
    assert!(told.contains("say --yes (not-confirmed)"), "{told}");
    let told = good(&installation.run(&[unsaid, &["--dry-run"]].concat()));
    assert!(told.contains("would restore: "), "{told}");
    let restoring = installation.folder().join("zeropass.db.restoring");
    assert!(
        !restoring.exists(),
        "nothing is left of what was not restored"
    );
    let told = good(&installation.run(&restore));
    assert!(told.contains("a new one follows"), "{told}");

    let process = installation.serve();
    let client = installation.client(&process);
    ada.sign_in(&client, "ada").await.expect(200);
    // Registered after the copy was made.
    let refused = bob.sign_in_discoverable(&client).await;
    assert_eq!(refused.problem().1, "credential-unknown");
    assert!(process.stop());
    let told = good(&verify(&installation));
    assert!(told.contains("since a backup was restored"), "{told}");
    // Each log that was cut, alone: what excuses it is found too, and what is left is proven.
    let logs: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("OK    ")?.split_once(':'))
        .map(|(log, _)| log)
        .collect();
    let mut cut = 0;
    for log in logs {
        let with = ["--config", "zeropass.toml", "--log", log];
        let alone = good(&installation.run(&[&["audit", "verify"], &with[..]].concat()));
        if !alone.contains("since a backup was restored") {
            continue;
        }
        cut += 1;
        assert!(told.contains(&alone), "{alone}");
        let prove = [&["audit", "prove", "--record", "1"], &with[..]].concat();
        let proof: Value = serde_json::from_str(&good(&installation.run(&prove))).unwrap();
        let size = proof["checkpoint"]["size"].as_u64().unwrap();
        assert!(alone.contains(&format!(" {size} sealed by ")), "{alone}");
    }
    assert_eq!(cut, 2, "the log of the host, and that of the operators");
}
