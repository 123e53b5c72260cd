use passkey_manager::authentication;
use passkey_manager::bindings::authentication as wit;
use passkey_manager::bindings::credentials::Status;
use passkey_manager::bindings::relying_party::UserVerification;
use passkey_manager::bindings::{Code, Subject, store};
use serde_json::json;

use crate::kit::*;

fn account() -> Subject {
    Subject::Account(ALICE.to_owned())
}

/// A sign-in of Alice with her passkey, bent by `change`: its code, after making
/// sure that no use was recorded.
fn refused(change: impl FnOnce(&mut Get)) -> Code {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let code = code(sign_in_with(&host, &authenticator, change));
    assert_eq!(host.only().last_used_at, None, "a use was recorded");
    code
}

#[test]
fn named_sign_in_succeeds_and_is_recorded() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.clock.set(host.clock.get() + 1000);
    let options = begin_sign_in(&host, account());
    assert_eq!(options.challenge.len(), 32);
    assert_eq!(options.allow_credentials.len(), 1);
    assert_eq!(options.allow_credentials[0].id, authenticator.credential_id);
    assert_eq!(
        options.allow_credentials[0].transports,
        ["internal", "hybrid"]
    );
    assert_eq!(options.extensions, "{}");
    let mut get = authenticator.get(&options);
    get.flags |= BS;
    get.sign_count = 1;
    let authenticated = finish_sign_in(&host, get).unwrap();

    assert_eq!(authenticated.user_id, ALICE);
    assert!(authenticated.user_verified);
    assert_eq!(authenticated.passkey.last_used_at, Some(host.clock.get()));
    assert_eq!(host.only().sign_count, 1);
    assert!(host.only().backup_state);
}

#[test]
fn named_sign_in_needs_no_user_handle() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    sign_in_with(&host, &authenticator, |get| get.user_handle = None).unwrap();
}

#[test]
fn discoverable_sign_in_succeeds() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, Subject::Anyone);
    assert!(options.allow_credentials.is_empty());
    let authenticated = finish_sign_in(&host, authenticator.get(&options)).unwrap();
    assert_eq!(authenticated.user_id, ALICE);
}

#[test]
fn user_verified_tells_what_the_authenticator_did() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let authenticated = sign_in_with(&host, &authenticator, |get| get.flags &= !UV).unwrap();
    assert!(!authenticated.user_verified);
}

#[test]
fn counter_at_zero_stays_at_zero() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    for _ in 0..2 {
        sign_in_with(&host, &authenticator, |_| {}).unwrap();
    }
}

#[test]
fn reused_ceremony_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, account());
    finish_sign_in(&host, authenticator.get(&options)).unwrap();
    assert_eq!(
        code(finish_sign_in(&host, authenticator.get(&options))),
        Code::CeremonyUsed
    );
}

#[test]
fn expired_ceremony_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, account());
    host.clock.set(options.expires_at);
    assert_eq!(
        code(finish_sign_in(&host, authenticator.get(&options))),
        Code::CeremonyExpired
    );
}

#[test]
fn unknown_ceremony_is_refused() {
    assert_eq!(
        refused(|get| get.ceremony = "AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        Code::NotFound
    );
}

#[test]
fn registration_ceremony_does_not_sign_in() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let other = begin_registration(&host).ceremony;
    let crossed = sign_in_with(&host, &authenticator, |get| get.ceremony = other);
    assert_eq!(code(crossed), Code::NotFound);
}

#[test]
fn other_type_is_refused() {
    assert_eq!(
        refused(|get| get.client_data["type"] = json!("webauthn.create")),
        Code::Malformed
    );
}

#[test]
fn other_challenge_is_refused() {
    assert_eq!(
        refused(|get| get.client_data["challenge"] = json!("AAAA")),
        Code::ChallengeMismatch
    );
}

#[test]
fn other_origin_is_refused() {
    for origin in ["https://evil.example", "https://login.example.com/"] {
        assert_eq!(
            refused(|get| get.client_data["origin"] = json!(origin)),
            Code::OriginMismatch
        );
    }
}

#[test]
fn cross_origin_frame_is_refused_unless_allowed() {
    let framed = |get: &mut Get| {
        get.client_data["crossOrigin"] = json!(true);
        get.client_data["topOrigin"] = json!("https://shop.example");
    };
    assert_eq!(refused(framed), Code::OriginMismatch);

    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.profile.borrow_mut().allow_cross_origin = true;
    assert_eq!(
        code(sign_in_with(&host, &authenticator, framed)),
        Code::OriginMismatch
    );
    host.profile.borrow_mut().top_origins = vec!["https://shop.example".to_owned()];
    sign_in_with(&host, &authenticator, framed).unwrap();
}

#[test]
fn cross_origin_frame_without_a_top_origin_is_refused_unless_allowed() {
    let framed = |get: &mut Get| get.client_data["crossOrigin"] = json!(true);
    assert_eq!(refused(framed), Code::OriginMismatch);
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.profile.borrow_mut().allow_cross_origin = true;
    sign_in_with(&host, &authenticator, framed).unwrap();
}

