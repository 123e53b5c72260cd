//! Sign-ins that say something wrong.

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Client, ORIGIN, RP_ID};
use zeropass_tests::isolation::Authenticator;
use zeropass_tests::isolation::authenticator::flags;

use super::{
    assert_problem, assert_signs_in, begin, begin_sign_in, decode, encode, registered, scene,
};

/// A sign-in as Ada, answered as the test says.
async fn attempt(client: &Client, answer: impl FnOnce(&mut Value) -> Value) -> Answer {
    let mut ceremony = begin_sign_in(client, "ada").await;
    let credential = answer(&mut ceremony.options);
    ceremony.finish(client, &credential).await
}

/// An assertion that was signed over changed client data.
fn signed_over(key: &Authenticator, options: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut credential = key.get_json(options, ORIGIN);
    let response = &mut credential["response"];
    let mut client_data = serde_json::from_slice(&decode(&response["clientDataJSON"])).unwrap();
    change(&mut client_data);
    let client_data = client_data.to_string();
    let (data, signature) = key.assertion(RP_ID, client_data.as_bytes());
    response["clientDataJSON"] = encode(client_data);
    response["authenticatorData"] = encode(data);
    response["signature"] = encode(signature);
    credential
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_origin_is_refused() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for origin in [
        "https://evil.example",
        "https://login.example.com",
        "http://example.com",
        "",
    ] {
        let refused = attempt(&client, |options| key.get_json(options, origin)).await;
        assert_problem(&refused, 422, "origin-mismatch", origin);
    }
    let framed = attempt(&client, |options| {
        signed_over(&key, options, |data| data["crossOrigin"] = true.into())
    })
    .await;
    assert_problem(&framed, 422, "origin-mismatch", "crossOrigin");
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rp_id_is_refused() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let refused = attempt(&client, |options| {
        options["rpId"] = "evil.example".into();
        key.get_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 422, "rp-id-mismatch", "rpIdHash");
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_challenge_is_refused() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let refused = attempt(&client, |options| {
        options["challenge"] = encode([7; 32]);
        key.get_json(options, ORIGIN)
    })
    .await;
    assert_problem(&refused, 422, "challenge-mismatch", "another challenge");

    // The answer to another ceremony of the same person.
    let other = begin_sign_in(&client, "ada").await;
    let refused = attempt(&client, |_| key.get_json(&other.options, ORIGIN)).await;
    assert_problem(&refused, 422, "challenge-mismatch", "another ceremony's");
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_type_of_client_data_is_malformed() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for kind in ["webauthn.create", "payment.get", ""] {
        let refused = attempt(&client, |options| {
            signed_over(&key, options, |data| data["type"] = kind.into())
        })
        .await;
        assert_problem(&refused, 400, "malformed", kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_user_is_refused() {
    let (_deployment, client) = scene().await;
    let (mut key, _) = registered(&client, "ada").await;
    key.flags = flags::UV;
    let refused = attempt(&client, |options| key.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 422, "user-presence-missing", "UP");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_who_was_not_verified_is_refused_where_that_is_required() {
    let (_deployment, client) = scene().await;
    let (mut key, _) = registered(&client, "ada").await;
    key.flags = flags::UP;
    for (wanted, status) in [("required", 422), ("preferred", 200), ("discouraged", 200)] {
        let body = json!({"user": {"name": "ada"}, "userVerification": wanted});
        let ceremony = begin(&client, "/v1/authentications", &body).await;
        let answer = ceremony
            .finish(&client, &key.get_json(&ceremony.options, ORIGIN))
            .await;
        assert_eq!(answer.status(), status, "{wanted}");
        if status == 422 {
            assert_problem(&answer, 422, "user-verification-missing", wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signature_is_refused() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let flipped = |mut bytes: Vec<u8>| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    let refused = attempt(&client, |options| {
        let mut credential = key.get_json(options, ORIGIN);
        let signature = decode(&credential["response"]["signature"]);
        credential["response"]["signature"] = encode(flipped(signature));
        credential
    })
    .await;
    assert_problem(&refused, 422, "signature-invalid", "one bit");

    let refused = attempt(&client, |options| {
        let mut credential = key.get_json(options, ORIGIN);
        credential["response"]["signature"] = encode([0x30, 0x00]);
        credential
    })
    .await;
    assert_problem(&refused, 422, "signature-invalid", "no signature at all");

    // Another key under the same id.
    let mut forger = Authenticator::new();
    forger.credential_id.clone_from(&key.credential_id);
    forger.user_handle.clone_from(&key.user_handle);
    let refused = attempt(&client, |options| forger.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 422, "signature-invalid", "another key");

    // Signed data that were changed afterwards: the counter.
    let refused = attempt(&client, |options| {
        let mut credential = key.get_json(options, ORIGIN);
        let data = decode(&credential["response"]["authenticatorData"]);
        credential["response"]["authenticatorData"] = encode(flipped(data));
        credential
    })
    .await;
    assert_problem(
        &refused,
        422,
        "signature-invalid",
        "other authenticator data",
    );
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_user_handle_is_refused() {
    let (_deployment, client) = scene().await;
    let (mut key, _) = registered(&client, "ada").await;
    let (other, _) = registered(&client, "bob").await;
    let own = key.user_handle.clone();
    for handle in [other.user_handle.clone(), Some(vec![0; 16]), Some(vec![1])] {
        key.user_handle = handle;
        for body in [json!({"user": {"name": "ada"}}), json!({})] {
            let ceremony = begin(&client, "/v1/authentications", &body).await;
            let refused = ceremony
                .finish(&client, &key.get_json(&ceremony.options, ORIGIN))
                .await;
            assert_problem(&refused, 422, "user-handle-mismatch", &body.to_string());
        }
    }
    // Only where a name was given may it be missing.
    key.user_handle = None;
    let ceremony = begin(&client, "/v1/authentications", &json!({})).await;
    let refused = ceremony
        .finish(&client, &key.get_json(&ceremony.options, ORIGIN))
        .await;
    assert_problem(&refused, 422, "user-handle-mismatch", "none");
    assert_signs_in(&client, "ada", &key).await;
    key.user_handle = own;
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counter_that_does_not_grow_is_refused() {
    let (_deployment, client) = scene().await;
    let (mut key, _) = registered(&client, "ada").await;
    key.sign_count = 5;
    assert_signs_in(&client, "ada", &key).await;
    for count in [5, 4, 0] {
        key.sign_count = count;
        let refused = attempt(&client, |options| key.get_json(options, ORIGIN)).await;
        assert_problem(&refused, 422, "counter-regressed", &count.to_string());
    }
    key.sign_count = 6;
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_eligibility_that_changed_is_malformed() {
    let (_deployment, client) = scene().await;
    let (mut key, _) = registered(&client, "ada").await;
    key.flags |= flags::BE;
    let refused = attempt(&client, |options| key.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 400, "malformed", "BE");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_revoked_and_unknown_passkeys_are_told_apart_by_their_owner_alone() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;
    let (user, id) = (text(&ada["user"]["id"]), text(&ada["passkey"]["id"]));
    let passkey = format!("/v1/users/{user}/passkeys/{id}");
    client
        .patch(&passkey, &json!({"status": "suspended"}))
        .await
        .expect(200);
    let refused = attempt(&client, |options| key.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 403, "credential-suspended", "suspended");

    // Who has not the key does not learn that it is suspended.
    let mut forger = Authenticator::new();
    forger.credential_id.clone_from(&key.credential_id);
    forger.user_handle.clone_from(&key.user_handle);
    let refused = attempt(&client, |options| forger.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 422, "signature-invalid", "a forger's");

    client.delete(&passkey).await.expect(204);
    let refused = attempt(&client, |options| key.get_json(options, ORIGIN)).await;
    assert_problem(&refused, 422, "credential-unknown", "revoked");
    let ceremony = begin(&client, "/v1/authentications", &json!({})).await;
    let mut nobody = Authenticator::new();
    nobody.user_handle.clone_from(&key.user_handle);
    let refused = ceremony
        .finish(&client, &nobody.get_json(&ceremony.options, ORIGIN))
        .await;
    assert_problem(&refused, 422, "credential-unknown", "never registered");
}
