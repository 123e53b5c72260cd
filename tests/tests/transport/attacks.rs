//! Attacks end by themselves, and a proper client beside them is answered.

use zeropass_tests::deployment::attack::{Attack, Ended};
use zeropass_tests::deployment::{
    Answer, Builder, Deployment, ORIGIN, Protocol, RP_ID, RelyingParty, WORKLOAD,
};

/// A host that loses patience soon, with a proper workload and another one.
fn impatient() -> Builder {
    Deployment::builder()
        .relying_party(
            RelyingParty::new(RP_ID)
                .origin(ORIGIN)
                .workload(WORKLOAD)
                .workload("attacker"),
        )
        .set("service", "handshake-timeout", "\"300ms\"")
        .set("service", "header-timeout", "\"300ms\"")
        .set("service", "request-timeout", "\"1s\"")
}

/// The attack goes on sixteen times at once, while a proper client is answered on its
/// old connection and on new ones; how each attempt ended.
async fn under(attack: Attack, builder: Builder) -> (Deployment, Vec<Ended>) {
    let deployment = builder.start().await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    let tls = deployment.client_config(Some(&deployment.certificate("attacker")));
    let attempts = (0..16).map(|_| attack.attempt(deployment.address(), &tls));
    let attempts = futures::future::join_all(attempts);
    let proper = async {
        for _ in 0..10 {
            client.get("/.well-known/jwks.json").await.expect(200);
            client
                .anew()
                .get("/.well-known/jwks.json")
                .await
                .expect(200);
        }
    };
    let (ended, ()) = tokio::join!(attempts, proper);
    client.get("/.well-known/jwks.json").await.expect(200);
    (deployment, ended)
}

fn assert_met(attack: Attack, ended: &[Ended]) {
    let met = ended.iter().all(|one| attack.is_met_by(one));
    assert!(met, "{ended:?}");
}

