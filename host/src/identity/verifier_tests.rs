use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::identity::ca::{Ca, IssueRequest};
use crate::identity::crypto::unix_time;

const DAY: Timestamp = 24 * 60 * 60 * 1000;

/// The verdict on one client of `ca`, whose lists are made from its serial number.
fn verdict(ca: &Ca, lists: impl FnOnce(Vec<u8>) -> Vec<String>) -> Result<(), &'static str> {
    let now = SystemClock.now();
    let issued = ca
        .issue(&IssueRequest::workload("spiffe://td/a", now))
        .unwrap();
    let leaf = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.certificate().clone()).unwrap();
    let crls: Vec<_> = lists(parse_svid(&leaf).unwrap().serial)
        .iter()
        .map(|list| CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap())
        .collect();
    let domains = Arc::new(["td".parse().unwrap()]);
    SvidVerifier::new(Arc::new(roots), crls, domains)
        .unwrap()
        .verify_client_cert(&leaf, &[], unix_time(now))
        .map(|_| ())
        .map_err(|error| refusal_code(&error))
}

fn ca() -> Ca {
    Ca::new(&"td".parse().unwrap(), SystemClock.now()).unwrap()
}

#[test]
fn client_that_no_list_names_is_taken() {
    let (ca, now) = (ca(), SystemClock.now());
    let list = |_| {
        vec![
            ca.revocation_list(&[vec![1]], now - DAY, now + DAY)
                .unwrap(),
        ]
    };
    assert_eq!(verdict(&ca, list), Ok(()));
}

#[test]
fn revoked_client_is_refused() {
    let (ca, now) = (ca(), SystemClock.now());
    let list = |serial| vec![ca.revocation_list(&[serial], now - DAY, now + DAY).unwrap()];
    assert_eq!(verdict(&ca, list), Err("revoked"));
}

#[test]
fn expired_list_is_refused_although_it_does_not_name_the_client() {
    let (ca, now) = (ca(), SystemClock.now());
    let list = |_| vec![ca.revocation_list(&[], now - 2 * DAY, now - DAY).unwrap()];
    assert_eq!(verdict(&ca, list), Err("revocation-expired"));
}

#[test]
fn client_whose_ca_has_no_list_is_refused() {
    let (ca, other, now) = (ca(), self::ca(), SystemClock.now());
    let list = |_| vec![other.revocation_list(&[], now - DAY, now + DAY).unwrap()];
    assert_eq!(verdict(&ca, list), Err("revocation-unknown"));
}

#[test]
fn verifier_without_roots_is_refused() {
    let refused = SvidVerifier::new(Arc::new(RootCertStore::empty()), [], Arc::new([]));
    assert!(matches!(refused, Err(VerifierBuilderError::NoRootAnchors)));
}