#[test]
fn malformed_client_data_is_refused() {
    for raw in [
        &b""[..],
        b"{}",
        b"[]",
        b"{\"type\":\"a\",\"type\":\"a\"}",
        b"\xff",
    ] {
        assert_eq!(
            refused(|get| get.client_data_raw = Some(raw.to_vec())),
            Code::Malformed
        );
    }
}

#[test]
fn oversized_parts_are_too_large() {
    assert_eq!(
        refused(|get| get.client_data_raw = Some(vec![b' '; 8 * 1024 + 1])),
        Code::TooLarge
    );
    assert_eq!(
        refused(|get| get.authenticator_data_raw = Some(vec![0; 16 * 1024 + 1])),
        Code::TooLarge
    );
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, account());
    let mut response = authenticator.get(&options).response();
    response.signature = vec![0; 8 * 1024 + 1];
    let finished = authentication::finish(&host, RP, &options.ceremony, response);
    assert_eq!(code(finished), Code::TooLarge);
}

#[test]
fn id_must_be_the_text_of_raw_id() {
    assert_eq!(
        refused(|get| get.id = Some("AQEB".to_owned())),
        Code::Malformed
    );
    assert_eq!(refused(|get| get.raw_id = Vec::new()), Code::Malformed);
    assert_eq!(refused(|get| get.raw_id = vec![1; 1024]), Code::Malformed);
}

#[test]
fn passkey_that_was_not_asked_for_is_refused() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    host.change_only(|known| known.user_id = BOB.to_owned());
    register(&host, &Authenticator::new(2));
    // Bob's passkey in Alice's sign-in.
    assert_eq!(
        code(sign_in_with(&host, &Authenticator::new(1), |_| {})),
        Code::CredentialUnknown
    );
}

#[test]
fn unknown_passkey_is_refused_without_a_name() {
    let host = MemoryHost::new();
    let options = begin_sign_in(&host, Subject::Anyone);
    let unknown = finish_sign_in(&host, Authenticator::new(1).get(&options));
    assert_eq!(code(unknown), Code::CredentialUnknown);
}

#[test]
fn revoked_passkey_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, account());
    host.credentials.borrow_mut().clear();
    assert_eq!(
        code(finish_sign_in(&host, authenticator.get(&options))),
        Code::CredentialUnknown
    );
    assert_eq!(
        code(sign_in_with(&host, &authenticator, |_| {})),
        Code::CredentialUnknown
    );
}

#[test]
fn passkey_that_changed_hands_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, account());
    host.change_only(|known| known.user_id = BOB.to_owned());
    let mut get = authenticator.get(&options);
    get.user_handle = None;
    assert_eq!(code(finish_sign_in(&host, get)), Code::UserHandleMismatch);
}

#[test]
fn other_user_handle_is_refused() {
    for handle in [vec![], vec![0; 16], ALICE.as_bytes().to_vec()] {
        assert_eq!(
            refused(|get| get.user_handle = Some(handle)),
            Code::UserHandleMismatch
        );
    }
}

#[test]
fn discoverable_sign_in_needs_the_user_handle() {
    for handle in [None, Some(vec![0; 16])] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        register(&host, &authenticator);
        let options = begin_sign_in(&host, Subject::Anyone);
        let mut get = authenticator.get(&options);
        get.user_handle = handle;
        assert_eq!(code(finish_sign_in(&host, get)), Code::UserHandleMismatch);
    }
}

#[test]
fn suspended_passkey_is_refused_until_resumed() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.change_only(|known| known.status = Status::Suspended);
    assert_eq!(
        code(sign_in_with(&host, &authenticator, |_| {})),
        Code::CredentialSuspended
    );
    let options = begin_sign_in(&host, Subject::Anyone);
    assert_eq!(
        code(finish_sign_in(&host, authenticator.get(&options))),
        Code::CredentialSuspended
    );
    // Who can't sign does not learn that it is suspended.
    assert_eq!(
        code(sign_in_with(&host, &authenticator, |get| get.forge = true)),
        Code::SignatureInvalid
    );
    host.change_only(|known| known.status = Status::Active);
    sign_in_with(&host, &authenticator, |_| {}).unwrap();
}

#[test]
fn authenticator_data_is_read_to_the_last_byte() {
    assert_eq!(
        refused(|get| get.authenticator_data_raw = Some(vec![0; 36])),
        Code::Malformed
    );
    assert_eq!(refused(|get| get.trailing = vec![0]), Code::Malformed);
    assert_eq!(refused(|get| get.flags |= ED), Code::Malformed);
    assert_eq!(refused(|get| get.flags |= AT), Code::Malformed);
    assert_eq!(refused(|get| get.flags |= 2), Code::Malformed);
    assert_eq!(refused(|get| get.flags |= 32), Code::Malformed);
}

#[test]
fn authenticator_extensions_are_accepted() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    sign_in_with(&host, &authenticator, |get| {
        get.flags |= ED;
        get.trailing = vec![0xa1, 0x61, b'x', 0xf5];
    })
    .unwrap();
}

