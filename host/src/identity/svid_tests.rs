use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::pki::{Ca, IssueRequest};

const ID: &str = "spiffe://td/workload/relying-party";

fn issue(change: impl FnOnce(&mut IssueRequest)) -> CertificateDer<'static> {
    let now = SystemClock.now();
    let ca = Ca::new(&"td".parse().unwrap(), now).unwrap();
    let mut request = IssueRequest::workload(ID, now);
    change(&mut request);
    let issued = ca.issue(&request).unwrap();
    CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
}

fn refused(change: impl FnOnce(&mut IssueRequest)) -> &'static str {
    parse_svid(&issue(change)).unwrap_err().code()
}

#[test]
fn proper_svid_is_read() {
    let end = 2_000_000_000_000;
    let der = issue(|request| {
        request.not_after = end;
        request.dns = vec!["localhost".to_owned()];
    });
    let svid = parse_svid(&der).unwrap();
    assert_eq!(svid.id.as_str(), ID);
    assert_eq!(svid.not_after, end);
    assert_eq!(svid.thumbprint, digest(&SHA256, &der).as_ref());
    assert!(!svid.serial.is_empty());
}

#[test]
fn extended_key_usage_may_be_absent() {
    assert!(parse_svid(&issue(|request| request.extended_key_usages.clear())).is_ok());
}

#[test]
fn certificate_without_a_uri_is_refused() {
    assert_eq!(refused(|request| request.uris.clear()), "no-spiffe-id");
    let dns_only = refused(|request| {
        request.uris.clear();
        request.dns = vec!["localhost".to_owned()];
    });
    assert_eq!(dns_only, "no-spiffe-id");
}

#[test]
fn two_uris_are_refused() {
    for second in ["spiffe://td/other", "https://td/other", ID] {
        assert_eq!(
            refused(|request| request.uris.push(second.to_owned())),
            "several-uri-names"
        );
    }
}

#[test]
fn uri_that_is_no_spiffe_id_of_a_workload_is_refused() {
    for uri in [
        "https://td/a",
        "spiffe://td",
        "spiffe://td/",
        "spiffe://TD/a",
    ] {
        assert_eq!(
            refused(|request| request.uris = vec![uri.to_owned()]),
            "malformed-spiffe-id"
        );
    }
}

#[test]
fn ca_as_a_leaf_is_refused() {
    let code =
        refused(|request| request.basic_constraints = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(code, "ca-certificate");
}

#[test]
fn missing_basic_constraints_are_refused() {
    assert_eq!(
        refused(|request| request.basic_constraints = IsCa::NoCa),
        "no-basic-constraints"
    );
}

#[test]
fn wrong_key_usage_is_refused() {
    let wrong: [&[KeyUsagePurpose]; 4] = [
        &[],
        &[KeyUsagePurpose::KeyAgreement],
        &[
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ],
        &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign],
    ];
    for usages in wrong {
        assert_eq!(
            refused(|request| request.key_usages = usages.to_vec()),
            "key-usage"
        );
    }
}

#[test]
fn extended_key_usage_for_one_side_only_is_refused() {
    for usage in [
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ] {
        assert_eq!(
            refused(|request| request.extended_key_usages = vec![usage]),
            "extended-key-usage"
        );
    }
}

#[test]
fn trailing_bytes_and_garbage_are_refused() {
    let mut der = issue(|_| ()).to_vec();
    der.push(0);
    assert_eq!(parse_svid(&der), Err(SvidError::Malformed));
    assert_eq!(parse_svid(b"no certificate"), Err(SvidError::Malformed));
    assert_eq!(SvidError::Malformed.code(), "malformed-certificate");
}
