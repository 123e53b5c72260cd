//! Retention: a year stays, and what is cut still verifies (PCI DSS v4.0.1
//! requirement 10.5.1).

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use zeropass::audit::merkle::Hash;
use zeropass::audit::{
    Actor, Log, Origin, Outcome, PATIENCE, Record, Schedule, SealKey, Sealer, Sink, Source, Trail,
    Turn,
};
use zeropass::clock::{Clock as _, FixedClock, SystemClock};
use zeropass::store::Store as _;
use zeropass::store::postgres::{self, Login, PostgresHistory, PostgresStore, Role, Settings};
use zeropass::store::sqlite::{SqliteHistory, SqliteStore};
use zeropass_tests::deployment::{Deployment, Installation};
use zeropass_tests::postgres::Database;

use super::replaced;

const DAY: u64 = 86_400_000;

/// A host's log with a record for each of these ages, in days, each sealed when it was made.
async fn aged(ages: &[u64]) -> Installation {
    let installation = Deployment::builder().install();
    let path = installation.folder().join("zeropass.db");
    for age in ages {
        let (key, log) = host_log(&installation);
        let store = SqliteStore::open_with(&path, 1, days_back(*age), Arc::clone(&log))
            .await
            .unwrap();
        let history = SqliteHistory::open(&path).await.unwrap();
        let sealer = sealer(&installation, key, log, &history, *age).await;
        store.append(&trail(&[*age])).await.unwrap();
        // Gone before the store, which then leaves nothing in a write-ahead log.
        history.close().await;
        store.close().await;
        seal(sealer).await;
    }
    installation
}

/// The same in PostgreSQL.
async fn aged_on(database: &Database, ages: &[u64]) -> Installation {
    let installation = Deployment::builder().postgres(database).install();
    let settings = settings(database);
    for age in ages {
        let (key, log) = host_log(&installation);
        let store = PostgresStore::open(&settings, Arc::clone(&log), 1, days_back(*age))
            .await
            .unwrap();
        let history = PostgresHistory::open(&settings.server, &settings.audit_reader)
            .await
            .unwrap();
        let sealer = sealer(&installation, key, log, &history, *age).await;
        store.append(&trail(&[*age])).await.unwrap();
        store.close().await;
        seal(sealer).await;
    }
    installation
}

/// A clock that stands where it stood so many days ago.
fn days_back(age: u64) -> Arc<FixedClock> {
    Arc::new(FixedClock::new(SystemClock.now() - age * DAY))
}

fn host_log(installation: &Installation) -> (SealKey, Arc<Log>) {
    let keys = installation.folder().join("keys");
    // A program that another test starts has the lock for a moment, too.
    let key = SealKey::open(&keys, "host", Turn::Wait).unwrap();
    let log = Arc::new(Log::new(&key, 1_000));
    (key, log)
}

async fn sealer(
    installation: &Installation,
    key: SealKey,
    log: Arc<Log>,
    history: &dyn Source,
    age: u64,
) -> Sealer {
    let sink = Sink::new(
        &installation.folder().join("audit.checkpoints"),
        key.log_id(),
    );
    let schedule = Schedule {
        interval: Duration::from_secs(3600),
        patience: PATIENCE,
    };
    Sealer::start(log, key, sink, history, days_back(age), schedule)
        .await
        .unwrap()
}

/// Seal what is there.
async fn seal(sealer: Sealer) {
    let (stop, stopped) = oneshot::channel();
    drop(stop);
    sealer.run(stopped).await;
}

/// A record for each age, in days.
fn trail(ages: &[u64]) -> Trail {
    let trail = Trail::new();
    for age in ages {
        trail.push(Record {
            time: SystemClock.now() - age * DAY,
            actor: Actor {
                origin: Arc::new(Origin {
                    request_id: format!("{age} days ago"),
                    workload: "spiffe://zeropass.internal/workload/shop".into(),
                    address: "192.0.2.7:4711".into(),
                }),
                component: None,
            },
            action: "sessions.get",
            relying_party: "example.com".into(),
            target: "t".into(),
            outcome: Outcome::Success,
            policies: Arc::from([]),
        });
    }
    trail
}

