//! `zeropass audit` on a host whose log is in PostgreSQL.

use std::path::PathBuf;
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
    assert_eq!(
        read,
        ["log.open", "audit.query", "audit.prove", "audit.export"]
    );
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
    for role in ["accounts", "credentials", "audit_writer"] {
        database.sql(&format!("ALTER ROLE zeropass_{role} LOGIN"));
    }

    let place = database.sql("SELECT seq FROM zeropass.audit WHERE action = 'accounts.create'");
    let place = place.trim();
    attack(
        &database,
        &format!(
            "UPDATE zeropass.audit SET workload = 'nobody' WHERE log = '{log}' AND seq = {place}"
        ),
    );
    let told = bad(&audit(&installation, "verify", &[]));
    let expected = format!("FAIL  {log}: first bad record: {place} ");
    assert!(told.contains(&expected), "{told}");
    let proof = audit(&installation, "prove", &["--log", &log, "--record", place]);
    assert!(bad(&proof).contains("the log is not what the checkpoint sealed"));
}

/// As the superuser, whom no trigger holds back.
fn attack(database: &Database, statements: &str) {
    database.sql(&format!(
        "BEGIN;
         SET LOCAL session_replication_role = replica;
         {statements};
         COMMIT"
    ));
}

/// Each of these is done to the same log, and undone.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_superuser_does_to_the_log_is_named() {
    let database = Database::start().await;
    let (installation, log) = used(&database).await;
    let head = database.sql(&format!(
        "CREATE TABLE public.kept AS SELECT * FROM zeropass.audit WHERE log = '{log}';
         SELECT max(seq) FROM public.kept"
    ));
    let head: u64 = head.trim().lines().last().unwrap().parse().unwrap();
    assert!(head > 12, "{head}");
    let columns = "time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies";
    let own = format!("log = '{log}'");
    let leaf = "decode(repeat('00', 32), 'hex')";
    let cases = [
        // Deleted, and deleted with the rest moved up.
        (
            format!("DELETE FROM zeropass.audit WHERE {own} AND seq = 5"),
            "first bad record: 5 ".to_owned(),
        ),
        (
            format!(
                "DELETE FROM zeropass.audit WHERE {own} AND seq = 5;
                 UPDATE zeropass.audit SET seq = -seq WHERE {own} AND seq > 5;
                 UPDATE zeropass.audit SET seq = -seq - 1 WHERE {own} AND seq < 0"
            ),
            "first bad record: 5 ".to_owned(),
        ),
        // Inserted, with the rest moved down.
        (
            format!(
                "UPDATE zeropass.audit SET seq = -seq WHERE {own} AND seq >= 6;
                 UPDATE zeropass.audit SET seq = -seq + 1 WHERE {own} AND seq < 0;
                 INSERT INTO zeropass.audit (log, seq, {columns})
                     SELECT log, 6, {columns} FROM zeropass.audit WHERE {own} AND seq = 5"
            ),
            "first bad record: 6 ".to_owned(),
        ),
        // Swapped.
        (
            format!(
                "UPDATE zeropass.audit SET seq = -9 WHERE {own} AND seq = 4;
                 UPDATE zeropass.audit SET seq = 4 WHERE {own} AND seq = 9;
                 UPDATE zeropass.audit SET seq = 9 WHERE {own} AND seq = -9"
            ),
            "first bad record: 4 ".to_owned(),
        ),
        // The end cut off.
        (
            format!("DELETE FROM zeropass.audit WHERE {own} AND seq > 7"),
            format!("cut tail: it ends at record 7, but had {head}"),
        ),
        // Gone as if retention had cut it, from the middle and from the beginning.
        (
            format!(
                "INSERT INTO zeropass.audit_pruned VALUES ('{log}', 5, {leaf});
                 DELETE FROM zeropass.audit WHERE {own} AND seq = 5"
            ),
            "first bad record: 5 ".to_owned(),
        ),
        (
            format!(
                "INSERT INTO zeropass.audit_pruned VALUES ('{log}', 1, {leaf});
                 DELETE FROM zeropass.audit WHERE {own} AND seq = 1"
            ),
            "first bad record: 1 ".to_owned(),
        ),
    ];
    for (statements, expected) in cases {
        attack(&database, &statements);
        let told = bad(&audit(&installation, "verify", &[]));
        let expected = format!("FAIL  {log}: {expected}");
        assert!(told.contains(&expected), "{statements}: {told}");
        assert!(installation.try_serve(|_| {}).is_err(), "{statements}");
        attack(
            &database,
            &format!(
                "DELETE FROM zeropass.audit WHERE {own};
                 DELETE FROM zeropass.audit_pruned;
                 INSERT INTO zeropass.audit (log, seq, {columns})
                     SELECT log, seq, {columns} FROM public.kept"
            ),
        );
        good(&audit(&installation, "verify", &[]));
    }
    // The host would leave places out, and sign a tree that nobody can verify.
    attack(
        &database,
        &format!("UPDATE zeropass.audit_logs SET size = size + 1 WHERE {own}"),
    );
    let refused = installation.try_serve(|_| {}).unwrap_err();
    assert!(
        refused.contains(&format!(
            "has {head} records, but the database would go on behind"
        )),
        "{refused}"
    );
    attack(
        &database,
        &format!("UPDATE zeropass.audit_logs SET size = size - 1 WHERE {own}"),
    );

    // The whole database as it was once.
    let process = installation.serve();
    let somebody = Person::at(ORIGIN);
    somebody
        .register(&installation.client(&process), "bob")
        .await
        .expect(201);
    assert!(process.stop());
    let newer = database.sql(&format!("SELECT max(seq) FROM zeropass.audit WHERE {own}"));
    attack(
        &database,
        &format!(
            "DELETE FROM zeropass.audit WHERE {own} AND seq > {head};
             UPDATE zeropass.audit_logs SET size = {head} WHERE {own}"
        ),
    );
    let told = bad(&audit(&installation, "verify", &[]));
    let expected = format!(
        "cut tail: it ends at record {head}, but had {}",
        newer.trim()
    );
    assert!(told.contains(&expected), "{told}");
    let refused = installation.try_serve(|_| {}).unwrap_err();
    assert!(refused.contains("its end is cut off"), "{refused}");
}

