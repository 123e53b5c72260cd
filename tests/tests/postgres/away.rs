//! The database goes away and comes back.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use zeropass_tests::deployment::{Deployment, ORIGIN, Person, certificates};
use zeropass_tests::postgres::Database;

use super::host;

async fn readiness(deployment: &Deployment) -> StatusCode {
    certificates::install_provider();
    let client = reqwest::Client::builder()
        .no_proxy()
        .unix_socket(deployment.health_socket())
        .build()
        .unwrap();
    let answer = client.get("http://localhost/readyz").send().await;
    answer.expect("health is answered").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn host_is_not_ready_while_its_database_is_away_and_recovers_by_itself() {
    let mut database = Database::start().await;
    let (deployment, client) = host(&database, "one").await;
    let ada = Person::at(ORIGIN);
    ada.register(&client, "ada").await.expect(201);
    assert_eq!(readiness(&deployment).await, 200);

    database.server().stop();
    assert_eq!(readiness(&deployment).await, 503);
    let body = json!({"user": {"name": "ada"}});
    let refused = client.post("/v1/authentications", &body).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");

    database.server().start_again().unwrap();
    for _ in 0..500 {
        if readiness(&deployment).await == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(readiness(&deployment).await, 200);
    ada.sign_in(&client, "ada").await.expect(200);

    // The answer was withheld; what was asked is in the log all the same.
    let id = refused.header("x-request-id");
    assert!(!id.is_empty());
    deployment
        .record_where(|record| record.request_id == id && record.action == "api.authentications")
        .await;
}

/// The audit table is gone: changes that could be made without it are not made.
#[tokio::test(flavor = "multi_thread")]
async fn host_is_closed_while_the_audit_table_is_missing_and_recovers_by_itself() {
    let database = Database::start().await;
    let (deployment, client) = host(&database, "one").await;
    let ada = Person::at(ORIGIN);
    ada.register(&client, "ada").await.expect(201);
    let failures = || {
        let metrics = deployment.metrics().render();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("zeropass_audit_failures_total "));
        line.and_then(|value| value.parse::<u64>().ok()).unwrap()
    };
    assert_eq!(failures(), 0);

    database.sql("ALTER TABLE zeropass.audit RENAME TO away");
    let body = json!({"user": {"name": "ada"}});
    let refused = client.post("/v1/authentications", &body).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(readiness(&deployment).await, 503);
    let made = "SELECT count(*) FROM zeropass.ceremonies WHERE kind = 'authentication'";
    assert_eq!(database.sql(made).trim(), "0");
    assert!(failures() > 0);

    database.sql("ALTER TABLE zeropass.away RENAME TO audit");
    for _ in 0..500 {
        if readiness(&deployment).await == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(readiness(&deployment).await, 200);
    ada.sign_in(&client, "ada").await.expect(200);
    let id = refused.header("x-request-id");
    deployment
        .record_where(|record| record.request_id == id && record.outcome == "failed:busy")
        .await;
}
