use passkey_manager::bindings::{Code, Status, store};
use passkey_manager::lifecycle;

use crate::kit::*;

fn with_a_passkey() -> (MemoryHost, Vec<u8>) {
    let host = MemoryHost::new();
    let passkey = register(&host, &Authenticator::new(1)).passkey;
    (host, passkey.id)
}

#[test]
fn own_passkeys_are_listed() {
    let (host, id) = with_a_passkey();
    register(&host, &Authenticator::new(2));
    let passkeys = lifecycle::list(&host, RP, ALICE).unwrap();
    assert_eq!(passkeys.len(), 2);
    assert_eq!(passkeys[0].id, id);
    assert_eq!(passkeys[0].status, Status::Active);
    assert!(lifecycle::list(&host, RP, BOB).unwrap().is_empty());
    assert_eq!(lifecycle::get(&host, RP, ALICE, &id).unwrap().id, id);
}

#[test]
fn passkey_is_renamed() {
    let (host, id) = with_a_passkey();
    let renamed = lifecycle::rename(&host, RP, ALICE, &id, "  blue key ").unwrap();
    assert_eq!(renamed.label, "blue key");
    assert_eq!(host.only().label, "blue key");
}

#[test]
fn bad_label_is_refused() {
    let (host, id) = with_a_passkey();
    for label in ["", " ", "a\nb", &"x".repeat(65)] {
        assert_eq!(
            code(lifecycle::rename(&host, RP, ALICE, &id, label)),
            Code::Malformed
        );
    }
    assert_eq!(host.only().label, "Passkey");
}

#[test]
fn passkey_is_suspended_resumed_and_revoked() {
    let (host, id) = with_a_passkey();
    let status = |result: Result<passkey_manager::bindings::Passkey, _>| {
        let passkey: Result<_, passkey_manager::bindings::Rejection> = result;
        passkey.unwrap().status
    };
    assert_eq!(
        status(lifecycle::suspend(&host, RP, ALICE, &id)),
        Status::Suspended
    );
    assert_eq!(
        status(lifecycle::get(&host, RP, ALICE, &id)),
        Status::Suspended
    );
    assert_eq!(
        status(lifecycle::resume(&host, RP, ALICE, &id)),
        Status::Active
    );
    lifecycle::revoke(&host, RP, ALICE, &id).unwrap();
    assert!(host.credentials.borrow().is_empty());
    assert_eq!(
        code(lifecycle::revoke(&host, RP, ALICE, &id)),
        Code::NotFound
    );
}

#[test]
fn passkey_of_another_account_is_not_found() {
    let (host, id) = with_a_passkey();
    assert_eq!(code(lifecycle::get(&host, RP, BOB, &id)), Code::NotFound);
    assert_eq!(
        code(lifecycle::rename(&host, RP, BOB, &id, "mine")),
        Code::NotFound
    );
    assert_eq!(
        code(lifecycle::suspend(&host, RP, BOB, &id)),
        Code::NotFound
    );
    assert_eq!(code(lifecycle::resume(&host, RP, BOB, &id)), Code::NotFound);
    assert_eq!(code(lifecycle::revoke(&host, RP, BOB, &id)), Code::NotFound);
    assert_eq!(host.only().label, "Passkey");
}

#[test]
fn store_errors_keep_their_meaning() {
    let (host, id) = with_a_passkey();
    for (error, expected) in [
        (store::Error::NotPermitted, Code::NotPermitted),
        (store::Error::Busy, Code::Busy),
        (store::Error::Malformed, Code::Malformed),
    ] {
        host.store_error.set(Some(error));
        assert_eq!(code(lifecycle::list(&host, RP, ALICE)), expected);
        assert_eq!(code(lifecycle::get(&host, RP, ALICE, &id)), expected);
        assert_eq!(code(lifecycle::revoke(&host, RP, ALICE, &id)), expected);
    }
}
