//! passkey-manager alone, as the wasm component that is shipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

use zeropass_tests::isolation::authenticator::{Attestation, flags};
use zeropass_tests::isolation::{
    AuthenticationResponse, Authenticator, CallError, PasskeyManager, RegistrationResponse,
    RelyingPartyError, RequestOptions, SignatureError, Status, StoreError, Subject, built, profile,
    requests,
};

const RP: &str = "login.example.com";
const ORIGIN: &str = "https://login.example.com";
const ADA: &str = "0190b6c1-6e2a-7d2f-9d3b-0f7a3c5e1a01";

fn kit() -> PasskeyManager {
    let kit = PasskeyManager::load(built("passkey-manager")).unwrap();
    kit.relying_party(profile(RP, &[ORIGIN]));
    kit
}

fn account() -> Subject {
    Subject::Account(ADA.into())
}

/// A registration up to its second request.
async fn created(kit: &PasskeyManager, key: &mut Authenticator) -> (String, RegistrationResponse) {
    let options = kit
        .registration_begin(requests::registration(RP, ADA))
        .await
        .unwrap();
    let response = key.create(&options, ORIGIN);
    (options.ceremony, response)
}

async fn register(kit: &PasskeyManager) -> Authenticator {
    let mut key = Authenticator::new();
    let (ceremony, response) = created(kit, &mut key).await;
    kit.registration_finish(RP, &ceremony, response, None)
        .await
        .unwrap();
    key
}

async fn begin(kit: &PasskeyManager, subject: Subject) -> RequestOptions {
    kit.authentication_begin(requests::authentication(RP, subject))
        .await
        .unwrap()
}

/// A sign-in up to its second request.
async fn asserted(
    kit: &PasskeyManager,
    key: &Authenticator,
    subject: Subject,
) -> (String, AuthenticationResponse) {
    let options = begin(kit, subject).await;
    let response = key.get(&options, ORIGIN);
    (options.ceremony, response)
}

fn code<T: std::fmt::Debug>(result: Result<T, CallError>) -> &'static str {
    result.unwrap_err().code()
}

