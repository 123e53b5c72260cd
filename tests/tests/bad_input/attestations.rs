//! Registrations that say something wrong.

use serde_json::{Value, json};
use zeropass_tests::deployment::{
    Answer, Client, Deployment, ORIGIN, RP_ID, RelyingParty, WORKLOAD,
};
use zeropass_tests::isolation::Authenticator;
use zeropass_tests::isolation::authenticator::{Attestation, flags};

use super::{
    assert_problem, assert_signs_in, begin, begin_registration, begin_sign_in, decode, encode,
    registered, scene,
};

/// A registration of a new name, answered by a bent authenticator.
async fn attempt(
    client: &Client,
    answer: impl FnOnce(&mut Authenticator, &mut Value) -> Value,
) -> Answer {
    let mut ceremony = begin_registration(client, "ada").await;
    let credential = answer(&mut Authenticator::new(), &mut ceremony.options);
    ceremony.finish(client, &credential).await
}

/// The credential with other client data; under format `none` nothing is signed
/// over them.
fn with_client_data(mut credential: Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut data =
        serde_json::from_slice(&decode(&credential["response"]["clientDataJSON"])).unwrap();
    change(&mut data);
    credential["response"]["clientDataJSON"] = encode(data.to_string());
    credential
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_origin_is_refused() {
    let (_deployment, client) = scene().await;
    for origin in [
        "https://evil.example",
        "https://login.example.com",
        "http://example.com",
        "https://example.com:444",
        "https://example.com.evil.example",
        "https://example.com/",
        "null",
        "",
    ] {
        let refused = attempt(&client, |key, options| key.create_json(options, origin)).await;
        assert_problem(&refused, 422, "origin-mismatch", origin);
    }
}

/// Only a page that says beforehand that it asks nobody may bring a passkey of a person
/// whom the authenticator did not see.
#[tokio::test(flavor = "multi_thread")]
async fn absent_user_registers_by_a_conditional_creation_alone() {
    let (_deployment, client) = scene().await;
    for (name, mediation) in [("ada", None), ("bob", Some("conditional"))] {
        let mut body = json!({"user": {"name": name, "displayName": name}});
        if let Some(mediation) = mediation {
            body["mediation"] = mediation.into();
        }
        let ceremony = begin(&client, "/v1/registrations", &body).await;
        let mut key = Authenticator::new();
        key.flags = 0;
        let credential = key.create_json(&ceremony.options, ORIGIN);
        let answer = ceremony.finish(&client, &credential).await;
        if mediation.is_none() {
            assert_problem(&answer, 422, "user-presence-missing", name);
            continue;
        }
        answer.expect(201);
        // Who signs in is there.
        let unseen = begin_sign_in(&client, name).await;
        let refused = unseen
            .finish(&client, &key.get_json(&unseen.options, ORIGIN))
            .await;
        assert_problem(&refused, 422, "user-presence-missing", name);
        key.flags = flags::UP;
        assert_signs_in(&client, name, &key).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frame_of_another_origin_is_refused() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        with_client_data(key.create_json(options, ORIGIN), |data| {
            data["crossOrigin"] = true.into()
        })
    })
    .await;
    assert_problem(&refused, 422, "origin-mismatch", "crossOrigin");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rp_id_is_refused() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        options["rp"]["id"] = "evil.example".into();
        key.create_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 422, "rp-id-mismatch", "rpIdHash");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_challenge_is_refused() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        options["challenge"] = encode([7; 32]);
        key.create_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 422, "challenge-mismatch", "another challenge");
    let refused = attempt(&client, |key, options| {
        with_client_data(key.create_json(options, ORIGIN), |data| {
            data["challenge"] = "".into()
        })
    })
    .await;
    assert_problem(&refused, 422, "challenge-mismatch", "no challenge");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_type_of_client_data_is_malformed() {
    let (_deployment, client) = scene().await;
    for kind in ["webauthn.get", "payment.get", ""] {
        let refused = attempt(&client, |key, options| {
            with_client_data(key.create_json(options, ORIGIN), |data| {
                data["type"] = kind.into()
            })
        })
        .await;
        assert_problem(&refused, 400, "malformed", kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_user_is_refused() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        key.flags = flags::UV;
        key.create_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 422, "user-presence-missing", "UP");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_who_was_not_verified_is_refused_where_that_is_required() {
    let (_deployment, client) = scene().await;
    let user = json!({"name": "ada", "displayName": "Ada"});
    let mut key = Authenticator::new();
    key.flags = flags::UP;
    let required = json!({"user": user, "userVerification": "required"});
    let ceremony = begin(&client, "/v1/registrations", &required).await;
    let credential = key.create_json(&ceremony.options, ORIGIN);
    let refused = ceremony.finish(&client, &credential).await;
    assert_problem(&refused, 422, "user-verification-missing", "UV");

    let preferred = json!({"user": user, "userVerification": "preferred"});
    let ceremony = begin(&client, "/v1/registrations", &preferred).await;
    let credential = key.create_json(&ceremony.options, ORIGIN);
    ceremony.finish(&client, &credential).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_that_was_not_possible_is_malformed() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        key.flags |= flags::BS;
        key.create_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 400, "malformed", "BS without BE");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_attestation_signature_is_refused() {
    let (_deployment, client) = scene().await;
    let body = json!({"user": {"name": "ada", "displayName": "Ada"}, "attestation": "direct"});
    let mut key = Authenticator::new();
    key.attestation = Attestation::PackedSelf;

    let ceremony = begin(&client, "/v1/registrations", &body).await;
    let signed = key.create_json(&ceremony.options, ORIGIN);
    let other_bytes = with_client_data(signed, |data| data["extra"] = 1.into());
    let refused = ceremony.finish(&client, &other_bytes).await;
    assert_problem(
        &refused,
        422,
        "attestation-invalid",
        "signed over other client data",
    );

    let ceremony = begin(&client, "/v1/registrations", &body).await;
    let signed = key.create_json(&ceremony.options, ORIGIN);
    ceremony.finish(&client, &signed).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn algorithm_that_was_not_offered_is_refused() {
    let party = RelyingParty::new(RP_ID)
        .origin(ORIGIN)
        .workload(WORKLOAD)
        .set("algorithms", r#"["ES384"]"#);
    let deployment = Deployment::builder().relying_party(party).start().await;
    let client = deployment.client(WORKLOAD);
    let refused = attempt(&client, |key, options| key.create_json(options, ORIGIN)).await;
    assert_problem(&refused, 422, "algorithm-not-allowed", "ES256");
}

#[tokio::test(flavor = "multi_thread")]
async fn id_that_is_not_that_of_the_attested_credential_is_malformed() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        let mut credential = key.create_json(options, ORIGIN);
        credential["id"] = encode([1; 32]);
        credential
    })
    .await;
    assert_problem(&refused, 400, "malformed", "id is not rawId");
    let refused = attempt(&client, |key, options| {
        let mut credential = key.create_json(options, ORIGIN);
        credential["id"] = encode([1; 32]);
        credential["rawId"] = encode([1; 32]);
        credential
    })
    .await;
    assert_problem(&refused, 400, "malformed", "rawId is not the attested id");
}

#[tokio::test(flavor = "multi_thread")]
async fn id_of_more_than_1023_bytes_is_malformed() {
    let (_deployment, client) = scene().await;
    let refused = attempt(&client, |key, options| {
        key.credential_id = vec![1; 1024];
        key.create_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 400, "malformed", "1024 bytes");
    attempt(&client, |key, options| {
        key.credential_id = vec![1; 1023];
        key.create_json(options, ORIGIN)
    })
    .await
    .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_id_that_exists_already_is_refused() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;

    // For another account, with another key behind the same id.
    let mut thief = Authenticator::new();
    thief.credential_id.clone_from(&key.credential_id);
    let ceremony = begin_registration(&client, "eve").await;
    let credential = thief.create_json(&ceremony.options, ORIGIN);
    let refused = ceremony.finish(&client, &credential).await;
    assert_problem(&refused, 409, "credential-exists", "another account");

    // For the same account, against the excludeCredentials.
    let user = json!({"id": ada["user"]["id"], "name": "ada", "displayName": "ada"});
    let ceremony = begin(&client, "/v1/registrations", &json!({"user": user})).await;
    let credential = thief.create_json(&ceremony.options, ORIGIN);
    let refused = ceremony.finish(&client, &credential).await;
    assert_problem(&refused, 409, "credential-exists", "the same account");
    assert_signs_in(&client, "ada", &key).await;
}
