mod attestation;
mod authenticator_data;
mod client_data;

use passkey_manager::bindings::credentials::Status;
use passkey_manager::bindings::registration::BeginRequest;
use passkey_manager::bindings::relying_party::{
    AttestationConveyance, ResidentKey, UserVerification,
};
use passkey_manager::bindings::{Code, store};
use passkey_manager::{base64url, registration};

use crate::kit::*;

fn refused(change: impl FnOnce(&mut Create)) -> Code {
    let host = MemoryHost::new();
    let code = code(register_with(&host, &Authenticator::new(1), change));
    assert!(host.credentials.borrow().is_empty(), "it was stored anyway");
    code
}

#[test]
fn options_follow_the_profile_and_the_request() {
    let host = MemoryHost::new();
    let mut request = registration_request(ALICE);
    request.resident_key = Some(ResidentKey::Required);
    request.attestation = Some(AttestationConveyance::Direct);
    request.hints = vec!["client-device".to_owned()];
    let options = registration::begin(&host, request).unwrap();

    assert_eq!(options.challenge.len(), 32);
    assert!(options.ceremony.len() >= 22);
    assert_eq!(options.expires_at, host.clock.get() + 300_000);
    assert_eq!(options.rp_name, "Example");
    assert_eq!(options.user_verification, UserVerification::Preferred);
    assert_eq!(options.resident_key, ResidentKey::Required);
    assert_eq!(options.attestation, AttestationConveyance::Direct);
    assert_eq!(options.hints, ["client-device"]);
    assert_eq!(options.extensions, r#"{"credProps":true}"#);
    assert_eq!(options.algorithms, [-8, -7, -257]);

    let (stored, _) = host.ceremonies.borrow()[&options.ceremony].clone();
    assert_eq!(stored.challenge, options.challenge);
    assert_eq!(stored.resident_key, ResidentKey::Required);
    assert_eq!(stored.algorithms, [-8, -7, -257]);
    assert_eq!(stored.extensions, ["credProps"]);
}

#[test]
fn two_ceremonies_share_neither_id_nor_challenge() {
    let host = MemoryHost::new();
    let (one, two) = (begin_registration(&host), begin_registration(&host));
    assert_ne!(one.ceremony, two.ceremony);
    assert_ne!(one.challenge, two.challenge);
}

/// What lies side by side in a store's index costs less to write; what nobody can guess comes after it.
#[test]
fn id_of_a_ceremony_begins_with_its_time() {
    let host = MemoryHost::new();
    let now = host.clock.get().to_be_bytes();
    let [one, two] = [(), ()].map(|()| {
        let options = begin_registration(&host);
        base64url::decode(&options.ceremony).unwrap()
    });
    for id in [&one, &two] {
        assert_eq!((id.len(), &id[..6]), (24, &now[2..]));
    }
    assert_ne!(one[6..], two[6..]);
}

#[test]
fn passkey_is_stored_as_the_authenticator_described_it() {
    let host = MemoryHost::new();
    let mut authenticator = Authenticator::new(1);
    authenticator.aaguid = [
        0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75,
        0xd4,
    ];
    let registered = register_with(&host, &authenticator, |create| {
        create.flags |= BS;
        create.sign_count = 3;
    })
    .unwrap();

    let stored = host.only();
    assert_eq!(stored.user_id, ALICE);
    assert_eq!(stored.id, authenticator.credential_id);
    assert_eq!(stored.public_key, authenticator.public_key());
    assert_eq!(stored.algorithm, -7);
    assert_eq!(stored.sign_count, 3);
    assert_eq!(stored.transports, ["internal", "hybrid"]);
    assert!(stored.backup_eligible && stored.backup_state && stored.user_verified);
    assert_eq!(stored.discoverable, Some(true));
    assert_eq!(stored.attestation_format, "none");
    assert_eq!(stored.status, Status::Active);
    assert_eq!(stored.created_at, host.clock.get());
    assert_eq!(stored.last_used_at, None);
    assert_eq!(registered.user.id, ALICE);
    assert_eq!(
        registered.passkey.provider.as_deref(),
        Some("Google Password Manager")
    );
    assert_eq!(registered.passkey.label, "Google Password Manager");
}

#[test]
fn label_is_trimmed_and_bounded() {
    let labelled = |label: &str| {
        let host = MemoryHost::new();
        let options = begin_registration(&host);
        let create = Authenticator::new(1).create(&options);
        registration::finish(
            &host,
            RP,
            &options.ceremony,
            create.response(),
            Some(label.to_owned()),
        )
    };
    assert_eq!(
        labelled("  work laptop ").unwrap().passkey.label,
        "work laptop"
    );
    assert!(labelled(&"é".repeat(64)).is_ok());
    assert_eq!(code(labelled(&"é".repeat(65))), Code::Malformed);
    assert_eq!(code(labelled("   ")), Code::Malformed);
    assert_eq!(code(labelled("a\u{7}b")), Code::Malformed);
}

#[test]
fn label_defaults_to_passkey_for_an_unknown_product() {
    let host = MemoryHost::new();
    let registered = register(&host, &Authenticator::new(1));
    assert_eq!(registered.passkey.label, "Passkey");
    assert_eq!(registered.passkey.provider, None);
}

#[test]
fn existing_passkeys_are_excluded() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    let options = begin_registration(&host);
    assert_eq!(options.exclude_credentials.len(), 1);
    assert_eq!(options.exclude_credentials[0].id, vec![1; 20]);
    assert_eq!(
        options.exclude_credentials[0].transports,
        ["internal", "hybrid"]
    );
}

