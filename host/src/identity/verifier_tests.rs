use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::identity::ca::{CA_LIFE, Ca, IssueRequest};
use crate::identity::crypto::unix_time;

const DAY: Timestamp = 24 * 60 * 60 * 1000;

/// The verdict on one client of `ca`, whose lists are made from its serial number.
fn verdict(ca: &Ca, lists: impl FnOnce(Vec<u8>) -> Vec<String>) -> Result<(), &'static str> {
    let now = SystemClock.now();
    let issued = ca
        .issue(&IssueRequest::workload("spiffe://td/a", now))
        .unwrap();
    let leaf = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let crls: Vec<_> = lists(parse_svid(&leaf).unwrap().serial)
        .iter()
        .map(|list| CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap())
        .collect();
    let domains = Arc::new(["td".parse().unwrap()]);
    SvidVerifier::new(roots(&[ca]), crls, domains)
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

/// The verdict on a client, with these authorities and lists.
fn judged(roots: &[&Ca], lists: &[&String], leaf: &CertificateDer<'_>) -> Result<(), &'static str> {
    let verifier = verifier(roots, lists).unwrap();
    let verdict = verifier.judge(std::slice::from_ref(leaf), SystemClock.now());
    verdict.map_err(|error| refusal_code(&error))
}

fn verifier(authorities: &[&Ca], lists: &[&String]) -> Result<SvidVerifier, ListsError> {
    let der = |list: &&String| CertificateRevocationListDer::from_pem_slice(list.as_bytes());
    let lists = lists.iter().map(|list| der(list).unwrap());
    SvidVerifier::new(roots(authorities), lists, Arc::new(["td".parse().unwrap()]))
}

fn roots(authorities: &[&Ca]) -> Roots {
    Roots::new(authorities.iter().map(|ca| ca.certificate().clone())).unwrap()
}

fn client_of(ca: &Ca) -> CertificateDer<'static> {
    let request = IssueRequest::workload("spiffe://td/a", SystemClock.now());
    let issued = ca.issue(&request).unwrap();
    CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
}

fn serial(leaf: &CertificateDer<'_>) -> Vec<u8> {
    parse_svid(leaf).unwrap().serial
}

#[test]
fn newest_of_several_lists_of_one_authority_holds() {
    let (ca, now) = (ca(), SystemClock.now());
    let (leaf, other) = (client_of(&ca), client_of(&ca));
    let list = |leaf: &_, since| {
        let serials = [serial(leaf)];
        ca.revocation_list(&serials, since, now + DAY).unwrap()
    };
    let (old, new) = (list(&other, now - DAY), list(&leaf, now - DAY / 2));
    for lists in [[&old, &new], [&new, &old], [&new, &new]] {
        assert_eq!(judged(&[&ca], &lists, &leaf), Err("revoked"));
        assert_eq!(judged(&[&ca], &lists, &other), Ok(()));
    }
}

#[test]
fn authority_that_changed_its_key_has_a_list_for_each() {
    let (old, now) = (ca(), SystemClock.now());
    let new = old.rekeyed(&"td".parse().unwrap(), now).unwrap();
    let (of_old, of_new, revoked) = (client_of(&old), client_of(&new), client_of(&new));
    let lists = [
        &old.revocation_list(&[serial(&revoked)], now - DAY, now + DAY)
            .unwrap(),
        &new.revocation_list(&[serial(&revoked)], now - DAY, now + DAY)
            .unwrap(),
    ];
    for lists in [lists, [lists[1], lists[0]]] {
        for roots in [[&old, &new], [&new, &old]] {
            assert_eq!(judged(&roots, &lists, &of_old), Ok(()));
            assert_eq!(judged(&roots, &lists, &of_new), Ok(()));
            assert_eq!(judged(&roots, &lists, &revoked), Err("revoked"));
        }
    }
    // Who is on the list of his own issuer's other key is not revoked.
    let lists = [
        &old.revocation_list(&[serial(&of_new)], now - DAY, now + DAY)
            .unwrap(),
        lists[1],
    ];
    assert_eq!(judged(&[&old, &new], &lists, &of_new), Ok(()));
}

#[test]
fn root_that_is_not_in_its_time_is_not_trusted() {
    let (now, domain) = (SystemClock.now(), "td".parse().unwrap());
    let ended = Ca::new(&domain, now - CA_LIFE - DAY).unwrap();
    let coming = Ca::new(&domain, now + DAY).unwrap();
    let good = ca();
    for (roots, lists) in [
        (vec![&ended, &coming, &good], vec![]),
        (
            vec![&good, &coming, &ended],
            vec![&ended, &coming, &good]
                .into_iter()
                .map(|ca| ca.revocation_list(&[], now - DAY, now + DAY).unwrap())
                .collect(),
        ),
    ] {
        let lists: Vec<_> = lists.iter().collect();
        assert_eq!(judged(&roots, &lists, &client_of(&good)), Ok(()));
        assert_eq!(judged(&roots, &lists, &client_of(&ended)), Err("expired"));
    }
    assert_eq!(judged(&[&ended], &[], &client_of(&ended)), Err("expired"));
    let coming = judged(&[&coming], &[], &client_of(&coming));
    assert_eq!(coming, Err("not-yet-valid"));
}

/// One verifier sees the time pass.
#[test]
fn root_is_trusted_through_its_last_second() {
    let (now, domain) = (SystemClock.now() / 1000 * 1000, "td".parse().unwrap());
    let ending = Ca::new(&domain, now + DAY - CA_LIFE).unwrap();
    let (end, other) = (now + DAY, ca());
    let verifier = verifier(&[&ending, &other], &[]).unwrap();
    let (leaf, of_other) = ([client_of(&ending)], [client_of(&other)]);
    assert_eq!(verifier.next_end(now), Some(end + 999));
    for (moment, verdict) in [
        (end, Ok(())),
        (end + 999, Ok(())),
        (end + 1_000, Err("expired")),
        // A clock that is set back.
        (end, Ok(())),
    ] {
        let judged = |chain| {
            verifier
                .judge(chain, moment)
                .map_err(|error| refusal_code(&error))
        };
        assert_eq!(judged(&leaf), verdict, "{moment}");
        assert_eq!(judged(&of_other), Ok(()));
    }
}

#[test]
fn lists_that_nothing_tells_apart_are_refused() {
    let (ca, now) = (ca(), SystemClock.now());
    let between = ca.subordinate(&"td".parse().unwrap(), now).unwrap();
    let list = |ca: &Ca, serials: &[Vec<u8>], since| {
        ca.revocation_list(serials, since, now + DAY).unwrap()
    };
    for lists in [
        // No root has signed them: whose key did is not known before a peer shows it.
        [list(&between, &[], now - DAY), list(&between, &[], now)],
        // Of one age, which say different things.
        [list(&ca, &[], now), list(&ca, &[vec![1]], now)],
    ] {
        let error = verifier(&[&ca], &[&lists[0], &lists[1]]).unwrap_err();
        assert_eq!(error.code(), "revocation-ambiguous");
        let text = error.to_string();
        assert!(text.contains("zeropass development CA"), "{text}");
    }
}

#[test]
fn verifier_without_roots_is_refused() {
    let refused = SvidVerifier::new(roots(&[]), [], Arc::new([]));
    let none = VerifierBuilderError::NoRootAnchors;
    assert_eq!(
        refused.unwrap_err().to_string(),
        ListsError::from(none).to_string()
    );
}