#[test]
fn other_relying_party_is_refused() {
    assert_eq!(
        refused(|get| get.rp_id = "example.com".to_owned()),
        Code::RpIdMismatch
    );
}

#[test]
fn missing_user_presence_is_refused() {
    assert_eq!(refused(|get| get.flags &= !UP), Code::UserPresenceMissing);
}

#[test]
fn missing_user_verification_is_refused_where_required() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let request = wit::BeginRequest {
        rp_id: RP.to_owned(),
        subject: account(),
        user_verification: Some(UserVerification::Required),
        extensions: "{}".to_owned(),
    };
    let options = authentication::begin(&host, request).unwrap();
    let mut get = authenticator.get(&options);
    get.flags &= !UV;
    assert_eq!(
        code(finish_sign_in(&host, get)),
        Code::UserVerificationMissing
    );
}

#[test]
fn backup_eligibility_must_not_change() {
    assert_eq!(refused(|get| get.flags &= !BE), Code::Malformed);
}

#[test]
fn backup_state_without_eligibility_is_refused() {
    assert_eq!(refused(|get| get.flags = UP | UV | BS), Code::Malformed);
}

#[test]
fn wrong_signature_is_refused() {
    assert_eq!(refused(|get| get.forge = true), Code::SignatureInvalid);
}

#[test]
fn signature_of_another_key_is_refused() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    let mut thief = Authenticator::new(2);
    thief.credential_id = vec![1; 20];
    assert_eq!(
        code(sign_in_with(&host, &thief, |_| {})),
        Code::SignatureInvalid
    );
}

#[test]
fn counter_must_grow_once_it_is_used() {
    for (before, now) in [(5, 5), (5, 4), (5, 0), (u32::MAX, 1)] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        register(&host, &authenticator);
        host.change_only(|known| known.sign_count = before);
        let regressed = sign_in_with(&host, &authenticator, |get| get.sign_count = now);
        assert_eq!(code(regressed), Code::CounterRegressed);
        assert_eq!(host.only().sign_count, before);
        assert_eq!(host.only().last_used_at, None);
        assert_eq!(host.warnings.borrow().len(), 1, "the clone alarm");
    }
}

#[test]
fn signature_is_checked_before_the_counter() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.change_only(|known| known.sign_count = 9);
    let forged = sign_in_with(&host, &authenticator, |get| get.forge = true);
    assert_eq!(code(forged), Code::SignatureInvalid);
}

#[test]
fn use_recorded_meanwhile_regresses_the_counter() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.other_use.set(Some(50));
    let late = sign_in_with(&host, &authenticator, |get| get.sign_count = 50);
    assert_eq!(code(late), Code::CounterRegressed);
    // One that is ahead of the other all the same is believed.
    host.other_use.set(Some(60));
    let ahead = sign_in_with(&host, &authenticator, |get| get.sign_count = 61).unwrap();
    assert_eq!(ahead.passkey.sign_count, 61);
}

#[test]
fn use_that_the_store_refuses_is_no_sign_in() {
    for (error, expected) in [
        (store::Error::Conflict, Code::Busy),
        (store::Error::Locked, Code::RateLimited),
        (store::Error::NotFound, Code::CredentialUnknown),
        (store::Error::NotPermitted, Code::NotPermitted),
        (store::Error::Busy, Code::Busy),
    ] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        register(&host, &authenticator);
        host.use_error.set(Some(error));
        assert_eq!(code(sign_in_with(&host, &authenticator, |_| {})), expected);
    }
}

#[test]
fn account_id_that_is_no_uuid_is_refused() {
    let host = MemoryHost::new();
    let request = wit::BeginRequest {
        rp_id: RP.to_owned(),
        subject: Subject::Account("alice".to_owned()),
        user_verification: None,
        extensions: "{}".to_owned(),
    };
    assert_eq!(code(authentication::begin(&host, request)), Code::Malformed);
}

#[test]
fn store_errors_keep_their_meaning() {
    for (error, expected) in [
        (store::Error::NotPermitted, Code::NotPermitted),
        (store::Error::Busy, Code::Busy),
        // The first thing asked for is the ceremony, by an id that none can have.
        (store::Error::Malformed, Code::NotFound),
    ] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        register(&host, &authenticator);
        let options = begin_sign_in(&host, account());
        host.store_error.set(Some(error));
        let get = authenticator.get(&options);
        assert_eq!(code(finish_sign_in(&host, get)), expected);
    }
}

#[test]
fn every_single_bit_of_the_signed_bytes_counts() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    for bit in 0..37 * 8 {
        let options = begin_sign_in(&host, account());
        let mut response = authenticator.get(&options).response();
        response.authenticator_data[bit / 8] ^= 1 << (bit % 8);
        let finished = authentication::finish(&host, RP, &options.ceremony, response);
        assert!(finished.is_err(), "bit {bit}");
    }
    assert_eq!(host.only().last_used_at, None);
}
