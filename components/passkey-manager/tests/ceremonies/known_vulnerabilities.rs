//! Holes that other servers had, by their names. Each attack is played in full and
//! must end in its code; what needs several requests at once is in the workspace's
//! `tests/bad_input`, and a compromised AAGUID where metadata is tested.

use passkey_manager::bindings::registration::BeginRequest;
use passkey_manager::bindings::relying_party::{AttestationConveyance, UserVerification};
use passkey_manager::bindings::{Code, Subject, authentication as get};
use passkey_manager::cbor::Value;
use passkey_manager::{authentication, base64url, lifecycle, registration};

use crate::kit::*;

fn bobs_registration(host: &MemoryHost, authenticator: &Authenticator) {
    let options = registration::begin(host, registration_request(BOB)).unwrap();
    finish_registration(host, authenticator.create(&options)).unwrap();
}

/// An ECDSA signature of these two numbers, in DER.
fn ecdsa(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let mut der = vec![2, u8::try_from(number.len()).unwrap()];
        der.extend_from_slice(number);
        der
    };
    let body = [integer(r), integer(s)].concat();
    let mut der = vec![0x30, u8::try_from(body.len()).unwrap()];
    der.extend(body);
    der
}

/// webauthn-rs before 0.5.5, lbuchs/WebAuthn 122, passkey-rs 92.
#[test]
fn evil_suffix_origin_without_a_dot() {
    for origin in [
        "https://evillogin.example.com",
        "https://evil-login.example.com",
        "https://login.example.com.evil.example",
        "https://login.example.com:8443",
        "https://sub.login.example.com",
        "https://xexample.com",
        "https://login.example.com@evil.example",
    ] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        let registered = register_with(&host, &authenticator, |create| {
            create.client_data["origin"] = origin.into();
        });
        assert_eq!(code(registered), Code::OriginMismatch, "{origin}");
        register(&host, &authenticator);
        let signed_in = sign_in_with(&host, &authenticator, |get| {
            get.client_data["origin"] = origin.into();
        });
        assert_eq!(code(signed_in), Code::OriginMismatch, "{origin}");
    }
}

/// CVE-2026-46419: the credential was not compared with the named user's.
#[test]
fn ceremony_of_b_answered_with_the_key_of_a() {
    let host = MemoryHost::new();
    let (a, b) = (Authenticator::new(1), Authenticator::new(2));
    register(&host, &a);
    bobs_registration(&host, &b);
    for handle in [None, a.user_handle.clone(), b.user_handle.clone()] {
        let options = begin_sign_in(&host, Subject::Account(BOB.to_owned()));
        let mut answer = a.get(&options);
        answer.user_handle = handle;
        assert_eq!(code(finish_sign_in(&host, answer)), Code::CredentialUnknown);
    }
}

/// The second half of CVE-2026-46419: B has no passkey at all.
#[test]
fn user_without_any_key_answered_with_the_key_of_a() {
    let host = MemoryHost::new();
    let a = Authenticator::new(1);
    register(&host, &a);
    let options = begin_sign_in(&host, Subject::Account(BOB.to_owned()));
    assert!(!options.allow_credentials.is_empty(), "the list is decoys");
    let answer = a.get(&options);
    assert_eq!(code(finish_sign_in(&host, answer)), Code::CredentialUnknown);
}

/// webauthn-framework 215: an empty list was taken for a discoverable sign-in.
#[test]
fn empty_allow_list_is_not_anyone() {
    let host = MemoryHost::new();
    let a = Authenticator::new(1);
    register(&host, &a);
    for subject in [
        Subject::Account(BOB.to_owned()),
        Subject::UnknownName("mallory".to_owned()),
    ] {
        let options = begin_sign_in(&host, subject);
        host.change_ceremony(&options.ceremony, |ceremony| ceremony.credentials.clear());
        let answer = a.get(&options);
        assert_eq!(code(finish_sign_in(&host, answer)), Code::CredentialUnknown);
    }
}

