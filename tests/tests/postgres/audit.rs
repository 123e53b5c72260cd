//! `zeropass audit` on a host whose log is in PostgreSQL.

use std::process::Output;

use serde_json::Value;
use zeropass::audit::merkle::{Hash, verify_inclusion};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, Installation, ORIGIN, Person};
use zeropass_tests::postgres::Database;

const CONFIG: [&str; 2] = ["--config", "zeropass.toml"];

/// An installation on this database whose host has run once, and its log's id.
async fn used(database: &Database) -> (Installation, String) {
    let installation = Deployment::builder().postgres(database).install();
    let process = installation.serve();
    let client = installation.client(&process);
    let ada = Person::at(ORIGIN);
    ada.register(&client, "ada").await.expect(201);
    ada.sign_in(&client, "ada").await.expect(200);
    assert!(process.stop());
    let log = database.sql("SELECT DISTINCT log FROM zeropass.audit");
    (installation, log.trim().to_owned())
}

fn audit(installation: &Installation, command: &str, rest: &[&str]) -> Output {
    installation.run(&[&["audit", command], &CONFIG[..], rest].concat())
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn bad(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn log_in_postgresql_is_queried_exported_and_proven() {
    let database = Database::start().await;
    let (installation, log) = used(&database).await;
    let found = good(&audit(
        &installation,
        "query",
        &["--action", "accounts.create", "--json"],
    ));
    let found: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let record = &found[0]["record"];
    assert_eq!(text(&record["action"]), "accounts.create");

    let seq = record["seq"].as_u64().unwrap();
    let place = seq.to_string();
    let proof = audit(&installation, "prove", &["--log", &log, "--record", &place]);
    let proof: Value = serde_json::from_str(&good(&proof)).unwrap();
    assert_eq!(&proof["record"], record);
    let hash = |value: &Value| Hash::from_base64(text(value)).unwrap();
    let path: Vec<Hash> = proof["path"].as_array().unwrap().iter().map(hash).collect();
    let checkpoint = &proof["checkpoint"];
    assert!(verify_inclusion(
        &hash(&proof["leaf"]),
        seq - 1,
        checkpoint["size"].as_u64().unwrap(),
        &path,
        &hash(&checkpoint["root"]),
    ));

    let export = ["--out", "export.jsonl", "--log", &log];
    good(&audit(&installation, "export", &export));
    let exported = ["--export", "export.jsonl", "--log", &log];
    let told = good(&audit(&installation, "verify", &exported));
    assert!(told.contains(&format!("OK    {log}: ")), "{told}");

    // Who read the log is in the log.
    let read = "SELECT action FROM zeropass.audit WHERE log LIKE 'operators-%' ORDER BY seq";
    let read = database.sql(read);
    let read: Vec<_> = read.lines().collect();
    assert_eq!(read, ["log.open", "audit.query", "audit.export"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_that_the_superuser_altered_is_named() {
    let database = Database::start().await;
    let (installation, log) = used(&database).await;
    let told = good(&audit(&installation, "verify", &[]));
    assert!(told.starts_with(&format!("OK    {log}: ")), "{told}");

    // Verifying needs the role that reads the log, and no other.
    for role in ["accounts", "credentials", "audit_writer"] {
        database.sql(&format!("ALTER ROLE zeropass_{role} NOLOGIN"));
    }
    good(&audit(&installation, "verify", &[]));
    bad(&audit(&installation, "query", &[]));

    let place = database.sql("SELECT seq FROM zeropass.audit WHERE action = 'accounts.create'");
    let place = place.trim();
    database.sql(&format!(
        "BEGIN;
         ALTER TABLE zeropass.audit DISABLE TRIGGER USER;
         UPDATE zeropass.audit SET workload = 'nobody' WHERE seq = {place};
         ALTER TABLE zeropass.audit ENABLE TRIGGER USER;
         COMMIT"
    ));
    let told = bad(&audit(&installation, "verify", &[]));
    let expected = format!("FAIL  {log}: first bad record: {place} ");
    assert!(told.contains(&expected), "{told}");
    let proof = audit(&installation, "prove", &["--log", &log, "--record", place]);
    assert!(bad(&proof).contains("the log is not what the checkpoint sealed"));
}
