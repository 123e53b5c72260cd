use passkey_manager::authentication;
use passkey_manager::bindings::authentication as wit;
use passkey_manager::bindings::{Code, Subject, store};

use super::{account, refused};
use crate::kit::*;

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
fn account_id_that_is_no_uuid_is_refused() {
    let host = MemoryHost::new();
    let request = wit::BeginRequest {
        rp_id: RP.to_owned(),
        subject: Subject::Account("alice".to_owned()),
        user_verification: None,
        hints: Vec::new(),
        extensions: "{}".to_owned(),
    };
    assert_eq!(code(authentication::begin(&host, request)), Code::Malformed);
}

#[test]
fn hints_of_a_request_are_passed_on_and_bad_ones_refused() {
    let host = MemoryHost::new();
    let begin = |hints: &[&str]| {
        let request = wit::BeginRequest {
            rp_id: RP.to_owned(),
            subject: Subject::Anyone,
            user_verification: None,
            hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
            extensions: "{}".to_owned(),
        };
        authentication::begin(&host, request)
    };
    let options = begin(&["security-key", "brand-new"]).unwrap();
    assert_eq!(options.hints, ["security-key", "brand-new"]);
    assert!(begin(&[]).unwrap().hints.is_empty());
    for hints in [&[""][..], &["a b"], &["x"; 17]] {
        assert_eq!(code(begin(hints)), Code::Malformed);
    }
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
