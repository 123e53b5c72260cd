//! What a relying party may decide about counters, backup eligibility and the last
//! passkey of an account.

use passkey_manager::bindings::relying_party::{CounterPolicy, LifecyclePolicy};
use passkey_manager::bindings::{Code, PasskeyChange, Remedy, Status, Subject};
use passkey_manager::lifecycle;

use crate::kit::*;

/// Alice, with a passkey whose counter stands at 9.
fn scene(flags: u8, change: impl FnOnce(&mut LifecyclePolicy)) -> (MemoryHost, Authenticator) {
    let host = MemoryHost::new();
    change(&mut host.profile.borrow_mut().lifecycle);
    let authenticator = Authenticator::new(1);
    register_with(&host, &authenticator, |create| create.flags = flags | AT).unwrap();
    host.change_only(|known| known.sign_count = 9);
    (host, authenticator)
}

/// Sign in with these flags and this counter.
fn sign_in(
    (host, authenticator): &(MemoryHost, Authenticator),
    flags: u8,
    count: u32,
) -> Result<
    passkey_manager::bindings::authentication::Authenticated,
    passkey_manager::bindings::Rejection,
> {
    sign_in_with(host, authenticator, |get| {
        get.flags = flags;
        get.sign_count = count;
    })
}

const BOUND: u8 = UP | UV;
const SYNCED: u8 = UP | UV | BE | BS;

#[test]
fn each_kind_of_passkey_has_its_counter_policy() {
    let scene_of = |flags| {
        scene(flags, |policy| {
            policy.counter = CounterPolicy::Deny;
            policy.counter_synced = CounterPolicy::Ignore;
        })
    };
    let bound = scene_of(BOUND);
    assert_eq!(code(sign_in(&bound, BOUND, 9)), Code::CounterRegressed);
    assert_eq!(bound.0.only().sign_count, 9);

    let synced = scene_of(SYNCED);
    let signed_in = sign_in(&synced, SYNCED, 3).unwrap();
    assert_eq!(signed_in.passkey.sign_count, 3, "as it came");
    assert_eq!(signed_in.passkey.clone_alarm_at, None);
    assert!(synced.0.warnings.borrow().is_empty());
}

#[test]
fn alarm_accepts_marks_and_warns() {
    let scene = scene(BOUND, |policy| policy.counter = CounterPolicy::Alarm);
    let quiet = sign_in(&scene, BOUND, 10).unwrap();
    assert_eq!(quiet.passkey.clone_alarm_at, None);
    let now = scene.0.clock.get();
    for count in [10, 4] {
        let signed_in = sign_in(&scene, BOUND, count).unwrap();
        assert_eq!(signed_in.passkey.clone_alarm_at, Some(now));
        assert_eq!(signed_in.passkey.sign_count, 10, "the highest one stays");
    }
    assert_eq!(scene.0.warnings.borrow().len(), 2);
    // The original goes on, and the mark stays.
    let original = sign_in(&scene, BOUND, 11).unwrap();
    assert_eq!(original.passkey.sign_count, 11);
    assert_eq!(original.passkey.clone_alarm_at, Some(now));
}

#[test]
fn backup_eligibility_comes_late_only_where_policy_takes_it() {
    let strict = scene(BOUND, |_| ());
    assert_eq!(code(sign_in(&strict, SYNCED, 10)), Code::Malformed);

    let lenient = scene(BOUND, |policy| policy.accept_late_backup_eligibility = true);
    let learnt = sign_in(&lenient, SYNCED, 10).unwrap();
    assert!(learnt.passkey.backup_eligible && learnt.passkey.backup_state);
    // And never goes again.
    assert_eq!(code(sign_in(&lenient, BOUND, 11)), Code::Malformed);
}

#[test]
fn eligibility_that_another_sign_in_found_meanwhile_is_not_forgotten() {
    let late = scene(BOUND, |policy| policy.accept_late_backup_eligibility = true);
    late.0.other_learns.set(true);
    assert_eq!(code(sign_in(&late, BOUND, 10)), Code::Malformed);
    assert!(late.0.only().backup_eligible);
}

#[test]
fn passkey_that_becomes_eligible_for_backup_is_device_bound_no_more_at_once() {
    let late = scene(BOUND, |policy| policy.accept_late_backup_eligibility = true);
    {
        let rules = &mut late.0.profile.borrow_mut().authenticators;
        rules.device_bound = true;
        rules.at_sign_in = true;
    }
    sign_in(&late, BOUND, 10).unwrap();
    assert_eq!(code(sign_in(&late, SYNCED, 11)), Code::NotPermitted);
    assert_eq!(late.0.only().sign_count, 10);
}

#[test]
fn last_passkey_stays_where_policy_wants_it() {
    let (host, authenticator) = scene(BOUND, |policy| policy.keep_last_passkey = true);
    let id = authenticator.credential_id;
    let suspend = PasskeyChange {
        label: Some("Gone".into()),
        status: Some(Status::Suspended),
    };
    assert_eq!(
        code(lifecycle::suspend(&host, RP, ALICE, &id)),
        Code::NotPermitted
    );
    assert_eq!(
        code(lifecycle::revoke(&host, RP, ALICE, &id)),
        Code::NotPermitted
    );
    assert_eq!(
        code(lifecycle::change(&host, RP, ALICE, &id, suspend.clone())),
        Code::NotPermitted
    );
    assert_ne!(host.only().label, "Gone");
    lifecycle::rename(&host, RP, ALICE, &id, "Only").unwrap();

    register(&host, &Authenticator::new(2));
    let changed = lifecycle::change(&host, RP, ALICE, &id, suspend).unwrap();
    assert_eq!(
        (changed.label.as_str(), changed.status),
        ("Gone", Status::Suspended)
    );
    lifecycle::revoke(&host, RP, ALICE, &id).unwrap();
    // What was registered in vain may always be taken back.
    let second = Authenticator::new(2).credential_id;
    lifecycle::withdraw(&host, RP, ALICE, &second).unwrap();
    assert!(host.credentials.borrow().is_empty());
}

#[test]
fn only_a_passkey_that_is_nowhere_is_signalled() {
    let host = MemoryHost::new();
    let (alice, bob) = (Authenticator::new(1), Authenticator::new(2));
    register(&host, &alice);
    let anyone = begin_sign_in(&host, Subject::Anyone);
    let gone = finish_sign_in(&host, bob.get(&anyone)).unwrap_err();
    assert_eq!(gone.code, Code::CredentialUnknown);
    assert!(matches!(gone.remedy, Some(Remedy::SignalUnknownCredential)));

    // In a ceremony of Alice's, any other passkey is unknown, stored or not.
    let foreign = sign_in_with(&host, &bob, |_| ()).unwrap_err();
    assert_eq!(foreign.code, Code::CredentialUnknown);
    assert!(foreign.remedy.is_none());
}
