//! What a stranger can learn about names: nothing.

use passkey_manager::bindings::authentication::RequestOptions;
use passkey_manager::bindings::registration::Registered;
use passkey_manager::bindings::relying_party::CredentialForm;
use passkey_manager::bindings::{Code, Rejection, Subject};
use passkey_manager::{decoys, registration, user_handle};

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

fn form(id_length: u32, transport: &str) -> CredentialForm {
    CredentialForm {
        id_length,
        transports: vec![transport.to_owned()],
    }
}

#[test]
fn decoys_have_the_form_that_the_profile_names() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    for (length, expected) in [(20, 20), (64, 64), (250, 250), (1, 16), (9999, 1023)] {
        host.profile.borrow_mut().decoy = Some(form(length, "usb"));
        host.take_calls();
        let options = begin_sign_in(&host, nobody());
        assert!(!host.take_calls().contains(&"typical"));
        assert_eq!(decoy(&options).len(), expected);
        assert_eq!(options.allow_credentials[0].transports, ["usb"]);
    }
}

#[test]
fn decoys_have_the_form_of_the_oldest_credential_and_whoever_comes_later_changes_nothing() {
    let host = MemoryHost::new();
    let options = begin_sign_in(&host, nobody());
    assert_eq!(decoy(&options).len(), 32);
    assert_eq!(
        options.allow_credentials[0].transports,
        ["hybrid", "internal"]
    );

    register(&host, &Authenticator::new(1));
    let oldest = host.only();
    let before = begin_sign_in(&host, nobody()).allow_credentials;
    assert_eq!(before[0].id.len(), oldest.id.len());
    assert_eq!(before[0].transports, oldest.transports);

    for number in 0..=255 {
        let mut later = oldest.clone();
        later.id = vec![0; 40];
        later.id[39] = number;
        later.transports = vec!["usb".to_owned()];
        host.credentials.borrow_mut().push(later);
    }
    let after = begin_sign_in(&host, nobody()).allow_credentials;
    assert_eq!(after[0].id, before[0].id);
    assert_eq!(after[0].transports, before[0].transports);
}

#[test]
fn decoys_of_another_form_share_nothing() {
    let host = MemoryHost::new();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for form in [form(40, "usb"), form(64, "usb"), form(64, "nfc")] {
        host.profile.borrow_mut().decoy = Some(form);
        let id = decoy(&begin_sign_in(&host, nobody()));
        for earlier in &seen {
            assert_ne!(id[..16], earlier[..16]);
        }
        seen.push(id);
    }
}

#[test]
fn known_and_unknown_names_look_alike() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
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
    let bends: [(Bend, Code); 10] = [
        (|_| {}, Code::SignatureInvalid),
        (|get| get.sign_count = 7, Code::SignatureInvalid),
        (
            |get| get.user_handle = Some(vec![0; 16]),
            Code::UserHandleMismatch,
        ),
        // What everybody can work out from the list.
        (
            |get| {
                let pinned = user_handle::of(&decoys::user_id(&get.raw_id)).unwrap();
                get.user_handle = Some(pinned.into());
            },
            Code::UserHandleMismatch,
        ),
        // What the passkey's flag BE is, if it is one.
        (|get| get.flags &= !BE, Code::SignatureInvalid),
        (|get| get.flags |= BS, Code::SignatureInvalid),
        (|get| get.flags = UP | UV | BS, Code::Malformed),
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
    host.profile.borrow_mut().decoy = Some(form(32, "internal"));
    let options = begin_sign_in(&host, nobody());
    let forger = Authenticator::with_public_secret(decoy(&options));
    for sign_count in [0, 1] {
        let options = begin_sign_in(&host, nobody());
        let mut get = forger.get(&options);
        get.sign_count = sign_count;
        assert_eq!(code(finish_sign_in(&host, get)), Code::SignatureInvalid);
    }

    // Not even a passkey under the decoy's own id.
    let squatter = Authenticator::new(3);
    register(&host, &squatter);
    host.change_only(|known| known.id = decoy(&options));
    let options = begin_sign_in(&host, nobody());
    let mut get = squatter.get(&options);
    get.raw_id = decoy(&options);
    get.user_handle = None;
    assert_eq!(code(finish_sign_in(&host, get)), Code::UserHandleMismatch);
}

fn bob_registers(host: &MemoryHost, id: Vec<u8>) -> Result<Registered, Rejection> {
    let mut authenticator = Authenticator::new(2);
    authenticator.credential_id = id;
    let options = registration::begin(host, registration_request(BOB)).unwrap();
    host.take_calls();
    finish_registration(host, authenticator.create(&options))
}

#[test]
fn ids_of_known_and_unknown_names_register_alike() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    let mut calls = Vec::new();
    for length in [16, 20, 64, 1023] {
        host.profile.borrow_mut().decoy = Some(form(length, "internal"));
        for subject in [
            Subject::Account(ALICE.to_owned()),
            nobody(),
            // An account without passkeys.
            Subject::Account(BOB.to_owned()),
        ] {
            let id = decoy(&begin_sign_in(&host, subject));
            let registered = bob_registers(&host, id);
            assert_eq!(code(registered), Code::CredentialExists);
            calls.push(host.take_calls());
        }
    }
    assert_eq!(host.only().user_id, ALICE);
    calls.dedup();
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[test]
fn id_that_only_resembles_one_of_a_list_registers() {
    let host = MemoryHost::new();
    register(&host, &Authenticator::new(1));
    for subject in [Subject::Account(ALICE.to_owned()), nobody()] {
        let id = decoy(&begin_sign_in(&host, subject));
        for at in [0, id.len() - 1] {
            let mut other = id.clone();
            other[at] ^= 1;
            bob_registers(&host, other).unwrap();
        }
        bob_registers(&host, [id.as_slice(), &[0]].concat()).unwrap();
        bob_registers(&host, id[1..].to_vec()).unwrap();
    }
    // Bytes too few to be a decoy.
    bob_registers(&host, vec![7]).unwrap();
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