fn settings(database: &Database) -> Settings {
    let login = |role| {
        let (certificate, key) = database.login(role);
        Login {
            certificate,
            key,
            connections: 1,
        }
    };
    Settings {
        server: database.address(),
        accounts: login(Role::Accounts),
        credentials: login(Role::Credentials),
        rollouts: login(Role::Rollouts),
        audit_writer: login(Role::AuditWriter),
        audit_reader: login(Role::AuditReader),
    }
}

/// A date so many days ago.
fn days_ago(days: u64) -> String {
    let seconds = i64::try_from((SystemClock.now() - days * DAY) / 1000).unwrap();
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    moment
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

/// The clock was set back once: 200 stands before 500, and keeps it.
const AGES: [u64; 8] = [900, 800, 700, 400, 200, 500, 90, 0];

#[tokio::test(flavor = "multi_thread")]
async fn a_year_stays_and_what_is_cut_still_verifies() {
    let installation = aged(&AGES).await;
    cut_what_may_be_cut(&installation, &[]);
    let wrong = prune(&installation, 366, &["--certificate", "c", "--key", "k"]);
    assert!(said(&wrong).contains("are for PostgreSQL"));
}

/// As with SQLite, by the migrator's certificate and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_year_stays_in_postgres_and_only_the_migrator_cuts() {
    let database = Database::start().await;
    let installation = aged_on(&database, &AGES).await;
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let login = |role| {
        let (certificate, key) = database.login(role);
        [
            "--certificate".to_owned(),
            text(certificate),
            "--key".to_owned(),
            text(key),
        ]
    };
    let before = database.sql("SELECT count(*) FROM zeropass.audit WHERE log LIKE 'host-%'");
    let nobody = prune(&installation, 366, &[]);
    assert!(said(&nobody).contains("no role of a host may cut"));
    let writer = login(Role::AuditWriter);
    let writer = writer.each_ref().map(String::as_str);
    let writer = prune(&installation, 366, &[&["--yes"], &writer[..]].concat());
    assert!(!writer.status.success(), "{writer:?}");
    let after = database.sql("SELECT count(*) FROM zeropass.audit WHERE log LIKE 'host-%'");
    assert_eq!(before, after);
    let migrator = login(Role::Migrator);
    cut_what_may_be_cut(&installation, &migrator.each_ref().map(String::as_str));
}

/// The trigger, whatever the command has looked at.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_younger_than_a_year_stays_in_postgres_whoever_asks() {
    let database = Database::start().await;
    let installation = aged_on(&database, &[900, 364]).await;
    let (_, log) = host_log(&installation);
    let (certificate, key) = database.login(Role::Migrator);
    let login = Login {
        certificate,
        key,
        connections: 1,
    };
    let leaf = Hash::default();
    let address = database.address();
    let leaves = [(1, leaf), (2, leaf)];
    let refused = postgres::prune(&address, &login, log.id(), &leaves).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("append-only"), "{refused}");
    assert_eq!(
        database.sql("SELECT count(*) FROM zeropass.audit").trim(),
        "2"
    );
    assert_eq!(
        database
            .sql("SELECT count(*) FROM zeropass.audit_pruned")
            .trim(),
        "0"
    );
}

