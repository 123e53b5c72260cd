//! When the log can't be written or sealed, nothing is answered but `busy`, the host is
//! not ready, and the alarm rises; when it can again, so can everything else (PCI DSS
//! v4.0.1 requirements 10.7.2 and 10.7.3).

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use zeropass::audit::merkle::Hash;
use zeropass::audit::note::Checkpoint;
use zeropass::audit::{SealKey, Turn, read_notes};
use zeropass::host::ReloadError;
use zeropass::server::drain::Drained;
use zeropass_tests::deployment::{Answer, Client, Deployment, Installation, Process, WORKLOAD};

use super::person;

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn until(what: &str, mut good: impl AsyncFnMut() -> bool) {
    let started = std::time::Instant::now();
    while !good().await {
        assert!(started.elapsed() < PATIENCE, "never {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn begin(client: &Client) -> Answer {
    client.post("/v1/authentications", &json!({})).await
}

fn value(metrics: &str, name: &str) -> u64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

async fn ready(deployment: &Deployment) -> bool {
    deployment.services().store.ready().await.is_ok()
}

/// A host that writes to its second place all the time, and is ready.
async fn sealing() -> (Deployment, Client) {
    let deployment = Deployment::builder()
        .set("audit", "checkpoint-interval", "\"20ms\"")
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    person().register(&client, "ada").await.expect(201);
    assert!(ready(&deployment).await);
    (deployment, client)
}

/// A host whose writing fails beyond a limit on the size of its files, as on a full disk:
/// the shell ignores the signal for it. `first` is what the shell does before that.
fn limited(installation: &Installation, first: &str) -> Process {
    let started = installation.try_serve(|command| {
        let binary = command.get_program().to_owned();
        *command = Command::new("sh");
        let script = format!("trap '' XFSZ; {first} exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(binary);
    });
    started.expect("it starts")
}

/// Change the limit of a running host.
fn limit(process: &Process, size: &str) {
    let size = format!("--fsize={size}");
    let id = process.id().to_string();
    let limited = Command::new("prlimit")
        .args([size.as_str(), "--pid", &id])
        .status();
    assert!(limited.unwrap().success());
}

/// The log of a host that has stopped is whole.
fn assert_verified(installation: &Installation) -> String {
    let verified = installation.run(&["audit", "verify", "--config", "zeropass.toml"]);
    assert!(verified.status.success(), "{verified:?}");
    String::from_utf8(verified.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn second_place_that_can_not_be_written_closes_the_host() {
    let (mut deployment, client) = sealing().await;
    let file = deployment.folder().join("audit.checkpoints");
    let aside = deployment.folder().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    until("busy", async || begin(&client).await.status() == 503).await;
    assert_eq!(begin(&client).await.problem(), (503, "busy".to_owned()));
    assert!(!ready(&deployment).await);
    let metrics = deployment.metrics().render();
    assert!(value(&metrics, "zeropass_audit_checkpoint_failures_total") > 0);
    assert_eq!(value(&metrics, "zeropass_audit_refusing"), 1);

    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    until("ready again", async || ready(&deployment).await).await;
    begin(&client).await.expect(201);
    assert_eq!(
        value(&deployment.metrics().render(), "zeropass_audit_refusing"),
        0
    );
    // What was refused meanwhile is in the log, as refused.
    let refused = deployment
        .record_where(|record| record.action == "ceremonies.put" && record.outcome == "failed:busy")
        .await;
    assert_ne!(refused.target, "-");
    deployment.stop().await;
}

/// The audit table is gone: changes that could be made without it are not made.
#[tokio::test(flavor = "multi_thread")]
async fn missing_audit_table_closes_the_host_and_its_return_opens_it() {
    let mut deployment = Deployment::builder().start().await;
    let client = deployment.client(WORKLOAD);
    person().register(&client, "ada").await.expect(201);
    let failures = |deployment: &Deployment| {
        let metrics = deployment.metrics().render();
        value(&metrics, "zeropass_audit_failures_total")
    };
    assert_eq!(failures(&deployment), 0);
    let mut beside = SqliteConnectOptions::new()
        .filename(deployment.folder().join("zeropass.db"))
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql("ALTER TABLE audit_blocks RENAME TO away")
        .execute(&mut beside)
        .await
        .unwrap();
    let refused = begin(&client).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert!(!ready(&deployment).await);
    let ceremonies = "SELECT count(*) FROM ceremonies WHERE kind = 'authentication'";
    let made: i64 = sqlx::query_scalar(ceremonies)
        .fetch_one(&mut beside)
        .await
        .unwrap();
    assert_eq!(made, 0);
    assert!(failures(&deployment) > 0);
    // What the host does meanwhile is recorded when it can be.
    let reloaded = deployment.reload_policy().await;
    assert!(matches!(reloaded, Err(ReloadError::Audit(_))));

    sqlx::raw_sql("ALTER TABLE away RENAME TO audit_blocks")
        .execute(&mut beside)
        .await
        .unwrap();
    until("ready again", async || ready(&deployment).await).await;
    begin(&client).await.expect(201);
    let reload = deployment
        .record_where(|record| record.action == "policy.reload")
        .await;
    assert_eq!(reload.outcome, "success");
    let id = refused.header("x-request-id");
    deployment
        .record_where(|record| record.request_id == id && record.outcome == "failed:busy")
        .await;
    beside.close().await.unwrap();
    deployment.stop().await;
}

/// The host's disk is full: a limit on the size of its files, which is lifted later.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_closes_the_host_and_more_room_opens_it() {
    let installation = Deployment::builder()
        .set("audit", "checkpoint-interval", "\"1h\"")
        .install();
    // Once without a limit, so that everything there is to make is made.
    assert!(installation.serve().stop());
    let size = |name: &str| {
        let file = installation.folder().join(name);
        fs::metadata(file).map_or(0, |found| found.len())
    };
    let full = size("zeropass.db") + 512 * 1024;
    let process = limited(&installation, &format!("ulimit -S -f {};", full / 512));
    let client = installation.client(&process);
    let ada = person();
    ada.register(&client, "ada").await.expect(201);
    until("busy", async || begin(&client).await.status() == 503).await;
    assert_eq!(begin(&client).await.problem(), (503, "busy".to_owned()));
    limit(&process, "unlimited");
    until("open again", async || begin(&client).await.status() == 201).await;
    ada.sign_in(&client, "ada").await.expect(200);
    assert!(process.stop());
    assert_verified(&installation);
}

/// The second place takes no answer: a pipe that nobody reads stands for a dead medium.
#[tokio::test(flavor = "multi_thread")]
async fn second_place_that_hangs_closes_the_host() {
    let (mut deployment, client) = sealing().await;
    let file = deployment.folder().join("audit.checkpoints");
    let aside = deployment.folder().join("aside");
    // At one moment: the host writes a checkpoint every now and then.
    let pipe = deployment.folder().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::hard_link(&file, &aside).unwrap();
    fs::rename(&pipe, &file).unwrap();
    until("busy", async || begin(&client).await.status() == 503).await;
    assert!(!ready(&deployment).await);
    let metrics = deployment.metrics().render();
    assert!(value(&metrics, "zeropass_audit_checkpoint_failures_total") > 0);

    // It moves again, as a device that can't be written; then all is well.
    let reader = fs::File::options().read(true).write(true).open(&file);
    fs::rename(&aside, &file).unwrap();
    until("ready again", async || ready(&deployment).await).await;
    drop(reader.unwrap());
    begin(&client).await.expect(201);
    assert_eq!(deployment.stop().await, Drained::Clean);
}

/// The second place is full. Whatever a write has left of a checkpoint is gone when its
/// error is told, so that what follows stands behind whole ones.
#[tokio::test(flavor = "multi_thread")]
async fn full_second_place_leaves_no_half_checkpoint_behind() {
    let installation = Deployment::builder()
        .set("audit", "checkpoint-interval", "\"20ms\"")
        .install();
    // The largest of the host's files: only it meets the limit.
    let file = installation.folder().join("audit.checkpoints");
    let elsewhere = tempfile::tempdir().unwrap();
    let key = SealKey::open(elsewhere.path(), "other", Turn::Now).unwrap();
    let other = key.sign(&Checkpoint {
        origin: key.log_id().to_owned(),
        size: 1,
        root: Hash::default(),
        time: 1,
        adopted: None,
    });
    fs::write(&file, format!("{other}\n").repeat((12 << 20) / other.len())).unwrap();
    assert!(installation.serve().stop());
    let process = limited(&installation, "");
    let client = installation.client(&process);
    let ada = person();
    ada.register(&client, "ada").await.expect(201);
    // Some whole notes fit, whatever is under way now, and then half a one.
    let length = fs::metadata(&file).unwrap().len();
    let full = length + 5 * (other.len() as u64 + 1) + 100;
    limit(&process, &format!("{full}:unlimited"));
    until("busy", async || begin(&client).await.status() == 503).await;
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.len() as u64 > length && bytes.ends_with(b"=\n\n"));
    let notes = read_notes(&file).unwrap();

    limit(&process, "unlimited");
    until("open again", async || begin(&client).await.status() == 201).await;
    ada.sign_in(&client, "ada").await.expect(200);
    assert!(process.stop());
    assert!(read_notes(&file).unwrap().len() > notes.len());
    assert_verified(&installation);
    assert!(installation.serve().stop());
}

/// Two hosts that write one log would contradict each other's checkpoints.
#[tokio::test(flavor = "multi_thread")]
async fn second_host_on_the_same_log_is_refused() {
    let installation = Deployment::builder().install();
    let process = installation.serve();
    let refused = installation.try_serve(|_| {}).unwrap_err();
    assert!(
        refused.contains("another zeropass writes this audit log"),
        "{refused}"
    );
    assert!(process.stop());
}

/// Its first records are its own: nobody is to wonder later who wrote them.
#[tokio::test(flavor = "multi_thread")]
async fn start_that_is_refused_seals_its_records() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("\"{}\"", taken.local_addr().unwrap());
    let installation = Deployment::builder()
        .set("service", "listen", &listen)
        .install();
    for _ in 0..2 {
        let refused = installation.try_serve(|_| {}).unwrap_err();
        assert!(refused.contains("can't listen there"), "{refused}");
    }
    drop(taken);
    let told = assert_verified(&installation);
    assert_eq!(told.lines().count(), 1, "a remark: {told}");
    assert!(installation.serve().stop());
    let told = assert_verified(&installation);
    assert_eq!(told.lines().count(), 1, "a remark: {told}");
}

/// A rolled back database is not gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn host_refuses_a_rolled_back_database() {
    let installation = Deployment::builder().install();
    let process = installation.serve();
    let client = installation.client(&process);
    let ada = person();
    ada.register(&client, "ada").await.expect(201);
    assert!(process.stop());
    let database = installation.folder().join("zeropass.db");
    let earlier = fs::read(&database).unwrap();
    let process = installation.serve();
    ada.sign_in(&installation.client(&process), "ada")
        .await
        .expect(200);
    assert!(process.stop());
    fs::write(&database, earlier).unwrap();
    let refused = installation.try_serve(|_| {}).unwrap_err();
    assert!(refused.contains("its end is cut off"), "{refused}");
    assert!(refused.contains("zeropass store restore"), "{refused}");
}
