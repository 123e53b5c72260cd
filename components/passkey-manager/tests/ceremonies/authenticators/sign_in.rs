//! At sign-in, where that is asked.

use passkey_manager::bindings::Code;
use passkey_manager::bindings::relying_party::{AuthenticatorPolicy, CertificationLevel};

use super::{MODEL, OTHER, known, registered, report, signed_in};
use crate::kit::*;

#[test]
fn rules_hold_at_sign_in_only_where_that_is_asked() {
    type Rules = fn(&mut AuthenticatorPolicy);
    let rules: [(Rules, Code); 4] = [
        (
            |rules| rules.denied = vec![MODEL.to_vec()],
            Code::NotPermitted,
        ),
        (
            |rules| rules.allowed = vec![OTHER.to_vec()],
            Code::NotPermitted,
        ),
        (
            |rules| rules.refuse_compromised = true,
            Code::AttestationUntrusted,
        ),
        (
            |rules| rules.minimum_certification = Some(CertificationLevel::L1),
            Code::AttestationUntrusted,
        ),
    ];
    for (rule, expected) in rules {
        for at_sign_in in [false, true] {
            let host = MemoryHost::new();
            registered(&host).unwrap();
            known(&host, report(Some("USER_VERIFICATION_BYPASS"), None));
            {
                let mut profile = host.profile.borrow_mut();
                rule(&mut profile.authenticators);
                profile.authenticators.at_sign_in = at_sign_in;
            }
            let signed_in = signed_in(&host);
            if at_sign_in {
                assert_eq!(code(signed_in), expected);
                assert_eq!(host.only().last_used_at, None);
            } else {
                signed_in.unwrap();
            }
        }
    }
}

#[test]
fn synced_passkey_does_not_sign_in_where_only_device_bound_ones_may() {
    let host = MemoryHost::new();
    // As all of the kit's: flag BE.
    registered(&host).unwrap();
    {
        let rules = &mut host.profile.borrow_mut().authenticators;
        rules.device_bound = true;
        rules.at_sign_in = true;
    }
    assert_eq!(code(signed_in(&host)), Code::NotPermitted);
}

#[test]
fn passkey_of_an_algorithm_that_is_not_taken_any_more_does_not_sign_in() {
    for at_sign_in in [false, true] {
        let host = MemoryHost::new();
        registered(&host).unwrap();
        {
            let mut profile = host.profile.borrow_mut();
            profile.algorithms = vec![-8, -257];
            profile.authenticators.at_sign_in = at_sign_in;
        }
        let signed_in = signed_in(&host);
        if at_sign_in {
            assert_eq!(code(signed_in), Code::AlgorithmNotAllowed);
            assert_eq!(host.only().last_used_at, None);
        } else {
            signed_in.unwrap();
        }
    }
}

/// What refuses a passkey for its model is not told to who does not hold its key.
#[test]
fn wrong_signature_comes_before_the_rules() {
    let host = MemoryHost::new();
    registered(&host).unwrap();
    {
        let rules = &mut host.profile.borrow_mut().authenticators;
        rules.denied = vec![MODEL.to_vec()];
        rules.at_sign_in = true;
    }
    let forged = sign_in_with(&host, &Authenticator::new(1), |get| get.forge = true);
    assert_eq!(code(forged), Code::SignatureInvalid);
}
