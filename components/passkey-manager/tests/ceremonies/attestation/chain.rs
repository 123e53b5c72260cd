//! Chains and anchors, under `packed`.

use passkey_manager::bindings::relying_party::AttestationConveyance;
use passkey_manager::bindings::{Code, Rejection, registration::Registered};
use passkey_manager::cbor::Value;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose};
use time::OffsetDateTime;

use super::{anchored, attested_with};
use crate::kit::*;

/// Register with a certificate that `issuer` gave out, and these issuers in `x5c`.
fn chained(
    host: &MemoryHost,
    issuer: &Authority,
    certificate: &CertificateParams,
    others: &[&Authority],
) -> Result<Registered, Rejection> {
    chained_with(host, issuer, certificate, others, |_| {})
}

/// The same with the certificate's bytes changed.
fn chained_with(
    host: &MemoryHost,
    issuer: &Authority,
    certificate: &CertificateParams,
    others: &[&Authority],
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<Registered, Rejection> {
    let attesting = TestKey::generate(-7);
    let mut x5c = vec![issuer.issue(certificate, &attesting)];
    change(&mut x5c[0]);
    x5c.extend(others.iter().map(|authority| authority.der.clone()));
    attested_with(
        host,
        TestKey::generate(-7),
        "packed",
        Box::new(move |data, hash, _| {
            let sig = attesting.sign(&[data, hash].concat());
            cbor_map(&[
                ("alg", Value::Integer(-7)),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ])
        }),
    )
}

fn day(year: i32) -> OffsetDateTime {
    rcgen::date_time_ymd(year, 1, 1)
}

#[test]
fn chain_of_every_algorithm_is_anchored() {
    for algorithm in [-7, -35, -36, -1_521_256, -8, -257, -258, -259] {
        let root = Authority::root(algorithm);
        let intermediate = root.intermediate(algorithm, |_| {});
        let host = anchored(&[&Authority::root(-7), &root]);
        chained(&host, &intermediate, &packed_leaf(), &[&intermediate]).unwrap();
        // With the root in it, too; and by the root itself.
        let host = anchored(&[&root]);
        chained(
            &host,
            &intermediate,
            &packed_leaf(),
            &[&intermediate, &root],
        )
        .unwrap();
        let host = anchored(&[&root]);
        chained(&host, &root, &packed_leaf(), &[]).unwrap();
    }
}

#[test]
fn intermediate_can_be_an_anchor() {
    let intermediate = Authority::root(-7).intermediate(-7, |_| {});
    let host = anchored(&[&intermediate]);
    chained(&host, &intermediate, &packed_leaf(), &[&intermediate]).unwrap();
}

#[test]
fn chain_with_its_own_root_is_untrusted() {
    // The same name, and another key.
    let (ours, theirs) = (Authority::root(-7), Authority::root(-7));
    let host = anchored(&[&ours]);
    for others in [&[&theirs][..], &[]] {
        let registered = chained(&host, &theirs, &packed_leaf(), others);
        assert_eq!(code(registered), Code::AttestationUntrusted);
    }
    assert!(host.credentials.borrow().is_empty());
}

#[test]
fn anchor_that_is_none_anchors_nothing() {
    let root = Authority::root(-7);
    let host = anchored(&[&root]);
    host.anchor(vec![vec![0x30, 0], Vec::new()]);
    let registered = chained(&host, &root, &packed_leaf(), &[&root]);
    assert_eq!(code(registered), Code::AttestationUntrusted);
}

#[test]
fn without_anchors_the_chain_must_still_hold() {
    let host = MemoryHost::new();
    let root = Authority::root(-7);
    chained(&host, &root, &packed_leaf(), &[&root]).unwrap();
    // The right name, but not the key that issued.
    let registered = chained(&host, &root, &packed_leaf(), &[&Authority::root(-7)]);
    assert_eq!(code(registered), Code::AttestationInvalid);
    // Another name.
    let intermediate = root.intermediate(-7, |_| {});
    let registered = chained(&host, &root, &packed_leaf(), &[&intermediate]);
    assert_eq!(code(registered), Code::AttestationInvalid);
}

#[test]
fn attestation_that_was_asked_for_is_not_left_out() {
    let root = Authority::root(-7);
    for (conveyance, accepted) in [
        (AttestationConveyance::None, true),
        (AttestationConveyance::Indirect, true),
        (AttestationConveyance::Direct, false),
        (AttestationConveyance::Enterprise, false),
    ] {
        for (format, own) in [("none", false), ("packed", true)] {
            let host = anchored(&[&root]);
            host.profile.borrow_mut().attestation = conveyance;
            let registered = register_with(&host, &Authenticator::new(1), |create| {
                create.format = format;
                if own {
                    create.statement = Statement::PackedSelf;
                }
            });
            if accepted {
                registered.unwrap();
            } else {
                assert_eq!(code(registered), Code::AttestationUntrusted, "{format}");
            }
        }
    }
}

#[test]
fn certificate_out_of_date_is_refused() {
    // The tests' clock stands in 2025.
    for (from, to) in [(2010, 2020), (2030, 2040)] {
        let root = Authority::root(-7);
        let late = |params: &mut CertificateParams| {
            params.not_before = day(from);
            params.not_after = day(to);
        };
        let mut certificate = packed_leaf();
        late(&mut certificate);
        let registered = chained(&anchored(&[&root]), &root, &certificate, &[]);
        assert_eq!(code(registered), Code::AttestationInvalid);

        let intermediate = root.intermediate(-7, late);
        let host = anchored(&[&root]);
        let registered = chained(&host, &intermediate, &packed_leaf(), &[&intermediate]);
        assert_eq!(code(registered), Code::AttestationInvalid);

        let root = Authority::root_with(-7, late);
        for brought in [&[][..], &[&root]] {
            let registered = chained(&anchored(&[&root]), &root, &packed_leaf(), brought);
            assert_eq!(code(registered), Code::AttestationInvalid);
        }
    }
}

#[test]
fn issuer_must_be_an_authority() {
    let root = Authority::root(-7);
    let changes: [fn(&mut CertificateParams); 3] = [
        |params| params.is_ca = IsCa::ExplicitNoCa,
        |params| params.is_ca = IsCa::NoCa,
        |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
    ];
    for change in changes {
        let intermediate = root.intermediate(-7, change);
        for host in [anchored(&[&root]), MemoryHost::new()] {
            let registered = chained(&host, &intermediate, &packed_leaf(), &[&intermediate]);
            assert_eq!(code(registered), Code::AttestationInvalid);
        }
    }
}

#[test]
fn chain_must_not_be_longer_than_its_authority_allows() {
    let root = Authority::root(-7);
    let last = root.intermediate(-7, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = last.intermediate(-7, |_| {});
    for host in [anchored(&[&root]), MemoryHost::new()] {
        chained(&host, &last, &packed_leaf(), &[&last]).unwrap();
        let registered = chained(&host, &below, &packed_leaf(), &[&below, &last]);
        assert_eq!(code(registered), Code::AttestationInvalid);
    }
}

#[test]
fn anchor_needs_no_leave_to_issue() {
    let changes: [fn(&mut CertificateParams); 3] = [
        |params| params.is_ca = IsCa::ExplicitNoCa,
        |params| params.is_ca = IsCa::NoCa,
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
    ];
    for change in changes {
        let root = Authority::root_with(-7, change);
        let intermediate = root.intermediate(-7, |_| {});
        let host = anchored(&[&root]);
        chained(&host, &intermediate, &packed_leaf(), &[&intermediate]).unwrap();
        // Within a statement, it does.
        let registered = chained(
            &host,
            &intermediate,
            &packed_leaf(),
            &[&intermediate, &root],
        );
        assert_eq!(code(registered), Code::AttestationInvalid);
    }
}

#[test]
fn unknown_critical_extension_is_refused() {
    let root = Authority::root(-7);
    let mut certificate = packed_leaf();
    let extension = der::extension(&[1, 2, 3, 4], true, der::integer(1));
    certificate.custom_extensions.push(extension);
    let registered = chained(&anchored(&[&root]), &root, &certificate, &[]);
    assert_eq!(code(registered), Code::AttestationInvalid);
}

#[test]
fn same_extension_twice_is_refused() {
    let root = Authority::root(-7);
    let mut certificate = packed_leaf();
    for _ in 0..2 {
        let extension = der::extension(&[1, 2, 3, 4], false, der::integer(1));
        certificate.custom_extensions.push(extension);
    }
    let registered = chained(&anchored(&[&root]), &root, &certificate, &[]);
    assert_eq!(code(registered), Code::AttestationInvalid);
}

#[test]
fn chain_of_many_certificates_is_refused() {
    let root = Authority::root(-7);
    let registered = chained(&MemoryHost::new(), &root, &packed_leaf(), &[&root; 8]);
    assert_eq!(code(registered), Code::AttestationInvalid);
}

/// Security keys in the field: a signature that claims unused bits, and a default that
/// is written out.
#[test]
fn slips_of_makers_that_mean_nothing_are_forgiven() {
    // Ed25519: 64 octets of signature, after the number of unused bits. What they claim
    // must be zeros, as half of all signatures end with.
    let place = |der: &[u8]| der.len() - 65;
    let claims = (0..100).map(|_| {
        let root = Authority::root(-8);
        let mut claimed = 0;
        let claim = |der: &mut Vec<u8>| {
            claimed = der.last().unwrap().trailing_zeros().min(7);
            let place = place(der);
            assert_eq!(der[place], 0);
            der[place] = u8::try_from(claimed).unwrap();
        };
        chained_with(&anchored(&[&root]), &root, &packed_leaf(), &[], claim).unwrap();
        claimed
    });
    assert!(claims.into_iter().any(|claimed| claimed > 0));
    let root = Authority::root(-8);
    for bits in [8, 0xff] {
        let claim = |der: &mut Vec<u8>| {
            let place = place(der);
            der[place] = bits;
        };
        let registered = chained_with(&anchored(&[&root]), &root, &packed_leaf(), &[], claim);
        assert_eq!(code(registered), Code::AttestationInvalid);
    }
    for (authority, accepted) in [(0x00, true), (0xff, false), (0x01, false)] {
        let mut certificate = packed_leaf();
        certificate.is_ca = IsCa::NoCa;
        let contents = der::sequence(&[vec![1, 1, authority]]);
        certificate
            .custom_extensions
            .push(der::extension(&[2, 5, 29, 19], true, contents));
        let registered = chained(&anchored(&[&root]), &root, &certificate, &[]);
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::AttestationInvalid);
        }
    }
}
