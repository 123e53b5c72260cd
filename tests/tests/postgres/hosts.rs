//! Several hosts share accounts, passkeys, ceremonies and sessions.

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, ORIGIN, Person, WORKLOAD};
use zeropass_tests::postgres::Database;

use super::{beside, host};

#[tokio::test(flavor = "multi_thread")]
async fn ceremony_begun_on_one_host_finishes_on_the_other() {
    let database = Database::start().await;
    let (first, one) = host(&database, "one").await;
    let (_second, other) = beside(&first, &database, "other").await;
    let ada = Person::at(ORIGIN);

    let body = json!({"user": {"name": "ada", "displayName": "Ada"}});
    let begun = one.post("/v1/registrations", &body).await.expect(201);
    let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
    let credential = ada.create(&begun["publicKey"]).await.unwrap();
    let body = json!({"credential": credential});
    let registered = other.post(&path, &body).await.expect(201);
    assert_eq!(one.post(&path, &body).await.problem().1, "ceremony-used");

    let body = json!({"user": {"name": "ada"}});
    let begun = other.post("/v1/authentications", &body).await.expect(201);
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let credential = ada.get(&begun["publicKey"]).await.unwrap();
    let body = json!({"credential": credential});
    let signed_in = one.post(&path, &body).await.expect(200);
    assert_eq!(signed_in["user"], registered["user"]);
    assert_eq!(other.post(&path, &body).await.problem().1, "ceremony-used");

    // What one host suspends, the other one refuses.
    let passkey = format!(
        "/v1/users/{}/passkeys/{}",
        text(&registered["user"]["id"]),
        text(&registered["passkey"]["id"])
    );
    let suspend = json!({"status": "suspended"});
    other.patch(&passkey, &suspend).await.expect(200);
    let refused = ada.sign_in(&one, "ada").await;
    assert_eq!(refused.problem().1, "credential-suspended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_1000_parallel_finishes_over_two_hosts_one_succeeds() {
    let database = Database::start().await;
    // All of them may wait: `busy` is another test.
    let builder = |log: &str| {
        let builder = Deployment::builder().postgres(&database);
        builder
            .set("runtime", "queue", "2000")
            .set("service", "identity-requests", "2000")
            .set("audit", "log", &format!("\"{log}\""))
    };
    let first = builder("one").start().await;
    let second = builder("other").keys_of(&first).start().await;
    let one = first.client(WORKLOAD);
    let ada = Person::at(ORIGIN);
    ada.register(&one, "ada").await.expect(201);
    let body = json!({"user": {"name": "ada"}});
    let begun = one.post("/v1/authentications", &body).await.expect(201);
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let body = json!({"credential": ada.get(&begun["publicKey"]).await.unwrap()});

    // Ten connections to each host, with fifty requests on each: fewer than a connection's
    // streams, so that nothing waits in the client.
    let clients: Vec<_> = (0..10)
        .flat_map(|_| [first.client(WORKLOAD), second.client(WORKLOAD)])
        .collect();
    // Connected before: handshakes at once have a bound of their own.
    for client in &clients {
        client.get("/.well-known/jwks.json").await.expect(200);
    }
    let finishes = (0..1000).map(|number| {
        let (client, path, body) = (&clients[number % 20], &path, &body);
        async move { client.post(path, body).await }
    });
    let answers = futures::future::join_all(finishes).await;
    let succeeded = answers.iter().filter(|answer| answer.status() == 200);
    assert_eq!(succeeded.count(), 1);
    let used = answers
        .iter()
        .filter(|answer| answer.status() != 200 && answer.problem().1 == "ceremony-used");
    assert_eq!(used.count(), 999);

    let mut records = first.records().await;
    records.extend(second.records().await);
    let count = |action: &str, outcome: &str| {
        let of_action = records.iter().filter(|record| record.action == action);
        of_action.filter(|record| record.outcome == outcome).count()
    };
    assert_eq!(count("authentication.finish", "success"), 1);
    assert_eq!(count("authentication.finish", "failed:ceremony-used"), 999);
}
