//! What a stranger can learn about names: nothing.

use passkey_manager::bindings::authentication::RequestOptions;
use passkey_manager::bindings::{Code, Subject};

use crate::kit::*;

fn nobody() -> Subject {
    Subject::UnknownName("nobody".to_owned())
}

fn decoy(options: &RequestOptions) -> Vec<u8> {
    assert_eq!(options.allow_credentials.len(), 1);
    options.allow_credentials[0].id.clone()
}

#[test]
fn decoys_are_stable_and_differ_by_name() {
    let host = MemoryHost::new();
    let one = decoy(&begin_sign_in(&host, nobody()));
    assert_eq!(decoy(&begin_sign_in(&host, nobody())), one);
    let other = Subject::UnknownName("somebody".to_owned());
    assert_ne!(decoy(&begin_sign_in(&host, other)), one);
}

#[test]
fn decoys_have_the_usual_form() {
    let host = MemoryHost::new();
    for (length, expected) in [
        (20, 20),
        (64, 64),
        (250, 250),
        (1, 16),
        (9999, 1023),
        (0, 32),
    ] {
        host.typical.borrow_mut().id_length = length;
        let options = begin_sign_in(&host, nobody());
        assert_eq!(decoy(&options).len(), expected);
    }
    host.typical.borrow_mut().id_length = 20;
    host.typical.borrow_mut().transports = vec!["usb".to_owned()];
    let options = begin_sign_in(&host, nobody());
    assert_eq!(options.allow_credentials[0].transports, ["usb"]);
}

#[test]
fn known_and_unknown_names_look_alike() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    host.typical.borrow_mut().transports = vec!["internal".to_owned(), "hybrid".to_owned()];
    host.take_calls();

    let known = begin_sign_in(&host, Subject::Account(ALICE.to_owned()));
    let known_calls = host.take_calls();
    let unknown = begin_sign_in(&host, nobody());
    assert_eq!(host.take_calls(), known_calls);
    let without_passkeys = begin_sign_in(&host, Subject::Account(BOB.to_owned()));
    assert_eq!(host.take_calls(), known_calls);

    for other in [&unknown, &without_passkeys] {
        assert_eq!(other.ceremony.len(), known.ceremony.len());
        assert_eq!(other.challenge.len(), known.challenge.len());
        assert_eq!(other.expires_at, known.expires_at);
        assert_eq!(other.timeout, known.timeout);
        assert_eq!(other.user_verification, known.user_verification);
        assert_eq!(other.extensions, known.extensions);
        assert_eq!(other.allow_credentials.len(), 1);
        assert_eq!(
            other.allow_credentials[0].id.len(),
            known.allow_credentials[0].id.len()
        );
        assert_eq!(
            other.allow_credentials[0].transports,
            known.allow_credentials[0].transports
        );
    }
}

#[test]
fn guesses_at_known_and_unknown_names_are_refused_alike() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    type Bend = fn(&mut Get);
    let bends: [(Bend, Code); 6] = [
        (|_| {}, Code::SignatureInvalid),
        (|get| get.sign_count = 7, Code::SignatureInvalid),
        (
            |get| get.user_handle = Some(vec![0; 16]),
            Code::UserHandleMismatch,
        ),
        (|get| get.flags &= !UP, Code::UserPresenceMissing),
        (
            |get| get.rp_id = "evil.example".to_owned(),
            Code::RpIdMismatch,
        ),
        (|get| get.trailing = vec![0], Code::Malformed),
    ];
    for (bend, expected) in bends {
        let mut calls = Vec::new();
        for subject in [Subject::Account(ALICE.to_owned()), nobody()] {
            let options = begin_sign_in(&host, subject);
            let mut guess = Authenticator::new(9).get(&options);
            guess.raw_id = options.allow_credentials[0].id.clone();
            guess.user_handle = None;
            bend(&mut guess);
            host.take_calls();
            assert_eq!(code(finish_sign_in(&host, guess)), expected);
            calls.push(host.take_calls());
        }
        assert_eq!(calls[0], calls[1]);
    }
}

#[test]
fn nothing_fulfils_a_decoy() {
    let host = MemoryHost::new();
    let options = begin_sign_in(&host, nobody());
    let forger = Authenticator::with_public_secret(decoy(&options));
    for sign_count in [0, 1] {
        let options = begin_sign_in(&host, nobody());
        let mut get = forger.get(&options);
        get.sign_count = sign_count;
        assert_eq!(code(finish_sign_in(&host, get)), Code::SignatureInvalid);
    }

    // Not even a registration under the decoy's own id.
    let mut squatter = Authenticator::new(3);
    squatter.credential_id = decoy(&options);
    register(&host, &squatter);
    let options = begin_sign_in(&host, nobody());
    let mut get = squatter.get(&options);
    get.user_handle = None;
    assert_eq!(code(finish_sign_in(&host, get)), Code::UserHandleMismatch);
}

#[test]
fn passkey_that_is_not_on_a_decoys_list_is_refused() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    let options = begin_sign_in(&host, nobody());
    assert_eq!(
        code(finish_sign_in(&host, authenticator.get(&options))),
        Code::CredentialUnknown
    );
}