fn names(kit: &PasskeyManager) -> Vec<String> {
    kit.calls().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn registered_passkey_signs_in_by_name_and_without() {
    let kit = kit();
    let key = register(&kit).await;
    for subject in [account(), Subject::Anyone] {
        let (ceremony, response) = asserted(&kit, &key, subject).await;
        let done = kit
            .authentication_finish(RP, &ceremony, response)
            .await
            .unwrap();
        assert_eq!(done.user_id, ADA);
        assert_eq!(done.passkey.id, key.credential_id);
        assert!(done.user_verified);
    }
    assert_eq!(kit.credentials().len(), 1);
    assert_eq!(kit.credentials()[0].public_key, key.public_key());
}

#[tokio::test]
async fn self_attestation_is_verified() {
    let kit = kit();
    let mut key = Authenticator::new();
    key.attestation = Attestation::PackedSelf;
    let (ceremony, response) = created(&kit, &mut key).await;
    kit.registration_finish(RP, &ceremony, response, None)
        .await
        .unwrap();
    assert_eq!(kit.credentials()[0].attestation_format, "packed");

    let mut other = Authenticator::new();
    other.attestation = Attestation::PackedSelf;
    let (ceremony, mut response) = created(&kit, &mut other).await;
    // The statement is over these bytes, spaces and all.
    response.client_data_json.push(b' ');
    let refused = kit.registration_finish(RP, &ceremony, response, None).await;
    assert_eq!(code(refused), "attestation-invalid");
    assert_eq!(kit.credentials().len(), 1);
}

#[tokio::test]
async fn ceremony_is_good_for_one_answer() {
    let kit = kit();
    let mut key = Authenticator::new();
    let (ceremony, response) = created(&kit, &mut key).await;
    kit.registration_finish(RP, &ceremony, response.clone(), None)
        .await
        .unwrap();
    let again = kit.registration_finish(RP, &ceremony, response, None).await;
    assert_eq!(code(again), "ceremony-used");

    let (ceremony, response) = asserted(&kit, &key, account()).await;
    let mut forged = response.clone();
    *forged.signature.last_mut().unwrap() ^= 1;
    let refused = kit.authentication_finish(RP, &ceremony, forged).await;
    assert_eq!(code(refused), "signature-invalid");
    let again = kit.authentication_finish(RP, &ceremony, response).await;
    assert_eq!(code(again), "ceremony-used", "a failure spends it too");
}

#[tokio::test]
async fn ceremony_expires_when_the_clock_says_so() {
    let kit = kit();
    let key = register(&kit).await;
    let options = begin(&kit, account()).await;
    assert_eq!(
        options.expires_at,
        zeropass::clock::Clock::now(&*kit.clock()) + 300_000
    );
    let late = begin(&kit, account()).await;
    kit.clock().advance(299_999);
    let in_time = kit
        .authentication_finish(RP, &options.ceremony, key.get(&options, ORIGIN))
        .await;
    in_time.unwrap();
    kit.clock().advance(1);
    let refused = kit
        .authentication_finish(RP, &late.ceremony, key.get(&late, ORIGIN))
        .await;
    assert_eq!(code(refused), "ceremony-expired");
}

#[tokio::test]
async fn decoys_are_stable_and_look_like_passkeys() {
    let kit = kit();
    register(&kit).await;
    let unknown = |name: &str| Subject::UnknownName(name.into());
    let known = begin(&kit, account()).await;
    let decoy = begin(&kit, unknown("bob")).await;
    let again = begin(&kit, unknown("bob")).await;
    let other = begin(&kit, unknown("eve")).await;
    let [known_id, decoy_id, again_id, other_id] =
        [&known, &decoy, &again, &other].map(|options| &options.allow_credentials[0]);
    assert_eq!(decoy_id, again_id);
    assert_ne!(decoy_id.id, other_id.id);
    assert_ne!(decoy.challenge, again.challenge);
    assert_eq!(known_id.id.len(), decoy_id.id.len());
    assert_eq!(known_id.transports, decoy_id.transports);
    assert_eq!(known.allow_credentials.len(), decoy.allow_credentials.len());
    assert_eq!(known.extensions, decoy.extensions);
    assert_eq!(known.ceremony.len(), decoy.ceremony.len());
}

#[tokio::test]
async fn named_begin_makes_the_same_five_calls_for_known_and_unknown_names() {
    let kit = kit();
    register(&kit).await;
    for subject in [account(), Subject::UnknownName("bob".into())] {
        kit.forget_calls();
        begin(&kit, subject).await;
        assert_eq!(
            names(&kit),
            [
                "relying-party.describe",
                "relying-party.pseudonym",
                "credentials.typical",
                "credentials.list-for-user",
                "ceremonies.put",
            ]
        );
    }
}

#[tokio::test]
async fn refusal_of_a_capability_arrives_as_its_code() {
    let kit = kit();
    let request = || requests::authentication(RP, account());
    kit.fail_next("relying-party.describe", RelyingPartyError::NotPermitted);
    assert_eq!(
        code(kit.authentication_begin(request()).await),
        "not-permitted"
    );
    kit.fail_next("credentials.list-for-user", StoreError::NotPermitted);
    assert_eq!(
        code(kit.authentication_begin(request()).await),
        "not-permitted"
    );
    kit.fail_next("ceremonies.put", StoreError::Busy);
    assert_eq!(code(kit.authentication_begin(request()).await), "busy");
    assert!(kit.ceremonies().is_empty());

    let key = register(&kit).await;
    let (ceremony, response) = asserted(&kit, &key, account()).await;
    kit.fail_next("signatures.verify", SignatureError::NotPermitted);
    let refused = kit.authentication_finish(RP, &ceremony, response).await;
    assert_eq!(code(refused), "not-permitted");
    let (ceremony, response) = asserted(&kit, &key, account()).await;
    kit.fail_next("credentials.record-use", StoreError::Busy);
    let refused = kit.authentication_finish(RP, &ceremony, response).await;
    assert_eq!(code(refused), "busy");
}

#[tokio::test]
async fn unknown_relying_party_is_not_found() {
    let request = requests::registration("elsewhere.example", ADA);
    assert_eq!(code(kit().registration_begin(request).await), "not-found");
}

#[tokio::test]
async fn registered_id_can_not_be_registered_again() {
    let kit = kit();
    let mut key = register(&kit).await;
    let (ceremony, response) = created(&kit, &mut key).await;
    let refused = kit.registration_finish(RP, &ceremony, response, None).await;
    assert_eq!(code(refused), "credential-exists");
}

#[tokio::test]
async fn counter_that_does_not_grow_is_refused_and_logged() {
    let kit = kit();
    let mut key = register(&kit).await;
    for (count, expected) in [
        (5, None),
        (6, None),
        (6, Some("counter-regressed")),
        (0, Some("counter-regressed")),
    ] {
        key.sign_count = count;
        let (ceremony, response) = asserted(&kit, &key, account()).await;
        let done = kit.authentication_finish(RP, &ceremony, response).await;
        assert_eq!(
            done.err().map(|error| error.code()),
            expected,
            "counter {count}"
        );
    }
    assert_eq!(kit.credentials()[0].sign_count, 6);
    assert_eq!(kit.log().len(), 2);
    assert!(kit.log()[0].starts_with("warn: "), "{:?}", kit.log());
}

#[tokio::test]
async fn required_user_verification_is_enforced() {
    let kit = kit();
    let mut key = register(&kit).await;
    key.flags &= !flags::UV;
    let mut request = requests::authentication(RP, account());
    request.user_verification = Some(zeropass_tests::isolation::UserVerification::Required);
    let options = kit.authentication_begin(request).await.unwrap();
    let refused = kit
        .authentication_finish(RP, &options.ceremony, key.get(&options, ORIGIN))
        .await;
    assert_eq!(code(refused), "user-verification-missing");
}

#[tokio::test]
async fn suspended_and_revoked_passkeys_do_not_sign_in() {
    let kit = kit();
    let key = register(&kit).await;
    let id = key.credential_id.clone();
    let renamed = kit.rename(RP, ADA, &id, "Key ring").await.unwrap();
    assert_eq!(renamed.label, "Key ring");
    assert_eq!(
        kit.suspend(RP, ADA, &id).await.unwrap().status,
        Status::Suspended
    );
    let (ceremony, response) = asserted(&kit, &key, account()).await;
    let refused = kit.authentication_finish(RP, &ceremony, response).await;
    assert_eq!(code(refused), "credential-suspended");
    kit.resume(RP, ADA, &id).await.unwrap();
    assert_eq!(kit.list(RP, ADA).await.unwrap().len(), 1);

    let (ceremony, response) = asserted(&kit, &key, account()).await;
    kit.revoke(RP, ADA, &id).await.unwrap();
    let refused = kit.authentication_finish(RP, &ceremony, response).await;
    assert_eq!(code(refused), "credential-unknown");
    assert_eq!(code(kit.get(RP, ADA, &id).await), "not-found");
}

#[tokio::test]
async fn no_state_survives_a_call() {
    let kit = kit();
    let key = register(&kit).await;
    let (ceremony, response) = asserted(&kit, &key, account()).await;
    // The same component over an empty store knows neither ceremony nor passkey.
    let empty = kit.afresh();
    empty.relying_party(profile(RP, &[ORIGIN]));
    let refused = empty
        .authentication_finish(RP, &ceremony, response.clone())
        .await;
    assert_eq!(code(refused), "not-found");
    assert!(empty.list(RP, ADA).await.unwrap().is_empty());
    kit.authentication_finish(RP, &ceremony, response)
        .await
        .unwrap();
}

#[tokio::test]
async fn same_seed_gives_the_same_challenges_and_no_challenge_twice() {
    let (one, two) = (kit(), kit());
    let first = begin(&one, Subject::Anyone).await;
    assert_eq!(
        first.challenge,
        begin(&two, Subject::Anyone).await.challenge
    );
    assert_ne!(
        first.challenge,
        begin(&one, Subject::Anyone).await.challenge
    );
    let three = kit();
    three.seed(2);
    assert_ne!(
        first.challenge,
        begin(&three, Subject::Anyone).await.challenge
    );
}

#[tokio::test]
async fn component_of_the_other_kind_does_not_load() {
    let refused = PasskeyManager::load(built("auth-service"))
        .unwrap_err()
        .to_string();
    // It imports what this kind may not have, and the refusal names it.
    assert!(
        refused.contains("component imports instance `zeropass:"),
        "{refused}"
    );
}
