//! Retention: a year stays, and what is cut still verifies (PCI DSS v4.0.1
//! requirement 10.5.1).

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use zeropass::audit::{
    Actor, Log, Origin, Outcome, Record, Schedule, SealKey, Sealer, Sink, Trail, Turn,
};
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::store::Store as _;
use zeropass::store::sqlite::{SqliteHistory, SqliteStore};
use zeropass_tests::deployment::{Deployment, Installation};

use super::replaced;

const DAY: u64 = 86_400_000;

/// A host's log with a record for each of these ages, in days, sealed as a host does.
async fn aged(ages: &[u64]) -> Installation {
    let installation = Deployment::builder().install();
    let folder = installation.folder();
    let keys = folder.join("keys");
    let key = SealKey::open(&keys, "host", Turn::Now).unwrap();
    let log = Arc::new(Log::new(key.log_id(), 1_000));
    let clock = Arc::new(SystemClock);
    let path = folder.join("zeropass.db");
    let store = SqliteStore::open_with(&path, 1, clock.clone(), Arc::clone(&log))
        .await
        .unwrap();
    let history = SqliteHistory::open(&path).await.unwrap();
    let sink = Sink::new(&folder.join("audit.checkpoints"), key.log_id());
    let schedule = Schedule {
        interval: Duration::from_secs(3600),
    };
    let sealer = Sealer::start(log, key, sink, &history, clock, schedule)
        .await
        .unwrap();
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
    store.append(&trail).await.unwrap();
    // Gone before the store, which then leaves nothing in a write-ahead log.
    history.close().await;
    store.close().await;
    let (stop, stopped) = oneshot::channel();
    drop(stop);
    sealer.run(stopped).await;
    installation
}

/// A date so many days ago.
fn days_ago(days: u64) -> String {
    let seconds = i64::try_from((SystemClock.now() - days * DAY) / 1000).unwrap();
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    moment
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_stays_and_what_is_cut_still_verifies() {
    // The clock was set back once: 200 stands before 500, and keeps it.
    let installation = aged(&[900, 800, 700, 400, 200, 500, 90, 0]).await;
    let run = |arguments: &[&str]| {
        let config = ["--config", "zeropass.toml"];
        installation.run(&[arguments, &config[..]].concat())
    };
    let good = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let refused = run(&["audit", "prune", "--before", &days_ago(364)]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("the last 365 days stay"), "{said}");

    let dry = good(&["audit", "prune", "--before", &days_ago(366), "--dry-run"]);
    assert!(dry.contains("records 1 to 4"), "{dry}");
    assert_eq!(
        good(&["audit", "query", "--action", "sessions"])
            .lines()
            .count(),
        9
    );
    // Cut records do not come back: nobody cuts them by mistake.
    let unasked = run(&["audit", "prune", "--before", &days_ago(366)]);
    assert_eq!(unasked.status.code(), Some(1));
    let said = String::from_utf8(unasked.stderr).unwrap();
    assert!(said.contains("say --yes (not-confirmed)"), "{said}");
    let cut = ["audit", "prune", "--before", &days_ago(366), "--yes"];
    assert_eq!(good(&cut), dry);
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
    let more = good(&["audit", "prune", "--before", &days_ago(366)]);
    assert_eq!(more, "nothing is old enough\n");
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
