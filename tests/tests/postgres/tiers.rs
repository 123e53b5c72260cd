//! A front tier before two back tiers that share one database.

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Load, ORIGIN, Person, Tiers};
use zeropass_tests::postgres::Database;

#[tokio::test(flavor = "multi_thread")]
async fn front_tier_goes_on_with_the_other_back_when_one_is_killed() {
    let database = Database::start().await;
    let tiers = Tiers::lay_out(2, |builder| builder.postgres(&database));
    let mut first = tiers.backs[0].serve();
    let mut second = tiers.backs[1].serve();
    let front = tiers.front.serve();
    let client = tiers.client().await;
    let load = Load::start(&client, 4).await;
    load.more_good(12).await;
    // Both are in use.
    let both = tiers.link_ports().into_iter().collect();
    assert_eq!(front.connections().calls, both);

    for _ in 0..2 {
        first.kill();
        // Only calls that were under way may be `busy`: the other one serves.
        load.more_good(24).await;
        first = tiers.backs[0].serve();
        load.more_good(12).await;
        second.kill();
        load.more_good(24).await;
        second = tiers.backs[1].serve();
        load.more_good(12).await;
    }

    // What one back began the other one finishes, and each ceremony ends once.
    let ada = Person::at(ORIGIN);
    ada.register(&client, "ada").await.expect(201);
    let body = json!({"user": {"name": "ada"}});
    let begun = client.post("/v1/authentications", &body).await.expect(201);
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let body = json!({"credential": ada.get(&begun["publicKey"]).await.unwrap()});
    let finishes = (0..8).map(|_| client.post(&path, &body));
    let answers = futures::future::join_all(finishes).await;
    let succeeded = answers.iter().filter(|answer| answer.status() == 200);
    assert_eq!(succeeded.count(), 1);
    let used = answers
        .iter()
        .filter(|answer| answer.status() != 200 && answer.problem().1 == "ceremony-used");
    assert_eq!(used.count(), 7);
    load.end().await;

    // Each back has a record of its own of what went through it.
    for log in ["back-0", "back-1"] {
        let count = database.sql(&format!(
            "SELECT count(*) FROM zeropass.audit WHERE log LIKE '{log}-%' AND action = 'authentication.finish'"
        ));
        assert_ne!(count.trim(), "0", "{log}");
    }
}