async fn recorded(deployment: &Deployment, code: &str) {
    let outcome = format!("failed:{code}");
    deployment
        .record_where(|record| record.outcome == outcome)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_handshakes_are_cut() {
    let (deployment, ended) = under(Attack::SlowHandshake, impatient()).await;
    assert_eq!(ended, vec![Ended::Closed; 16]);
    recorded(&deployment, "handshake-timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_headers_are_cut() {
    let (_deployment, ended) = under(Attack::SlowHeaders, impatient()).await;
    assert_eq!(ended, vec![Ended::Closed; 16]);
}

/// Long before the connection would have rested for too long.
#[tokio::test(flavor = "multi_thread")]
async fn unfinished_heads_of_http_2_are_cut() {
    let patient = impatient().set("service", "idle-timeout", "\"10m\"");
    let (_deployment, ended) = under(Attack::UnfinishedHead, patient).await;
    assert_eq!(ended, vec![Ended::Closed; 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_are_refused() {
    let (_deployment, ended) = under(Attack::SlowBody, impatient()).await;
    assert_eq!(ended, vec![Ended::Answered(408); 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_reset_ends_the_connection() {
    let (_deployment, ended) = under(Attack::RapidReset, impatient()).await;
    assert_met(Attack::RapidReset, &ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_end_the_connection() {
    // By their size alone: the time of a head would end it as well.
    let patient = impatient().set("service", "header-timeout", "\"10m\"");
    let (_deployment, ended) = under(Attack::HeaderFlood, patient).await;
    assert_met(Attack::HeaderFlood, &ended);
}

/// Sixteen hundred answers wait for a window that never opens: their sender's share of
/// them is kept for a while, the others are refused, and then the connections end.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_end_the_connection() {
    let (deployment, ended) = under(Attack::SlowReader, impatient()).await;
    assert_met(Attack::SlowReader, &ended);
    recorded(&deployment, "answer-not-taken").await;
    recorded(&deployment, "rate-limited").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_sockets_displaces_itself() {
    let small = impatient()
        .set("service", "handshake-timeout", "\"10s\"")
        .set("service", "max-handshakes", "8");
    let (deployment, ended) = under(Attack::ConnectionFlood, small).await;
    assert_eq!(ended, vec![Ended::Closed; 16]);
    recorded(&deployment, "handshake-displaced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_with_too_many_connections_takes_none_from_others() {
    let deployment = impatient()
        .set("service", "identity-connections", "3")
        .start()
        .await;
    let certificate = deployment.certificate("attacker");
    let mut held = Vec::new();
    for _ in 0..3 {
        let client = deployment.client_with(Some(&certificate), Protocol::Http2);
        client.get("/.well-known/jwks.json").await.expect(200);
        held.push(client);
    }
    let more = deployment.client_with(Some(&certificate), Protocol::Http2);
    let request = more.request(http::Method::GET, "/.well-known/jwks.json");
    assert!(Answer::try_of(request).await.is_err());
    recorded(&deployment, "too-many-connections-of-identity").await;
    let proper = deployment.client(WORKLOAD);
    proper.get("/.well-known/jwks.json").await.expect(200);
    for client in held {
        client.get("/.well-known/jwks.json").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_that_asks_too_often_is_limited_and_recorded_once() {
    let deployment = impatient()
        .set("service", "identity-rate", "1")
        .set("service", "identity-burst", "5")
        .start()
        .await;
    let client = deployment.client("attacker");
    for _ in 0..5 {
        client.get("/.well-known/jwks.json").await.expect(200);
    }
    for _ in 0..5 {
        let refused = client.get("/.well-known/jwks.json").await;
        let problem: serde_json::Value = serde_json::from_slice(refused.body()).unwrap();
        if refused.status() == 200 {
            continue; // A second has passed meanwhile.
        }
        assert_eq!(
            (refused.status(), problem["code"].as_str()),
            (429, Some("rate-limited"))
        );
        assert_eq!(refused.header("retry-after"), "1");
    }
    recorded(&deployment, "rate-limited").await;
    let records = deployment.records().await;
    let limited = records
        .iter()
        .filter(|record| record.outcome == "failed:rate-limited");
    assert_eq!(limited.count(), 1);
    deployment
        .client(WORKLOAD)
        .get("/.well-known/jwks.json")
        .await
        .expect(200);
}

/// More slow bodies than there are places for requests: they take the share of their
/// sender, and no other's.
#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_of_one_identity_take_no_place_from_others() {
    const STREAMS: usize = 300;
    const SHARE: usize = 50;
    let deployment = Deployment::builder()
        .relying_party(
            RelyingParty::new(RP_ID)
                .origin(ORIGIN)
                .workload(WORKLOAD)
                .workload("attacker"),
        )
        .set("service", "identity-requests", &SHARE.to_string())
        .start()
        .await;
    let certificate = deployment.certificate("attacker");
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut streams = tokio::task::JoinSet::new();
    // A hundred streams on each connection.
    let mut clients = Vec::new();
    for _ in 0..STREAMS / 100 {
        let client = deployment.client_with(Some(&certificate), Protocol::Http2);
        client.get("/.well-known/jwks.json").await.expect(200);
        clients.push(client);
    }
    for client in &clients {
        for _ in 0..100 {
            let silent = futures::stream::pending::<
                Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>,
            >();
            let request = client
                .request(http::Method::POST, "/v1/authentications")
                .body(reqwest::Body::wrap(http_body_util::StreamBody::new(silent)));
            let told = told.clone();
            streams.spawn(async move {
                let answer = Answer::try_of(request).await;
                let _ = told.send(answer.expect("an answer"));
            });
        }
    }
    for _ in 0..STREAMS - SHARE {
        let refused = heard.recv().await.unwrap();
        assert_eq!(
            (refused.status(), refused.json()["code"].as_str()),
            (429, Some("rate-limited"))
        );
        assert_eq!(refused.header("retry-after"), "1");
    }
    recorded(&deployment, "rate-limited").await;
    // The others go on, and nobody else notices.
    let proper = deployment.client(WORKLOAD);
    for _ in 0..20 {
        proper
            .post("/v1/authentications", &serde_json::json!({}))
            .await
            .expect(201);
    }
    assert!(heard.try_recv().is_err());
    assert_eq!(streams.len(), STREAMS);
}
