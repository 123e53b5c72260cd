use passkey_manager::authentication;
use passkey_manager::bindings::authentication as wit;
use passkey_manager::bindings::relying_party::UserVerification;
use passkey_manager::bindings::{Code, Subject};

use super::{account, refused};
use crate::kit::*;

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
fn repeated_credential_is_the_one_that_signs() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let known = host.only();
    let repeated = |id: &[u8], key: &[u8]| {
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        [&[0; 16][..], &length, id, key].concat()
    };
    let sign_in = |attested: Vec<u8>| {
        sign_in_with(&host, &authenticator, |get| {
            get.flags |= AT;
            get.trailing = attested;
        })
    };
    sign_in(repeated(&known.id, &known.public_key)).unwrap();
    let other_key = Authenticator::new(2).key.cose();
    for wrong in [
        repeated(b"another credential", &known.public_key),
        repeated(&known.id, &other_key),
    ] {
        assert_eq!(code(sign_in(wrong.clone())), Code::Malformed);
        // Only who holds the key gets to know.
        let forged = sign_in_with(&host, &authenticator, |get| {
            get.flags |= AT;
            get.trailing = wrong;
            get.forge = true;
        });
        assert_eq!(code(forged), Code::SignatureInvalid);
    }
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
        hints: Vec::new(),
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

/// What it was is nobody's business but the key holder's.
#[test]
fn backup_eligibility_is_asked_after_the_signature() {
    let forged = |get: &mut Get| {
        get.flags &= !BE;
        get.forge = true;
    };
    assert_eq!(refused(forged), Code::SignatureInvalid);
}

/// What needs no store is said of every passkey, stored or not.
#[test]
fn data_is_checked_before_the_passkey_is_looked_up() {
    for (change, expected) in [
        (
            (|get| get.rp_id = "example.com".to_owned()) as fn(&mut Get),
            Code::RpIdMismatch,
        ),
        (|get| get.flags &= !UP, Code::UserPresenceMissing),
        (|get| get.flags = UP | UV | BS, Code::Malformed),
        (|_| {}, Code::CredentialUnknown),
    ] {
        let host = MemoryHost::new();
        register(&host, &Authenticator::new(1));
        // Not on the list, and not stored.
        let named = sign_in_with(&host, &Authenticator::new(2), change);
        assert_eq!(code(named), expected);
        let options = begin_sign_in(&host, Subject::Anyone);
        let mut get = Authenticator::new(2).get(&options);
        change(&mut get);
        assert_eq!(code(finish_sign_in(&host, get)), expected);
    }
}

#[test]
fn backup_state_without_eligibility_is_refused() {
    assert_eq!(refused(|get| get.flags = UP | UV | BS), Code::Malformed);
}
