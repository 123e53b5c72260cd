//! Hosts stay where they are while the database is away, for one of them, for both, or for
//! rollouts alone.

use std::time::{Duration, Instant};

use serde_json::json;
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::{Answer, Deployment, ORIGIN, Person, WORKLOAD, guest_file};
use zeropass_tests::postgres::Database;
use zeropass_tests::rollout::{OPERATOR, activate, push, push_signed, release, variant};
use zeropass_tests::signing::minisig;

use super::wire::Wire;
use super::{NAME, PATIENCE, answers, reaches, serves, two_hosts};

const KEYS: &str = "/.well-known/jwks.json";

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

/// What a canary did well until nobody could write it down does not carry it past what it
/// does then.
#[tokio::test(flavor = "multi_thread")]
async fn canary_that_goes_wrong_while_the_rollouts_are_away_does_not_take_over() {
    let database = Database::start().await;
    let host = Deployment::builder()
        .postgres(&database)
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("rollout", "follow", "\"50ms\"")
        .set("rollout", "promote-after", "5")
        .start()
        .await;
    let admin = host.admin_client(OPERATOR);
    let wasm = std::fs::read(guest_file("traps")).unwrap();
    let wish = json!({"revision": "1.1.0", "canary": 99});
    release(&host, &admin, NAME, wasm, &wish).await;
    let client = host.client(WORKLOAD);
    let call = async |path: &str, person: u32| {
        let request = client.request(http::Method::GET, path);
        let request = request.header("zeropass-sticky", format!("person-{person}"));
        Answer::of(request).await.status()
    };

    database.sql(
        "ALTER ROLE zeropass_rollouts NOLOGIN;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = 'zeropass_rollouts'",
    );
    // More than enough for it to take over.
    for person in 0..50 {
        assert_eq!(call("/v1/users/ok/passkeys", person).await, 200);
    }
    let on_trial = || {
        let running = host.rollouts().running();
        let found = running.into_iter().find(|(name, _)| *name == NAME);
        found.unwrap().1.canary.is_some()
    };
    assert!(on_trial());
    let mut failed = 0;
    for person in 0..50 {
        failed += u32::from(call("/v1/users/bad/passkeys", person).await != 200);
    }
    assert_eq!(failed, 3, "as few as condemn it");
    assert!(!on_trial());

    database.sql("ALTER ROLE zeropass_rollouts LOGIN");
    let record = host
        .record_where(|record| {
            ["rollout.promote", "rollout.roll-back"].contains(&record.action.as_str())
        })
        .await;
    assert_eq!(record.action, "rollout.roll-back");
    assert_eq!(serves(&host), "1.0.0");
    assert_eq!(call("/v1/users/bad/passkeys", 0).await, 200);
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
    let mut keys = Vec::new();
    for deployment in [&first, &second] {
        assert_eq!(answers(deployment).await, "1.1.0");
        keys.push(deployment.client(WORKLOAD).get(KEYS).await.expect(200));
    }

    database.server().stop();
    let mut meanwhile = Vec::new();
    for (deployment, keys) in [&first, &second].into_iter().zip(&keys) {
        // Each has looked, in vain.
        deployment.rollouts().look().await;
        assert_eq!(serves(deployment), "1.1.0");
        // Its revision goes on giving out what checks the tokens that there are.
        let client = deployment.client(WORKLOAD);
        for _ in 0..3 {
            let answer = client.get(KEYS).await;
            assert_eq!(answer.expect(200), *keys);
            meanwhile.push((deployment, answer.request_id().to_owned()));
        }
        // Of anything else the audit log must know first, and it is in the database too.
        let body = json!({"user": {"name": "nobody"}});
        for refused in [
            client.post("/v1/authentications", &body).await,
            client.get("/.well-known/webauthn").await,
            client.get("/.well-known/jwks.json?other").await,
        ] {
            assert_eq!(refused.problem(), (503, "busy".to_owned()));
        }
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
        while client.get("/.well-known/webauthn").await.status() != 200 {
            assert!(started.elapsed() < PATIENCE, "the database is back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(answers(deployment).await, "1.1.0");
    }
    for (deployment, request) in meanwhile {
        let records = deployment.records_of(&request).await;
        let revision = |action: &str| {
            let record = records.iter().find(|record| record.action == action);
            record.map(|record| record.component_revision.as_str())
        };
        assert_eq!(revision("tokens.keys"), Some("1.1.0"), "{records:?}");
        assert_eq!(revision("api.metadata"), Some("-"));
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

    let cut_off = second.client(WORKLOAD);
    let keys = cut_off.get(KEYS).await.expect(200);

    wire.cut(silent);
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    for _ in 0..3 {
        ada.sign_in(&client, "ada").await.expect(200);
    }
    assert_eq!(answers(&first).await, "1.1.0");
    // A connection that is only slow looks the same at first.
    let started = Instant::now();
    let again = loop {
        let answer = cut_off.get(KEYS).await;
        if answer.status() == 200 {
            break answer;
        }
        assert_eq!(answer.problem(), (503, "busy".to_owned()));
        assert!(started.elapsed() < PATIENCE, "it is known to be away");
    };
    assert_eq!(again.json(), keys);
    let refused = cut_off.get("/.well-known/webauthn").await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    let wish = json!({"revision": "1.1.0"});
    let refused = activate(&other, NAME, &wish).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(serves(&second), "1.0.0");

    wire.heal();
    reaches(&second, "1.1.0").await;
    let started = Instant::now();
    while cut_off.get("/.well-known/webauthn").await.status() != 200 {
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
