//! Ceremonies that can't be finished.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, ORIGIN, RP_ID, RelyingParty, WORKLOAD};
use zeropass_tests::isolation::Authenticator;

use super::{
    assert_problem, assert_signs_in, begin, begin_registration, begin_sign_in, registered, scene,
};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ceremony_is_not_found() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = json!({"credential": key.get_json(&ceremony.options, ORIGIN)});
    let long = "a".repeat(129);
    for id in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "%00",
        "not!base64url",
        &long,
    ] {
        let path = format!("/v1/authentications/{id}");
        assert_problem(&client.post(&path, &credential).await, 404, "not-found", id);
    }
    ceremony
        .finish(&client, &credential["credential"])
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_too_short_for_a_ceremony_is_not_found() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = json!({"credential": key.get_json(&ceremony.options, ORIGIN)});
    let refused = client.post("/v1/authentications/x", &credential).await;
    assert_problem(&refused, 404, "not-found", "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn used_ceremony_is_refused() {
    let (_deployment, client) = scene().await;
    let mut key = Authenticator::new();
    let ceremony = begin_registration(&client, "ada").await;
    let credential = key.create_json(&ceremony.options, ORIGIN);
    ceremony.finish(&client, &credential).await.expect(201);
    let again = ceremony.finish(&client, &credential).await;
    assert_problem(&again, 409, "ceremony-used", "registration");

    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = key.get_json(&ceremony.options, ORIGIN);
    ceremony.finish(&client, &credential).await.expect(200);
    let again = ceremony.finish(&client, &credential).await;
    assert_problem(&again, 409, "ceremony-used", "authentication");
}

#[tokio::test(flavor = "multi_thread")]
async fn ceremony_is_spent_by_a_refused_answer() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let wrong = key.get_json(&ceremony.options, "https://evil.example");
    let refused = ceremony.finish(&client, &wrong).await;
    assert_problem(&refused, 422, "origin-mismatch", "the first answer");
    let right = key.get_json(&ceremony.options, ORIGIN);
    let refused = ceremony.finish(&client, &right).await;
    assert_problem(&refused, 409, "ceremony-used", "the second answer");
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_answers_to_one_ceremony_one_succeeds() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = key.get_json(&ceremony.options, ORIGIN);
    let answers =
        futures::future::join_all((0..8).map(|_| ceremony.finish(&client, &credential))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status() == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        assert_problem(answer, 409, "ceremony-used", "the others");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ceremony_of_the_other_kind_is_not_found_and_stays() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let sign_in = begin_sign_in(&client, "ada").await;
    let mut other = Authenticator::new();
    let registration = begin_registration(&client, "bob").await;
    let created = json!({"credential": other.create_json(&registration.options, ORIGIN)});
    let got = json!({"credential": key.get_json(&sign_in.options, ORIGIN)});

    let swapped = sign_in.path.replace("authentications", "registrations");
    assert_problem(
        &client.post(&swapped, &created).await,
        404,
        "not-found",
        "registration",
    );
    let swapped = registration
        .path
        .replace("registrations", "authentications");
    assert_problem(
        &client.post(&swapped, &got).await,
        404,
        "not-found",
        "authentication",
    );

    client.post(&sign_in.path, &got).await.expect(200);
    client.post(&registration.path, &created).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn ceremony_of_another_relying_party_is_not_found_and_stays() {
    let deployment = Deployment::builder()
        .relying_party(RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD))
        .relying_party(
            RelyingParty::new("bank.example")
                .origin("https://bank.example")
                .workload("bank"),
        )
        .start()
        .await;
    let (client, bank) = (deployment.client(WORKLOAD), deployment.client("bank"));
    let (key, _) = registered(&client, "ada").await;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = key.get_json(&ceremony.options, ORIGIN);
    assert_problem(
        &ceremony.finish(&bank, &credential).await,
        404,
        "not-found",
        "authentication",
    );
    ceremony.finish(&client, &credential).await.expect(200);

    let mut other = Authenticator::new();
    let ceremony = begin_registration(&client, "bob").await;
    let credential = other.create_json(&ceremony.options, ORIGIN);
    assert_problem(
        &ceremony.finish(&bank, &credential).await,
        404,
        "not-found",
        "registration",
    );
    ceremony.finish(&client, &credential).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_ceremony_is_refused() {
    // The shortest that can be configured.
    let party = RelyingParty::new(RP_ID)
        .origin(ORIGIN)
        .workload(WORKLOAD)
        .set("ceremony-timeout", "\"10s\"");
    let deployment = Deployment::builder().relying_party(party).start().await;
    let client = deployment.client(WORKLOAD);
    let (key, _) = registered(&client, "ada").await;

    let mut late = Authenticator::new();
    let registration = begin_registration(&client, "bob").await;
    let created = late.create_json(&registration.options, ORIGIN);
    let begun = client
        .post("/v1/authentications", &json!({}))
        .await
        .expect(201);
    let got = key.get_json(&begun["publicKey"], ORIGIN);

    // The second of the two ends last, and the answer says when.
    let end = OffsetDateTime::parse(text(&begun["expiresAt"]), &Rfc3339).unwrap();
    while OffsetDateTime::now_utc() <= end {
        let left = end - OffsetDateTime::now_utc() + time::Duration::milliseconds(1);
        tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    }
    let refused = registration.finish(&client, &created).await;
    assert_problem(&refused, 410, "ceremony-expired", "registration");
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let refused = client.post(&path, &json!({"credential": got})).await;
    assert_problem(&refused, 410, "ceremony-expired", "authentication");
    let fresh = begin(&client, "/v1/authentications", &json!({})).await;
    fresh
        .finish(&client, &key.get_json(&fresh.options, ORIGIN))
        .await
        .expect(200);
}
