//! What an identity may ask is counted for all hosts on one database together.
//!
//! The rate is one request in a second, so that a test's own time adds few to a burst.

use std::time::Instant;

use zeropass_tests::deployment::{Answer, Builder, Client, Deployment, Tiers, WORKLOAD};
use zeropass_tests::postgres::Database;

const BURST: u64 = 100;

fn limited(builder: Builder) -> Builder {
    builder.set("service", "identity-rate", "1").set(
        "service",
        "identity-burst",
        &BURST.to_string(),
    )
}

async fn host(database: &Database, log: &str) -> (Deployment, Client) {
    let builder = Deployment::builder().postgres(database);
    let host = limited(builder)
        .set("audit", "log", &format!("\"{log}\""))
        .start()
        .await;
    let client = host.client(WORKLOAD);
    (host, client)
}

/// How many requests were let through, one after the other, and the first that was not.
async fn until_refused(client: &Client) -> (u64, Answer) {
    for number in 0..3 * BURST {
        let answer = client.get("/.well-known/jwks.json").await;
        if answer.status() == 429 {
            return (number, answer);
        }
    }
    panic!("nobody is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn burst_used_up_on_one_host_is_refused_by_the_other() {
    let database = Database::start().await;
    let (_first, one) = host(&database, "one").await;
    let (second, other) = host(&database, "other").await;
    let started = Instant::now();
    let (answered, _) = until_refused(&one).await;
    let (more, refused) = until_refused(&other).await;
    let earned = started.elapsed().as_secs() + 1;
    assert!(answered >= BURST);
    assert!(
        answered + more <= BURST + earned,
        "{answered} and {more} in {earned} seconds"
    );
    assert_eq!(
        (refused.status(), &refused.json()["code"]),
        (429, &serde_json::json!("rate-limited"))
    );
    assert_eq!(refused.header("retry-after"), "1");
    let throttled = second
        .record_where(|record| record.outcome == "failed:rate-limited")
        .await;
    assert_eq!(throttled.action, "request.accept");
    let rows = database.sql("SELECT identity FROM zeropass.rates");
    assert_eq!(rows.trim(), throttled.workload);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_host_limits_by_itself_while_the_database_is_away() {
    let mut database = Database::start().await;
    let (_first, one) = host(&database, "one").await;
    let (_second, other) = host(&database, "other").await;
    one.get("/.well-known/jwks.json").await.expect(200);
    other.get("/.well-known/jwks.json").await.expect(200);
    database.server().stop();
    for client in [&one, &other] {
        // All of them `busy`: no answer leaves without its record.
        let (passed, refused) = until_refused(client).await;
        assert!(passed >= BURST - 1, "{passed}");
        assert_eq!(
            (refused.status(), &refused.json()["code"]),
            (429, &serde_json::json!("rate-limited"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn front_hosts_share_what_an_identity_may_ask() {
    let database = Database::start().await;
    let tiers = Tiers::lay_out_with(1, |back| back.postgres(&database), limited);
    let _back = tiers.backs[0].serve();
    let _first = tiers.front.serve();
    let (beside, address) = tiers.another_front(limited);
    let _second = beside.serve();
    let (one, other) = (tiers.client().await, tiers.client_at(address).await);
    // A front that has just found its way to the back leaves it alone for a moment.
    let owed = || database.sql("SELECT owed_until FROM zeropass.rates");
    for client in [&one, &other] {
        loop {
            let before = owed();
            client.get("/.well-known/jwks.json").await.expect(200);
            if owed() != before {
                break;
            }
        }
    }
    let left = format!(
        "SELECT floor({BURST} + extract(epoch FROM clock_timestamp()) - owed_until / 1000000000.0)
        FROM zeropass.rates"
    );
    let left: u64 = database.sql(&left).trim().parse().unwrap();
    let started = Instant::now();
    let (answered, _) = until_refused(&one).await;
    let (more, refused) = until_refused(&other).await;
    let earned = started.elapsed().as_secs() + 1;
    assert!(
        answered + more <= left + earned,
        "{answered} and {more} of {left} in {earned} seconds"
    );
    assert_eq!(
        (refused.status(), &refused.json()["code"]),
        (429, &serde_json::json!("rate-limited"))
    );
}