#[test]
fn registrations_that_began_without_a_sign_in_add_the_first_passkey_and_no_other() {
    for step_up in [false, true] {
        let host = MemoryHost::new();
        host.profile.borrow_mut().lifecycle.step_up = step_up;
        let (first, second) = (Authenticator::new(1), Authenticator::new(2));
        let (early, other) = (begin_registration(&host), begin_registration(&host));
        finish_registration(&host, first.create(&early)).unwrap();
        let finished = finish_registration(&host, second.create(&other));
        if !step_up {
            finished.unwrap();
            continue;
        }
        assert_eq!(code(finished), Code::NotPermitted);
        assert_eq!(host.only().id, first.credential_id);
        // One that began with the passkey there was asked for the sign-in.
        let options = begin_registration(&host);
        finish_registration(&host, second.create(&options)).unwrap();
    }
}

#[test]
fn excluded_passkey_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    assert_eq!(
        code(register_with(&host, &authenticator, |_| {})),
        Code::CredentialExists
    );
}

#[test]
fn passkey_of_another_account_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.change_only(|known| known.user_id = BOB.to_owned());
    assert_eq!(
        code(register_with(&host, &authenticator, |_| {})),
        Code::CredentialExists
    );
    assert_eq!(host.only().user_id, BOB);
}

#[test]
fn passkey_that_is_not_discoverable_is_refused_where_that_is_required() {
    let undiscoverable = r#"{"credProps":{"rk":false}}"#;
    for (required, results, accepted) in [
        (ResidentKey::Required, undiscoverable, false),
        (ResidentKey::Preferred, undiscoverable, true),
        (ResidentKey::Discouraged, undiscoverable, true),
        (ResidentKey::Required, r#"{"credProps":{"rk":true}}"#, true),
        // The browser does not say.
        (ResidentKey::Required, r#"{"credProps":{}}"#, true),
        (ResidentKey::Required, "{}", true),
    ] {
        let host = MemoryHost::new();
        let request = BeginRequest {
            resident_key: Some(required),
            ..registration_request(ALICE)
        };
        let options = registration::begin(&host, request).unwrap();
        // What the relying party says by now does not count.
        host.profile.borrow_mut().resident_key = ResidentKey::Discouraged;
        let mut create = Authenticator::new(1).create(&options);
        create.extension_results = results.to_owned();
        let registered = finish_registration(&host, create);
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::NotPermitted);
            assert!(host.credentials.borrow().is_empty());
        }
    }
}

