use passkey_manager::authentication;
use passkey_manager::bindings::{Code, store};

use super::{account, refused};
use crate::kit::*;

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

/// Each flipped bit has the code of what it is part of; where nothing else is wrong with
/// the bytes, the signature is.
#[test]
fn every_single_bit_of_the_signed_bytes_counts() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    for bit in 0..37 * 8 {
        let options = begin_sign_in(&host, account());
        let mut response = authenticator.get(&options).response();
        let (byte, mask) = (bit / 8, 1_u8 << (bit % 8));
        response.authenticator_data[byte] ^= mask;
        let finished = authentication::finish(&host, RP, &options.ceremony, response);
        let expected = match (byte, mask) {
            (0..32, _) => Code::RpIdMismatch,
            (32, UP) => Code::UserPresenceMissing,
            // UV was only preferred, BE is the stored passkey's to know, and BS may change.
            (32, UV | BE | BS) => Code::SignatureInvalid,
            // Reserved ones, and AT and ED without their bytes.
            (32, _) => Code::Malformed,
            _ => Code::SignatureInvalid,
        };
        assert_eq!(code(finished), expected, "bit {bit}");
    }
    assert_eq!(host.only().last_used_at, None);
}

#[test]
fn every_single_bit_of_the_client_data_counts() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let whole = authenticator.get(&begin_sign_in(&host, account()));
    let length = whole.client_data.to_string().len();
    for bit in 0..length * 8 {
        let options = begin_sign_in(&host, account());
        let mut response = authenticator.get(&options).response();
        response.client_data_json[bit / 8] ^= 1 << (bit % 8);
        let finished = authentication::finish(&host, RP, &options.ceremony, response);
        let code = code(finished);
        let known = [
            // No JSON, no member of that name, or another type.
            Code::Malformed,
            Code::ChallengeMismatch,
            Code::OriginMismatch,
            // A member that nobody reads.
            Code::SignatureInvalid,
        ];
        assert!(known.contains(&code), "bit {bit}: {code:?}");
    }
    assert_eq!(host.only().last_used_at, None);
}