fn prune(installation: &Installation, days: u64, login: &[&str]) -> Output {
    let before = days_ago(days);
    let command = [
        "audit",
        "prune",
        "--config",
        "zeropass.toml",
        "--before",
        &before,
    ];
    installation.run(&[&command, login].concat())
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn cut_what_may_be_cut(installation: &Installation, login: &[&str]) {
    let run = |arguments: &[&str]| {
        let config = ["--config", "zeropass.toml"];
        installation.run(&[arguments, &config[..]].concat())
    };
    let good = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let cut = |days: u64| {
        let output = prune(installation, days, &[&["--yes"], login].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let refused = said(&prune(installation, 364, login));
    assert!(refused.contains("the last 365 days stay"), "{refused}");

    let dry = good(&["audit", "prune", "--before", &days_ago(366), "--dry-run"]);
    assert!(dry.contains("records 1 to 4"), "{dry}");
    assert_eq!(
        good(&["audit", "query", "--action", "sessions"])
            .lines()
            .count(),
        9
    );
    // Cut records do not come back: nobody cuts them by mistake.
    let unasked = said(&prune(installation, 366, login));
    assert!(unasked.contains("say --yes (not-confirmed)"), "{unasked}");
    assert_eq!(cut(366), dry);
    let left = good(&["audit", "query", "--action", "sessions"]);
    assert_eq!(left.lines().count(), 5, "{left}");
    assert!(
        !left.contains("900 days ago") && left.contains("200 days ago"),
        "{left}"
    );
    let verified = good(&["audit", "verify"]);
    assert!(verified.contains("8 records, 8 sealed"), "{verified}");
    assert!(verified.contains(", 4 pruned"), "{verified}");
    assert!(good(&["audit", "query", "--action", "audit.prune"]).contains("up to 4"));
    // Three months are at hand at once.
    let recent = good(&[
        "audit",
        "query",
        "--action",
        "sessions",
        "--since",
        &days_ago(91),
    ]);
    assert!(
        recent.contains("90 days ago") && !recent.contains("200 days"),
        "{recent}"
    );
    // And the host goes on with what is left.
    assert!(installation.serve().stop());
    assert_eq!(cut(366), "nothing is old enough\n");
    good(&["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_log_is_not_pruned() {
    let installation = aged(&[900, 800, 0]).await;
    let leaves = fs::read_dir(installation.folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with(".leaves"))
        .unwrap();
    // In the file itself, as an attacker without any database would.
    let database = installation.folder().join("zeropass.db");
    let bytes = fs::read(&database).unwrap();
    fs::write(
        &database,
        replaced(&bytes, b"800 days ago", b"801 days ago"),
    )
    .unwrap();
    let before = days_ago(400);
    let refused = installation.run(&[
        "audit",
        "prune",
        "--before",
        &before,
        "--config",
        "zeropass.toml",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(said.contains("first bad record: 2 "), "{said}");
    assert!(leaves.exists());
}

/// Records of which nobody knows for how long they have been there: their own times say
/// that they are old, their first checkpoint does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_been_sealed_for_a_year_is_not_pruned() {
    let installation = aged(&[900]).await;
    let path = installation.folder().join("zeropass.db");
    let (key, log) = host_log(&installation);
    let store = SqliteStore::open_with(&path, 1, days_back(0), Arc::clone(&log))
        .await
        .unwrap();
    let history = SqliteHistory::open(&path).await.unwrap();
    let sealer = sealer(&installation, key, log, &history, 364).await;
    store.append(&trail(&[800, 700])).await.unwrap();
    history.close().await;
    store.close().await;
    seal(sealer).await;
    let cut = prune(&installation, 400, &["--dry-run"]);
    assert!(cut.status.success(), "{cut:?}");
    let said = String::from_utf8(cut.stdout).unwrap();
    assert!(said.contains("records 1 to 1\n"), "{said}");
}

/// A machine cuts the logs whose keys it has, whatever it knows of others.
#[tokio::test(flavor = "multi_thread")]
async fn logs_of_other_hosts_are_left_alone_in_postgres() {
    let database = Database::start().await;
    let installation = aged_on(&database, &[900, 0]).await;
    let other = Deployment::builder()
        .postgres(&database)
        .set("audit", "log", "\"other\"")
        .install();
    assert!(other.serve().stop());
    let (certificate, key) = database.login(Role::Migrator);
    let migrator = [
        "--yes",
        "--certificate",
        certificate.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
    ];
    let cut = prune(&installation, 366, &migrator);
    assert!(cut.status.success(), "{cut:?}");
    let told = String::from_utf8(cut.stdout).unwrap();
    assert!(
        told.contains(": left alone, its key is not here\n"),
        "{told}"
    );
    assert!(told.contains(": records 1 to 1\n"), "{told}");
    let (_, log) = host_log(&installation);
    let verified = installation.run(&[
        "audit",
        "verify",
        "--config",
        "zeropass.toml",
        "--log",
        log.id(),
    ]);
    assert!(verified.status.success(), "{verified:?}");
    let left = database.sql("SELECT count(*) FROM zeropass.audit WHERE log LIKE 'other-%'");
    assert_ne!(left.trim(), "0");
}