/// CVE-2026-8830: what was asked for was only enforced by the browser.
#[test]
fn policy_dropped_by_the_client() {
    // The algorithm.
    let host = MemoryHost::new();
    host.profile.borrow_mut().algorithms = vec![-7];
    let registered = register_with(
        &host,
        &Authenticator::with_key(TestKey::generate(-8)),
        |_| {},
    );
    assert_eq!(code(registered), Code::AlgorithmNotAllowed);

    // The attestation.
    let host = MemoryHost::new();
    host.profile.borrow_mut().attestation = AttestationConveyance::Direct;
    host.anchor(vec![Authority::root(-7).der]);
    let registered = register_with(&host, &Authenticator::new(1), |_| {});
    assert_eq!(code(registered), Code::AttestationUntrusted);

    // The list of excluded passkeys.
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let registered = register_with(&host, &authenticator, |_| {});
    assert_eq!(code(registered), Code::CredentialExists);
}

/// CVE-2026-37982: one enrolment served twice, and put a thief's key on the account.
#[test]
fn enrolment_ceremony_replayed() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    finish_registration(&host, Authenticator::new(1).create(&options)).unwrap();
    let thief = Authenticator::new(2);
    assert_eq!(
        code(finish_registration(&host, thief.create(&options))),
        Code::CeremonyUsed
    );
    assert_eq!(host.only().id, Authenticator::new(1).credential_id);
}

/// GHSA-h4fw-6r7f-w494: the answer could lower the requirement.
#[test]
fn user_verification_downgraded() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    let options = registration::begin(
        &host,
        BeginRequest {
            user_verification: Some(UserVerification::Required),
            ..registration_request(ALICE)
        },
    )
    .unwrap();
    let mut create = authenticator.create(&options);
    create.flags &= !UV;
    // What the relying party says by now does not count either.
    host.profile.borrow_mut().user_verification = UserVerification::Discouraged;
    assert_eq!(
        code(finish_registration(&host, create)),
        Code::UserVerificationMissing
    );

    register(&host, &authenticator);
    let options = authentication::begin(
        &host,
        get::BeginRequest {
            rp_id: RP.to_owned(),
            subject: Subject::Account(ALICE.to_owned()),
            user_verification: Some(UserVerification::Required),
            hints: Vec::new(),
            extensions: "{}".to_owned(),
        },
    )
    .unwrap();
    let mut answer = authenticator.get(&options);
    answer.flags &= !UV;
    assert_eq!(
        code(finish_sign_in(&host, answer)),
        Code::UserVerificationMissing
    );
}

/// GHSA-6hxq-p678-4hr2: the chain's own self-signed root was taken for an anchor.
#[test]
fn x5c_with_its_own_root() {
    let host = MemoryHost::new();
    host.anchor(vec![Authority::root(-7).der]);
    let root = Authority::root(-7);
    let attesting = TestKey::generate(-7);
    let x5c = [root.issue(&packed_leaf(), &attesting), root.der.clone()];
    let registered = register_with(&host, &Authenticator::new(1), |create| {
        create.format = "packed";
        create.aaguid = [7; 16];
        create.statement = Statement::Made(Box::new(move |data, hash, _| {
            let sig = attesting.sign(&[data, hash].concat());
            cbor_map(&[
                ("alg", Value::Integer(-7)),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ])
        }));
    });
    assert_eq!(code(registered), Code::AttestationUntrusted);
    assert!(host.credentials.borrow().is_empty());
}

/// CVE-2025-71400: whoever knew an id could delete the passkey.
#[test]
fn deleting_the_passkey_of_another_user() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    let id = host.only().id;
    assert_eq!(code(lifecycle::revoke(&host, RP, BOB, &id)), Code::NotFound);
    assert_eq!(host.only().id, id);
}

