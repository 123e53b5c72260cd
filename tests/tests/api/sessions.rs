//! What a sign-in leaves behind: a token, and what it is worth later.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Answer, Client, Deployment, ORIGIN, Person, Protocol, RP_ID, RelyingParty, WORKLOAD,
    certificates,
};

use super::scene;

const INTROSPECT: &str = "/v1/sessions/introspect";
const REVOKE: &str = "/v1/sessions/revoke";

#[tokio::test(flavor = "multi_thread")]
async fn published_key_verifies_the_token_and_the_token_names_the_certificate() {
    let deployment = Deployment::start().await;
    let certificate = deployment.certificate(WORKLOAD);
    let client = deployment.client_with(Some(&certificate), Protocol::Any);
    let ada = Person::at(ORIGIN);
    let registered = ada.register(&client, "ada").await.expect(201);
    let signed_in = ada.sign_in(&client, "ada").await.expect(200);
    let token = text(&signed_in["session"]["token"]);

    let [head, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let keys = client.get("/.well-known/jwks.json").await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    let key = keys
        .iter()
        .find(|key| key["kid"] == decode(head)["kid"])
        .expect("the token's key is published");
    assert!(key.get("d").is_none(), "no private half");
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(&key[name])).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(
            format!("{head}.{claims}").as_bytes(),
            &URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .expect("the signature is the published key's");

    let claims = decode(claims);
    assert_eq!(claims["sub"], registered["user"]["id"]);
    assert_eq!(claims["aud"], RP_ID);
    assert_eq!(claims["cnf"]["x5t#S256"], certificate.thumbprint());
    assert_eq!(claims["amr"], json!(["pop", "user", "mfa"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_active_for_the_workload_that_it_was_given_to() {
    let deployment = Deployment::start().await;
    let certificate = deployment.certificate(WORKLOAD);
    let client = deployment.client_with(Some(&certificate), Protocol::Any);
    let (registered, token) = signed_in(&client).await;
    let answer = client.post_token(INTROSPECT, &token).await.expect(200);
    assert_eq!(answer["active"], true);
    assert_eq!(answer["sub"], registered["user"]["id"]);
    assert_eq!(answer["username"], "ada");
    assert_eq!(answer["client_id"], certificates::spiffe_id(WORKLOAD));
    assert_eq!(answer["cnf"]["x5t#S256"], certificate.thumbprint());
}

#[tokio::test(flavor = "multi_thread")]
async fn token_outlives_the_certificate_but_not_the_workload() {
    let deployment = Deployment::builder()
        .relying_party(
            RelyingParty::new(RP_ID)
                .origin(ORIGIN)
                .workload(WORKLOAD)
                .workload("other"),
        )
        .start()
        .await;
    let certificate = deployment.certificate(WORKLOAD);
    let client = deployment.client_with(Some(&certificate), Protocol::Any);
    let (_, token) = signed_in(&client).await;
    // The same workload with a renewed certificate.
    let renewed = deployment.client(WORKLOAD);
    let answer = renewed.post_token(INTROSPECT, &token).await.expect(200);
    assert_eq!(answer["active"], true);
    assert_eq!(answer["cnf"]["x5t#S256"], certificate.thumbprint());
    // Another workload of the same relying party.
    let other = deployment.client("other");
    assert_inactive(&other.post_token(INTROSPECT, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_a_passkey_ends_its_sessions_for_good() {
    let (_deployment, client, _) = scene().await;
    let (registered, token) = signed_in(&client).await;
    let passkey = passkey(&registered);
    client
        .patch(&passkey, &json!({"status": "suspended"}))
        .await
        .expect(200);
    assert_inactive(&client.post_token(INTROSPECT, &token).await);
    let resumed = client
        .patch(&passkey, &json!({"status": "active"}))
        .await
        .expect(200);
    assert!(resumed["passkey"]["suspendedAt"].is_string());
    assert_inactive(&client.post_token(INTROSPECT, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_passkey_begins_new_sessions() {
    let (_deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    for status in ["suspended", "active"] {
        client
            .patch(&passkey(&registered), &json!({"status": status}))
            .await
            .expect(200);
    }
    let signed_in = ada.sign_in(&client, "ada").await.expect(200);
    let token = text(&signed_in["session"]["token"]);
    let answer = client.post_token(INTROSPECT, token).await.expect(200);
    assert_eq!(answer["active"], true);
    assert_eq!(answer["uv"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_inactive_after_its_passkey_was_revoked() {
    let (_deployment, client, _) = scene().await;
    let (registered, token) = signed_in(&client).await;
    client.delete(&passkey(&registered)).await.expect(204);
    assert_inactive(&client.post_token(INTROSPECT, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_inactive_after_its_session_was_revoked() {
    let (_deployment, client, _) = scene().await;
    let (_, token) = signed_in(&client).await;
    for _ in 0..2 {
        // RFC 7009 section 2.2: revoking what is revoked succeeds.
        client.post_token(REVOKE, &token).await.expect(200);
        assert_inactive(&client.post_token(INTROSPECT, &token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_and_foreign_tokens_are_inactive() {
    let (_deployment, client, _) = scene().await;
    let (_, token) = signed_in(&client).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[0] ^= 1;
    let altered = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let foreign = signed_in(&Deployment::start().await.client(WORKLOAD))
        .await
        .1;
    for token in [altered.as_str(), &foreign, "no.token.at-all", "x"] {
        assert_inactive(&client.post_token(INTROSPECT, token).await);
        client.post_token(REVOKE, token).await.expect(200);
    }
    assert_eq!(
        client.post_token(INTROSPECT, &token).await.expect(200)["active"],
        true
    );
}

fn assert_inactive(answer: &Answer) {
    // RFC 7662 section 2.2: and nothing else.
    assert_eq!(answer.expect(200), json!({"active": false}));
}

async fn signed_in(client: &Client) -> (Value, String) {
    let ada = Person::at(ORIGIN);
    let registered = ada.register(client, "ada").await.expect(201);
    let signed_in = ada.sign_in(client, "ada").await.expect(200);
    (registered, text(&signed_in["session"]["token"]).to_owned())
}

fn passkey(registered: &Value) -> String {
    format!(
        "/v1/users/{}/passkeys/{}",
        text(&registered["user"]["id"]),
        text(&registered["passkey"]["id"])
    )
}