#[test]
fn reused_ceremony_is_refused() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    finish_registration(&host, Authenticator::new(1).create(&options)).unwrap();
    let again = finish_registration(&host, Authenticator::new(2).create(&options));
    assert_eq!(code(again), Code::CeremonyUsed);
}

#[test]
fn ceremony_is_spent_by_a_refusal_too() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let mut create = Authenticator::new(1).create(&options);
    create.client_data_raw = Some(b"{".to_vec());
    assert_eq!(code(finish_registration(&host, create)), Code::Malformed);
    let again = finish_registration(&host, Authenticator::new(1).create(&options));
    assert_eq!(code(again), Code::CeremonyUsed);
}

#[test]
fn expired_ceremony_is_refused() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    host.clock.set(options.expires_at);
    let late = finish_registration(&host, Authenticator::new(1).create(&options));
    assert_eq!(code(late), Code::CeremonyExpired);
}

#[test]
fn unknown_ceremony_is_refused() {
    assert_eq!(
        refused(|create| create.ceremony = "AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        Code::NotFound
    );
}

#[test]
fn sign_in_ceremony_does_not_register() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let mut create = Authenticator::new(1).create(&options);
    create.ceremony = begin_sign_in(&host, passkey_manager::bindings::Subject::Anyone).ceremony;
    assert_eq!(code(finish_registration(&host, create)), Code::NotFound);
}

#[test]
fn unknown_relying_party_is_refused() {
    let host = MemoryHost::new();
    let mut request = registration_request(ALICE);
    request.rp_id = "other.example".to_owned();
    assert_eq!(code(registration::begin(&host, request)), Code::NotFound);
}

#[test]
fn user_id_that_is_no_uuid_is_refused() {
    let host = MemoryHost::new();
    for id in ["", "alice", "0190b6c16e2a7d2f9d3b0f7a3c5e1a01"] {
        let request = registration_request(id);
        assert_eq!(code(registration::begin(&host, request)), Code::Malformed);
    }
}

#[test]
fn bad_hints_are_refused() {
    let host = MemoryHost::new();
    for hints in [
        vec![String::new()],
        vec!["a b".to_owned()],
        vec!["x".to_owned(); 17],
    ] {
        let mut request = registration_request(ALICE);
        request.hints = hints;
        assert_eq!(code(registration::begin(&host, request)), Code::Malformed);
    }
}

#[test]
fn profile_without_a_usable_algorithm_is_refused() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().algorithms = vec![-65_535, -47];
    let begun = registration::begin(&host, registration_request(ALICE));
    assert_eq!(code(begun), Code::AlgorithmNotAllowed);
}

#[test]
fn store_errors_keep_their_meaning() {
    for (error, at_begin, at_finish) in [
        (
            store::Error::NotPermitted,
            Code::NotPermitted,
            Code::NotPermitted,
        ),
        (store::Error::Busy, Code::Busy, Code::Busy),
        // At the finish the ceremony is asked for, by an id that none can have.
        (store::Error::Malformed, Code::Malformed, Code::NotFound),
    ] {
        let host = MemoryHost::new();
        let options = begin_registration(&host);
        let create = Authenticator::new(1).create(&options);
        host.store_error.set(Some(error));
        let begun = registration::begin(&host, registration_request(ALICE));
        assert_eq!(code(begun), at_begin);
        assert_eq!(code(finish_registration(&host, create)), at_finish);
    }
}

#[test]
fn bad_transports_and_extension_results_are_refused() {
    assert_eq!(
        refused(|create| create.transports = vec!["a b".to_owned()]),
        Code::Malformed
    );
    for results in ["", "[]", "null", "{", r#"{"credProps":1}"#] {
        assert_eq!(
            refused(|create| create.extension_results = results.to_owned()),
            Code::Malformed,
            "{results}"
        );
    }
}