/// better-auth 9622: the kind of a ceremony was not kept with its challenge.
#[test]
fn registration_challenge_used_to_sign_in() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let registration = begin_registration(&host);
    let sign_in = begin_sign_in(&host, Subject::Account(ALICE.to_owned()));

    // The registration's challenge in an answer to a sign-in.
    let mut answer = authenticator.get(&sign_in);
    answer.client_data["challenge"] = base64url::encode(&registration.challenge).into();
    assert_eq!(code(finish_sign_in(&host, answer)), Code::ChallengeMismatch);

    // The registration itself, finished as a sign-in.
    let mut answer = authenticator.get(&sign_in);
    answer.client_data["challenge"] = base64url::encode(&registration.challenge).into();
    answer.ceremony = registration.ceremony;
    assert_eq!(code(finish_sign_in(&host, answer)), Code::NotFound);
}

/// tempo accounts 460: a second registration of an id took the passkey over.
#[test]
fn same_credential_id_registered_by_two_users() {
    let host = MemoryHost::new();
    let (first, mut second) = (Authenticator::new(1), Authenticator::new(2));
    second.credential_id.clone_from(&first.credential_id);
    let alices = begin_registration(&host);
    let bobs = registration::begin(&host, registration_request(BOB)).unwrap();
    finish_registration(&host, first.create(&alices)).unwrap();
    assert_eq!(
        code(finish_registration(&host, second.create(&bobs))),
        Code::CredentialExists
    );
    assert_eq!(host.only().user_id, ALICE);
    assert_eq!(host.only().public_key, first.public_key());
}

/// CVE-2022-21449: zeros were a signature of everything.
#[test]
fn signature_of_zeros() {
    const ORDER: [u8; 33] = [
        0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25,
        0x51,
    ];
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    for signature in [
        ecdsa(&[0], &[0]),
        ecdsa(&[0], &[1]),
        ecdsa(&[1], &[0]),
        ecdsa(&ORDER, &ORDER),
        ecdsa(&ORDER, &[1]),
        vec![0; 64],
        vec![0; 72],
        Vec::new(),
    ] {
        let options = begin_sign_in(&host, Subject::Account(ALICE.to_owned()));
        let mut response = authenticator.get(&options).response();
        response.signature = signature;
        let signed_in = authentication::finish(&host, RP, &options.ceremony, response);
        assert_eq!(code(signed_in), Code::SignatureInvalid);
    }
}

/// go-webauthn 412 and 752: key, curve and header could each say another algorithm.
#[test]
fn algorithm_confusion_between_key_and_header() {
    // The statement's header says another algorithm than the key.
    let host = MemoryHost::new();
    host.profile.borrow_mut().algorithms = ALL.to_vec();
    let key = TestKey::generate(-7);
    let registered = register_with(&host, &Authenticator::with_key(key), |create| {
        create.format = "packed";
        create.statement = Statement::Made(Box::new(|data, hash, key| {
            let sig = key.sign(&[data, hash].concat());
            cbor_map(&[("alg", Value::Integer(-257)), ("sig", Value::Bytes(&sig))])
        }));
    });
    assert_eq!(code(registered), Code::AttestationInvalid);

    // The key says EdDSA and holds a point of P-256; it says ES384 on P-256.
    for (algorithm, curve) in [(-8, 1), (-35, 1), (-7, 2)] {
        let registered = register_with(&host, &Authenticator::new(1), |create| {
            let (x, y) = ([1; 32], [2; 32]);
            create.public_key = cose(vec![
                (1, Value::Integer(2)),
                (3, Value::Integer(algorithm)),
                (-1, Value::Integer(curve)),
                (-2, Value::Bytes(&x)),
                (-3, Value::Bytes(&y)),
            ]);
        });
        assert_eq!(code(registered), Code::AlgorithmNotAllowed);
    }

    // A sign-in has no header: the stored key's own algorithm counts.
    let host = MemoryHost::new();
    let rsa = Authenticator::with_key(TestKey::generate(-257));
    register(&host, &rsa);
    let signed_in = sign_in_with(&host, &rsa, |get| {
        get.key = std::rc::Rc::new(TestKey::generate(-7));
    });
    assert_eq!(code(signed_in), Code::SignatureInvalid);
}
