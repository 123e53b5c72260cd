//! At registration.

use passkey_manager::bindings::Code;
use passkey_manager::bindings::registration::BeginRequest;
use passkey_manager::bindings::relying_party::AttestationConveyance;
use passkey_manager::registration;

use super::{MODEL, OTHER, known, registered, report, ruled};
use crate::kit::*;

#[test]
fn model_on_the_allow_list_registers_and_no_other() {
    registered(&ruled(|rules| {
        rules.allowed = vec![OTHER.to_vec(), MODEL.to_vec()];
    }))
    .unwrap();
    let host = ruled(|rules| rules.allowed = vec![OTHER.to_vec()]);
    assert_eq!(code(registered(&host)), Code::NotPermitted);
    // Without an AAGUID, as fido-u2f and anonymous ones are: no model of the list.
    let nameless = register_with(&host, &Authenticator::new(1), |create| {
        create.aaguid = [0; 16];
    });
    assert_eq!(code(nameless), Code::NotPermitted);
    assert!(host.credentials.borrow().is_empty());
}

#[test]
fn model_on_the_deny_list_does_not_register() {
    let host = ruled(|rules| rules.denied = vec![OTHER.to_vec(), MODEL.to_vec()]);
    assert_eq!(code(registered(&host)), Code::NotPermitted);
    registered(&ruled(|rules| rules.denied = vec![OTHER.to_vec()])).unwrap();
}

#[test]
fn passkey_that_can_be_backed_up_is_not_device_bound() {
    for (flags, accepted) in [(0, true), (BE, false), (BE | BS, false)] {
        let host = ruled(|rules| rules.device_bound = true);
        let registered = register_with(&host, &Authenticator::new(1), |create| {
            create.flags = create.flags & !(BE | BS) | flags;
        });
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::NotPermitted);
        }
    }
}

#[test]
fn enterprise_attestation_is_asked_for_only_where_that_is_allowed() {
    for allowed in [true, false] {
        let host = ruled(|rules| rules.enterprise = allowed);
        let begun = registration::begin(
            &host,
            BeginRequest {
                attestation: Some(AttestationConveyance::Enterprise),
                ..registration_request(ALICE)
            },
        );
        if allowed {
            assert_eq!(
                begun.unwrap().attestation,
                AttestationConveyance::Enterprise
            );
        } else {
            assert_eq!(code(begun), Code::NotPermitted);
            assert!(host.ceremonies.borrow().is_empty());
        }
    }
}

#[test]
fn compromised_model_does_not_register() {
    let host = ruled(|rules| rules.refuse_compromised = true);
    known(&host, report(Some("ATTESTATION_KEY_COMPROMISE"), None));
    assert_eq!(code(registered(&host)), Code::AttestationUntrusted);
    // Where nobody asks, nobody is asked.
    let host = MemoryHost::new();
    known(&host, report(Some("REVOKED"), None));
    registered(&host).unwrap();
    // Nothing against it, and nothing known.
    let host = ruled(|rules| rules.refuse_compromised = true);
    known(&host, report(None, None));
    registered(&host).unwrap();
    let host = ruled(|rules| rules.refuse_compromised = true);
    registered(&host).unwrap();
}
