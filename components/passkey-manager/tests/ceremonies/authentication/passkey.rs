use passkey_manager::bindings::credentials::Status;
use passkey_manager::bindings::{Code, Subject};

use super::{account, refused};
use crate::kit::*;

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