/// The log of the operators rests between commands. Who owns the database can put a record behind
/// its end, and the next command seals it: as one that it found, which lets nothing be gone.
#[tokio::test(flavor = "multi_thread")]
async fn record_that_the_superuser_put_behind_a_log_lets_nothing_be_gone() {
    let database = Database::start().await;
    let (installation, log) = used(&database).await;
    good(&audit(&installation, "query", &[]));
    // In the year 2100.
    attack(
        &database,
        &format!(
            "INSERT INTO zeropass.audit
                 SELECT log, seq + 1, 4102444800000, request_id, workload, address, component_name,
                     component_digest, component_revision, 'audit.prune', relying_party,
                     '{log} up to 5', outcome, policies
                 FROM zeropass.audit WHERE log LIKE 'operators-%' ORDER BY seq DESC LIMIT 1;
             UPDATE zeropass.audit_logs SET size = size + 1 WHERE log LIKE 'operators-%'"
        ),
    );
    let leaves = format!("audit.checkpoints.{log}.leaves");
    let leaves = std::fs::read(installation.folder().join(leaves)).unwrap();
    for (seq, leaf) in (1..=5).zip(leaves.chunks_exact(32)) {
        let leaf: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
        attack(
            &database,
            &format!(
                "INSERT INTO zeropass.audit_pruned VALUES ('{log}', {seq}, decode('{leaf}', 'hex'));
                 DELETE FROM zeropass.audit WHERE log = '{log}' AND seq = {seq}"
            ),
        );
    }
    let gaps = audit(&installation, "query", &["--action", "log.gap", "--json"]);
    let gaps = good(&gaps);
    assert!(
        gaps.contains("\"records 3 to 3\"") && gaps.contains("failed:records-adopted"),
        "{gaps}"
    );
    let told = bad(&audit(&installation, "verify", &[]));
    assert!(
        told.contains(&format!("FAIL  {log}: first bad record: 1 ")),
        "{told}"
    );
    assert!(
        told.contains("records 3 to 3 were found when the log was continued"),
        "{told}"
    );
}

/// Each machine has the keys and checkpoints of its own host; an auditor has all.
#[tokio::test(flavor = "multi_thread")]
async fn logs_of_several_hosts_verify_with_all_their_keys_and_checkpoints() {
    let database = Database::start().await;
    let host = |log: &str| {
        let installation = Deployment::builder()
            .postgres(&database)
            .set("audit", "log", &format!("\"{log}\""))
            .install();
        assert!(installation.serve().stop());
        installation
    };
    let (one, other) = (host("one"), host("other"));
    let told = bad(&audit(&one, "verify", &[]));
    assert!(told.contains("OK    one-"), "{told}");
    assert!(
        told.contains("FAIL  other-") && told.contains("there is no public key of this log"),
        "{told}"
    );
    let mut witness = Vec::new();
    for installation in [&one, &other] {
        let checkpoints = installation.folder().join("audit.checkpoints");
        witness.extend(["--checkpoints".to_owned(), file(checkpoints)]);
        for entry in std::fs::read_dir(installation.folder().join("keys")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "pub") {
                witness.extend(["--key".to_owned(), file(path)]);
            }
        }
    }
    let witness: Vec<&str> = witness.iter().map(String::as_str).collect();
    let told = good(&audit(&one, "verify", &witness));
    assert!(
        told.contains("OK    one-") && told.contains("OK    other-"),
        "{told}"
    );
    // Twice the same is no contradiction.
    good(&audit(
        &one,
        "verify",
        &[&witness[..], &witness[..2]].concat(),
    ));
}

fn file(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}
