mod authenticator_data;
mod ceremony;
mod client_data;
mod passkey;
mod signature;

use passkey_manager::bindings::{Code, Subject};

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
