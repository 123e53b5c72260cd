//! Hosts of one database follow each other's rollouts, and stay where they are while it
//! is away.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::{
    Client, Deployment, ORIGIN, Person, WORKLOAD, component_file, guest_file,
};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, push_signed, release, variant};
use zeropass_tests::signing::minisig;

const NAME: &str = "auth-service";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The version that serves on a host.
fn serves(deployment: &Deployment) -> String {
    let running = deployment.rollouts().running();
    let found = running.into_iter().find(|(name, _)| *name == NAME);
    found.unwrap().1.stable.revision.clone()
}

/// Wait until a host has followed.
async fn reaches(deployment: &Deployment, version: &str) {
    let started = Instant::now();
    while serves(deployment) != version {
        assert!(started.elapsed() < PATIENCE, "{}", serves(deployment));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The revision that answers a workload now.
async fn answers(deployment: &Deployment) -> String {
    let client = deployment.client(WORKLOAD);
    let body = json!({"user": {"name": "nobody"}});
    let answer = client.post("/v1/authentications", &body).await;
    let records = deployment.records_of(answer.request_id()).await;
    let of_component = records.iter().find(|one| one.component_name == NAME);
    of_component.unwrap().component_revision.clone()
}

/// Two hosts of one database that follow each other quickly.
async fn two_hosts(database: &Database) -> (Deployment, Deployment) {
    let host = |log: &str| {
        Deployment::builder()
            .postgres(database)
            .admin()
            .set("rollout", "follow", "\"50ms\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other").keys_of(&first).signed_by(&first);
    let second = second.start().await;
    (first, second)
}

/// The role of rollouts alone loses the database: what an order of an operator needs, and
/// nothing that a sign-in needs.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_lose_sight_of_the_rollouts_go_on_signing_people_in() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let wish = json!({"revision": "1.1.0"});
    release(&first, &one, NAME, variant(NAME, "b"), &wish).await;
    reaches(&second, "1.1.0").await;
    let ada = Person::at(ORIGIN);
    ada.register(&first.client(WORKLOAD), "ada")
        .await
        .expect(201);

    database.sql(
        "ALTER ROLE zeropass_rollouts NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'zeropass_rollouts'",
    );
    let wish = json!({"revision": "1.0.0", "rollback": true});
    for (deployment, admin) in [(&first, &one), (&second, &other)] {
        // Each has looked, in vain.
        deployment.rollouts().look().await;
        let refused = activate(admin, NAME, &wish).await;
        assert_eq!(refused.problem(), (503, "busy".to_owned()));
        assert_eq!(serves(deployment), "1.1.0");
        let client = deployment.client(WORKLOAD);
        for _ in 0..5 {
            ada.sign_in(&client, "ada").await.expect(200);
        }
        assert_eq!(answers(deployment).await, "1.1.0");
    }

    database.sql("ALTER ROLE zeropass_rollouts LOGIN");
    let started = Instant::now();
    while activate(&other, NAME, &wish).await.status() != 200 {
        assert!(started.elapsed() < PATIENCE, "the rollouts are back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reaches(&first, "1.0.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.0.0");
        ada.sign_in(&deployment.client(WORKLOAD), "ada")
            .await
            .expect(200);
    }
}

/// What policy takes back is out of service before anybody can write it down.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_signer_has_effect_while_the_rollouts_are_away() {
    let database = Database::start().await;
    let (host, _) = two_hosts(&database).await;
    let admin = host.admin_client(OPERATOR);
    let other = SigningKey::generate().unwrap();
    let say = |more: &str| {
        let text = other.signer(&[NAME]) + more;
        std::fs::write(host.folder().join("signers/other.toml"), text).unwrap();
    };
    let reload = async || {
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    };
    say("");
    reload().await;
    let wasm = variant(NAME, "b");
    let signature = minisig(&other, NAME, "1.1.0", &wasm).unwrap();
    push_signed(&admin, NAME, &signature, wasm)
        .await
        .expect(201);
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(answers(&host).await, "1.1.0");

    database.sql(
        "ALTER ROLE zeropass_rollouts NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'zeropass_rollouts'",
    );
    say("revoked = true\n");
    reload().await;
    assert_eq!(answers(&host).await, "1.0.0");

    database.sql("ALTER ROLE zeropass_rollouts LOGIN");
    let record = host
        .record_where(|record| record.action == "rollout.take-out")
        .await;
    assert_eq!(record.outcome, "success");
    assert_eq!(answers(&host).await, "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_follow_each_other_and_stay_put_while_the_database_is_away_for_both() {
    let mut database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));

    let wish = json!({"revision": "1.1.0"});
    release(&first, &one, NAME, variant(NAME, "b"), &wish).await;
    reaches(&second, "1.1.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.1.0");
    }

    database.server().stop();
    for deployment in [&first, &second] {
        // Each has looked, in vain.
        deployment.rollouts().look().await;
        assert_eq!(serves(deployment), "1.1.0");
        // The audit log is in the database too, and nothing happens without it.
        let client = deployment.client(WORKLOAD);
        let refused = client.get("/.well-known/jwks.json").await;
        assert_eq!(refused.problem(), (503, "busy".to_owned()));
    }
    let wish = json!({"revision": "1.0.0", "rollback": true});
    let refused = activate(&other, NAME, &wish).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(serves(&second), "1.1.0");

    // Back again: both serve what they served, and the other one's word counts as well.
    database.server().start_again().unwrap();
    for deployment in [&first, &second] {
        let client = deployment.client(WORKLOAD);
        let started = Instant::now();
        while client.get("/.well-known/jwks.json").await.status() != 200 {
            assert!(started.elapsed() < PATIENCE, "the database is back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(answers(deployment).await, "1.1.0");
    }
    activate(&other, NAME, &wish).await.expect(200);
    reaches(&first, "1.0.0").await;
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.0.0");
    }
}

/// One host is cut off from the database, the other is not.
async fn host_cut_off_by_itself_stays_put_and_catches_up(silent: bool) {
    let database = Database::start().await;
    let wire = Wire::to(database.address().port).await;
    let host = |log: &str| {
        Deployment::builder()
            .postgres(&database)
            .admin()
            .set("rollout", "follow", "\"50ms\"")
            .set("service", "request-timeout", "\"2s\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other")
        .set("store.postgres", "port", &wire.port().to_string())
        .keys_of(&first)
        .signed_by(&first)
        .start()
        .await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let ada = Person::at(ORIGIN);
    let client = first.client(WORKLOAD);
    ada.register(&client, "ada").await.expect(201);
    push(&first, &one, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);

    wire.cut(silent);
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    for _ in 0..3 {
        ada.sign_in(&client, "ada").await.expect(200);
    }
    assert_eq!(answers(&first).await, "1.1.0");
    let cut_off = second.client(WORKLOAD);
    let refused = cut_off.get("/.well-known/jwks.json").await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    let wish = json!({"revision": "1.1.0"});
    let refused = activate(&other, NAME, &wish).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(serves(&second), "1.0.0");

    wire.heal();
    reaches(&second, "1.1.0").await;
    let started = Instant::now();
    while cut_off.get("/.well-known/jwks.json").await.status() != 200 {
        assert!(started.elapsed() < PATIENCE, "the database is back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answers(&second).await, "1.1.0");
    ada.sign_in(&cut_off, "ada").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn host_whose_connections_are_closed_stays_put_and_catches_up() {
    host_cut_off_by_itself_stays_put_and_catches_up(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_whose_connections_hang_stays_put_and_catches_up() {
    host_cut_off_by_itself_stays_put_and_catches_up(true).await;
}

/// A host whose policy does not trust the signer of what another one activates.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_can_not_admit_a_revision_says_so_and_stays_until_it_can() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let key = SigningKey::generate().unwrap();
    let trust = async |deployment: &Deployment, admin: &Client| {
        let file = deployment.folder().join("signers/next.toml");
        std::fs::write(file, key.signer(&[NAME])).unwrap();
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    };
    trust(&first, &one).await;
    let wasm = variant(NAME, "b");
    let signature = minisig(&key, NAME, "1.1.0", &wasm).unwrap();
    push_signed(&one, NAME, &signature, wasm).await.expect(201);
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);

    second.rollouts().look().await;
    let problem = problem(&one, &second).await;
    assert!(problem.starts_with("signer-unknown: "), "{problem}");
    let ada = Person::at(ORIGIN);
    let client = second.client(WORKLOAD);
    ada.register(&client, "ada").await.expect(201);
    ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(answers(&second).await, "1.0.0");
    assert_eq!(answers(&first).await, "1.1.0");

    trust(&second, &other).await;
    assert_eq!(answers(&second).await, "1.1.0");
    ada.sign_in(&client, "ada").await.expect(200);
    assert_eq!(self::problem(&one, &second).await, "");
}

/// Too busy to put it to the probe is no verdict on it.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_was_too_busy_to_admit_a_revision_tries_again() {
    let database = Database::start().await;
    let host = |log: &str| {
        Deployment::builder()
            .postgres(&database)
            .admin()
            .auth_service(guest_file("answers_well"))
            .set("components.auth-service", "deadline", "\"1s\"")
            .set("components.auth-service", "instances", "1")
            .set("rollout", "follow", "\"50ms\"")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = host("one").start().await;
    let second = host("other").keys_of(&first).signed_by(&first);
    let second = second.start().await;
    let one = first.admin_client(OPERATOR);
    let wasm = std::fs::read(guest_file("denies")).unwrap();
    push(&first, &one, NAME, "1.1.0", wasm).await.expect(201);
    // Four seconds of work for its only instance, and the probe has one.
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = second.client(WORKLOAD);
            tokio::spawn(async move { client.get("/v1/users/ok/later").await.status() })
        })
        .collect();
    let started = Instant::now();
    while second.rollouts().running()[0].1.calls == 0 {
        assert!(started.elapsed() < PATIENCE, "they begin");
        tokio::task::yield_now().await;
    }
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    let started = Instant::now();
    let said = loop {
        let said = problem(&one, &second).await;
        if !said.is_empty() {
            break said;
        }
        assert!(started.elapsed() < PATIENCE, "it says what is wrong");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(said.starts_with("busy: "), "{said}");
    assert_eq!(serves(&second), "1.0.0");
    reaches(&second, "1.1.0").await;
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let started = Instant::now();
    while !problem(&one, &second).await.is_empty() {
        assert!(started.elapsed() < PATIENCE, "all is well");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Signed anew on one host, revoked on the other.
#[tokio::test(flavor = "multi_thread")]
async fn signature_that_another_host_has_taken_counts_here_too() {
    let database = Database::start().await;
    let (first, second) = two_hosts(&database).await;
    let (one, other) = (first.admin_client(OPERATOR), second.admin_client(OPERATOR));
    let key = SigningKey::generate().unwrap();
    for (deployment, admin) in [(&first, &one), (&second, &other)] {
        let file = deployment.folder().join("signers/next.toml");
        std::fs::write(file, key.signer(&[NAME])).unwrap();
        let answer = admin.post("/v1/policy/reload", &json!({})).await;
        answer.expect(200);
    }
    let wasm = std::fs::read(component_file("auth_service")).unwrap();
    let signature = minisig(&key, NAME, "1.0.0", &wasm).unwrap();
    push_signed(&one, NAME, &signature, wasm).await.expect(200);
    let before = deployment_epoch(&one).await;
    let own = second.key().signer(&["passkey-manager"]);
    std::fs::write(second.folder().join("signers/tests.toml"), own).unwrap();
    let answer = other.post("/v1/policy/reload", &json!({})).await;
    answer.expect(200);
    assert_eq!(answers(&second).await, "1.0.0");
    assert_eq!(self::problem(&one, &second).await, "");
    assert_eq!(deployment_epoch(&one).await, before);
}

/// What should serve is gone from the store, by whatever means.
#[tokio::test(flavor = "multi_thread")]
async fn host_starts_with_the_predecessor_of_a_revision_that_is_gone() {
    let database = Database::start().await;
    let (mut host, other) = two_hosts(&database).await;
    drop(other);
    let admin = host.admin_client(OPERATOR);
    let wish = json!({"revision": "1.1.0"});
    release(&host, &admin, NAME, variant(NAME, "b"), &wish).await;
    host.stop().await;
    database.sql("DELETE FROM zeropass.revisions WHERE version = '1.1.0'");
    host.start_again().await.unwrap();
    assert_eq!(answers(&host).await, "1.0.0");
    let admin = host.admin_client(OPERATOR);
    let said = problem(&admin, &host).await;
    assert!(said.starts_with("revision-unknown: "), "{said}");
}

/// What a host is said to have against the newest state; empty where it follows it.
async fn problem(admin: &Client, host: &Deployment) -> String {
    let shown = admin.get(&format!("/v1/components/{NAME}")).await;
    let shown = shown.expect(200);
    let hosts = shown["hosts"].as_array().unwrap();
    let name = host.rollouts().host();
    let found = hosts.iter().find(|one| one["host"] == name);
    let said = found.unwrap_or_else(|| panic!("no {name} in {shown}"));
    said["problem"].as_str().unwrap_or_default().to_owned()
}

async fn deployment_epoch(admin: &Client) -> u64 {
    let shown = admin.get(&format!("/v1/components/{NAME}")).await;
    shown.expect(200)["epoch"].as_u64().unwrap()
}

/// A wire to the database that can be cut: closed, or so that nothing comes through.
struct Wire {
    port: u16,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    Closed,
    Silent,
}

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(relay(near, port, seen.clone()));
            }
        });
        Self { port: own, state }
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn cut(&self, silent: bool) {
        let state = if silent { State::Silent } else { State::Closed };
        self.state.send_replace(state);
    }

    /// New connections go through; those that were cut are closed now.
    fn heal(&self) {
        self.state.send_replace(State::Closed);
        self.state.send_replace(State::Whole);
    }
}

/// Carry bytes both ways until the wire is cut. One that is silent keeps the connection
/// and carries nothing.
async fn relay(mut near: TcpStream, port: u16, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() == State::Whole {
        let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
            return;
        };
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
            _ = state.changed() => {}
        }
        if *state.borrow() == State::Silent {
            // Both ends see an open connection.
            let _ = state.changed().await;
        }
        return;
    }
    if *state.borrow() == State::Silent {
        let _ = state.changed().await;
    }
}
