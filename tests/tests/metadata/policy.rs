//! What relying parties make of models, on a running host.

use serde_json::json;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{ORIGIN, WORKLOAD};
use zeropass_tests::fido::{Authority, entry};
use zeropass_tests::isolation::Authenticator;
use zeropass_tests::isolation::authenticator::{Attestation, flags};

use super::{Fido, MODEL, key, register, sign_in};

/// A passkey of [`MODEL`] that this maker attests for.
fn attested(maker: &Authority) -> Authenticator {
    let mut key = key();
    key.attestation = Attestation::PackedCertificate;
    key.attesting = Some(maker.attesting());
    key
}

const UNTRUSTED: (u16, &str) = (422, "attestation-untrusted");
const NOT_PERMITTED: (u16, &str) = (403, "not-permitted");

fn problem(answer: &zeropass_tests::deployment::Answer, expected: (u16, &str)) {
    assert_eq!(answer.problem(), (expected.0, expected.1.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn roots_of_a_model_anchor_its_attestation_and_no_others() {
    let fido = Fido::new();
    let (maker, other) = (Authority::new("Maker"), Authority::new("Other"));
    fido.publish(&fido.signer.blob(
        1,
        &[
            entry(MODEL, &[&maker.der], &["FIDO_CERTIFIED_L1"]),
            entry([8; 16], &[&other.der], &["FIDO_CERTIFIED_L3"]),
        ],
    ));
    let direct = ("attestation", "\"direct\"");
    let deployment = fido.deployment(&[direct]).start().await;
    let client = deployment.client(WORKLOAD);
    let registered = register(&client, &mut attested(&maker), "ada")
        .await
        .expect(201);
    assert_eq!(registered["passkey"]["provider"], "Test Model");
    let passkeys = format!("/v1/users/{}/passkeys", text(&registered["user"]["id"]));
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(listed["passkeys"][0]["provider"], "Test Model");
    // Another model's maker, a maker nobody knows, and nobody at all.
    for mut key in [attested(&other), attested(&Authority::new("Maker")), key()] {
        problem(&register(&client, &mut key, "bob").await, UNTRUSTED);
    }
    // A model that metadata do not know has no anchors.
    let mut unknown = attested(&maker);
    unknown.aaguid = [9; 16];
    problem(&register(&client, &mut unknown, "bob").await, UNTRUSTED);

    // Where metadata's roots do not count, nothing is anchored.
    let off = ("metadata-roots", "false");
    let deployment = fido.deployment(&[direct, off]).start().await;
    let client = deployment.client(WORKLOAD);
    register(&client, &mut attested(&other), "ada")
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_roots_vouch_for_models_that_metadata_do_not_know() {
    let fido = Fido::new();
    let (maker, other) = (Authority::new("Maker"), Authority::new("Other"));
    fido.publish(
        &fido
            .signer
            .blob(1, &[entry(MODEL, &[&maker.der], &["FIDO_CERTIFIED_L1"])]),
    );
    let path = fido.folder.path().join("other.pem");
    std::fs::write(&path, &other.pem).unwrap();
    let roots = format!("[{}]", super::quoted(&path));
    let direct = ("attestation", "\"direct\"");
    let deployment = fido
        .deployment(&[direct, ("attestation-roots", &roots)])
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    register(&client, &mut attested(&maker), "ada")
        .await
        .expect(201);
    problem(
        &register(&client, &mut attested(&other), "bob").await,
        UNTRUSTED,
    );
    let mut unknown = attested(&other);
    unknown.aaguid = [9; 16];
    register(&client, &mut unknown, "bob").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn model_must_be_certified_as_high_as_is_asked_for() {
    let fido = Fido::new();
    let maker = Authority::new("Maker");
    fido.publish(&fido.signer.blob(
        1,
        &[
            entry(MODEL, &[&maker.der], &["FIDO_CERTIFIED_L1"]),
            entry(
                [8; 16],
                &[&maker.der],
                &["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L2"],
            ),
        ],
    ));
    let least = ("minimum-certification", "\"L1+\"");
    let deployment = fido.deployment(&[least]).start().await;
    let client = deployment.client(WORKLOAD);
    let mut certified = attested(&maker);
    certified.aaguid = [8; 16];
    register(&client, &mut certified, "ada").await.expect(201);
    problem(
        &register(&client, &mut attested(&maker), "bob").await,
        UNTRUSTED,
    );
    // The claim alone, without attestation.
    let mut claimed = key();
    claimed.aaguid = [8; 16];
    problem(&register(&client, &mut claimed, "bob").await, UNTRUSTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_device_binding_hold_on_a_running_host() {
    let fido = Fido::new();
    fido.publish(&fido.signer.blob(1, &[]));
    let model = "[\"07070707-0707-0707-0707-070707070707\"]";
    let mut synced = key();
    synced.flags |= flags::BE;
    for (setting, value, mut refused, mut accepted) in [
        ("allowed-aaguids", model, Authenticator::new(), key()),
        ("denied-aaguids", model, key(), Authenticator::new()),
        ("device-bound-only", "true", synced, key()),
    ] {
        let deployment = fido.deployment(&[(setting, value)]).start().await;
        let client = deployment.client(WORKLOAD);
        let answer = register(&client, &mut refused, "ada").await;
        problem(&answer, NOT_PERMITTED);
        register(&client, &mut accepted, "ada").await.expect(201);
        sign_in(&client, &accepted).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enterprise_attestation_is_for_those_who_may_ask() {
    let fido = Fido::new();
    fido.publish(&fido.signer.blob(1, &[]));
    let body = json!({"user": {"name": "ada", "displayName": "Ada"}, "attestation": "enterprise"});
    let deployment = fido.deployment(&[]).start().await;
    let client = deployment.client(WORKLOAD);
    let refused = client.post("/v1/registrations", &body).await;
    problem(&refused, NOT_PERMITTED);
    let allowed = ("enterprise-attestation", "true");
    let deployment = fido.deployment(&[allowed]).start().await;
    let client = deployment.client(WORKLOAD);
    let begun = client.post("/v1/registrations", &body).await.expect(201);
    assert_eq!(begun["publicKey"]["attestation"], "enterprise");
    // Asked for and not given: there is nothing to take its place.
    let credential = key().create_json(&begun["publicKey"], ORIGIN);
    let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
    let answer = client.post(&path, &json!({"credential": credential})).await;
    problem(&answer, UNTRUSTED);
}
