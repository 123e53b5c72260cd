//! Certified models, and when anchors are asked for.

use passkey_manager::bindings::relying_party::CertificationLevel;
use passkey_manager::bindings::{Code, Rejection};
use passkey_manager::cbor::Value;

use super::{MODEL, known, registered, report, ruled, signed_in};
use crate::kit::*;

/// Register with a packed certificate of [`MODEL`] that `root` gave out.
fn attested(host: &MemoryHost, root: &Authority) -> Result<(), Rejection> {
    let attesting = TestKey::generate(-7);
    let x5c = [root.issue(&packed_leaf(), &attesting)];
    register_with(host, &Authenticator::new(1), |create| {
        create.format = "packed";
        create.aaguid = MODEL;
        create.statement = Statement::Made(Box::new(move |data, hash, _| {
            let sig = attesting.sign(&[data, hash].concat());
            cbor_map(&[
                ("alg", Value::Integer(-7)),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ])
        }));
    })
    .map(|_| ())
}

#[test]
fn level_of_certification_is_proven_and_high_enough() {
    use CertificationLevel as Level;
    let root = Authority::root(-7);
    let host = |certified: Option<Level>, least: Level| {
        let host = ruled(|rules| rules.minimum_certification = Some(least));
        host.anchor(vec![root.der.clone()]);
        known(&host, report(None, certified));
        host
    };
    for (certified, least, accepted) in [
        (Some(Level::L1), Level::L1, true),
        (Some(Level::L3Plus), Level::L1, true),
        (Some(Level::L2), Level::L1Plus, true),
        (Some(Level::L1), Level::L1Plus, false),
        (Some(Level::L2), Level::L2Plus, false),
        (None, Level::L1, false),
    ] {
        let registered = attested(&host(certified, least), &root);
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::AttestationUntrusted);
        }
    }
    // A claim of the AAGUID is no proof, whatever conveyance was asked for.
    let host = host(Some(Level::L3Plus), Level::L1);
    assert_eq!(code(registered(&host)), Code::AttestationUntrusted);
    assert_eq!(
        code(attested(&host, &Authority::root(-7))),
        Code::AttestationUntrusted
    );
}

/// Anchors are copied into the sandbox only when there is something to anchor.
#[test]
fn anchors_are_asked_for_only_by_certificates() {
    let root = Authority::root(-7);
    let host = MemoryHost::new();
    host.anchor(vec![root.der.clone()]);
    registered(&host).unwrap();
    signed_in(&host).unwrap();
    assert!(!host.take_calls().contains(&"attestation-anchors"));
    let host = MemoryHost::new();
    host.anchor(vec![root.der.clone()]);
    attested(&host, &root).unwrap();
    assert!(host.take_calls().contains(&"attestation-anchors"));
    // Nothing needs an anchor.
    let host = MemoryHost::new();
    attested(&host, &root).unwrap();
    assert!(!host.take_calls().contains(&"attestation-anchors"));
}
