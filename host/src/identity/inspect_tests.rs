use std::sync::Arc;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::ca::{CA_LIFE, Ca, IssueRequest};
use crate::identity::{Roots, SvidVerifier, parse_svid};

const DAY: u64 = 24 * 60 * 60 * 1000;

struct Scene {
    ca: Ca,
    now: Timestamp,
}

impl Scene {
    fn new() -> Self {
        let now = SystemClock.now();
        let ca = Ca::new(&"td".parse().unwrap(), now).unwrap();
        Self { ca, now }
    }

    fn leaf(&self, change: impl FnOnce(&mut IssueRequest)) -> CertificateDer<'static> {
        let mut request = IssueRequest::workload("spiffe://td/operator/dev", self.now);
        change(&mut request);
        let issued = self.ca.issue(&request).unwrap();
        CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
    }

    fn list(&self, revoked: &[&CertificateDer<'static>], until: Timestamp) -> Grounds {
        let serials: Vec<_> = revoked
            .iter()
            .map(|one| parse_svid(one).unwrap().serial)
            .collect();
        let list = self.ca.revocation_list(&serials, self.now - 2 * DAY, until);
        let list = CertificateRevocationListDer::from_pem_slice(list.unwrap().as_bytes()).unwrap();
        Grounds {
            crls: vec![list],
            ..self.grounds()
        }
    }

    fn grounds(&self) -> Grounds {
        Grounds {
            roots: vec![self.ca.certificate().clone()],
            trust_domain: Some("td".parse().unwrap()),
            ..Grounds::default()
        }
    }

    fn inspect(&self, leaf: &CertificateDer<'static>, grounds: &Grounds) -> Inspection {
        inspect(std::slice::from_ref(leaf), grounds, self.now).unwrap()
    }
}

fn broken(inspection: &Inspection) -> Vec<&'static str> {
    let rules = inspection.rules.iter();
    rules
        .filter(|rule| rule.kept == Some(false))
        .map(|rule| rule.name)
        .collect()
}

fn fits(inspection: &Inspection) -> Vec<&'static str> {
    let uses = inspection.uses.iter();
    uses.filter(|one| one.fit == Some(true))
        .map(|one| one.name)
        .collect()
}

#[test]
fn proper_certificate_keeps_every_rule_and_fits_its_role() {
    let scene = Scene::new();
    let leaf = scene.leaf(|_| ());
    let inspection = scene.inspect(&leaf, &scene.list(&[], scene.now + DAY));
    assert!(
        inspection.rules.iter().all(|rule| rule.kept == Some(true)),
        "{:#?}",
        inspection.rules
    );
    assert_eq!(
        fits(&inspection),
        [
            "client of the service listener",
            "the host's own (service.certificate)",
            "operator on the admin listener"
        ]
    );
    assert_eq!(inspection.says.names, ["URI spiffe://td/operator/dev"]);
}

#[test]
fn every_broken_rule_is_named_not_only_the_first() {
    let scene = Scene::new();
    let leaf = scene.leaf(|request| {
        request.uris.push("https://td".to_owned());
        request.key_usages = vec![KeyUsagePurpose::CrlSign];
        request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.basic_constraints = IsCa::NoCa;
        request.not_after = scene.now - DAY;
        request.not_before = scene.now - 2 * DAY;
    });
    let inspection = scene.inspect(&leaf, &scene.grounds());
    assert_eq!(
        broken(&inspection),
        [
            "exactly one URI name",
            "basic constraints present",
            "key usage digitalSignature",
            "no key usage keyCertSign, cRLSign",
            "for both sides of TLS",
            "in its time",
            "the chain ends at the CA",
        ]
    );
    assert!(fits(&inspection).is_empty());
}

#[test]
fn what_is_not_given_is_not_judged() {
    let scene = Scene::new();
    let inspection = scene.inspect(&scene.leaf(|_| ()), &Grounds::default());
    let open: Vec<_> = inspection
        .rules
        .iter()
        .filter(|rule| rule.kept.is_none())
        .map(|rule| rule.name)
        .collect();
    assert_eq!(
        open,
        [
            "of the trust domain",
            "the chain ends at the CA",
            "not revoked"
        ]
    );
    assert!(inspection.is_sound());
    // Whether it fits what it is for, nobody can tell.
    let verdicts: Vec<_> = inspection.uses.iter().map(|one| one.fit).collect();
    assert_eq!(
        verdicts,
        [None, None, None, Some(false), Some(false)],
        "{:#?}",
        inspection.uses
    );
}

#[test]
fn component_fits_by_its_exact_id_and_the_roots_of_the_link() {
    let (scene, other) = (Scene::new(), Scene::new());
    let leaf = |name: &str| {
        let id = format!("spiffe://td/component/{name}");
        scene.leaf(|request| request.uris = vec![id])
    };
    let on_the_link = |leaf: &CertificateDer<'static>, link: LinkGrounds| {
        let grounds = Grounds {
            link,
            ..scene.grounds()
        };
        let mut uses = scene.inspect(leaf, &grounds).uses;
        let found = uses.swap_remove(3);
        assert_eq!(found.name, "component on the link");
        (found.fit, found.why)
    };
    let mtls = |roots: &[&Scene]| LinkGrounds::Mtls {
        roots: roots
            .iter()
            .map(|one| one.ca.certificate().clone())
            .collect(),
        components: vec![(
            "auth-service",
            "spiffe://td/component/auth-service".to_owned(),
        )],
    };
    let (own, another) = (leaf("auth-service"), leaf("auth-service-2"));
    let good = on_the_link(&own, mtls(&[&scene]));
    assert_eq!(good, (Some(true), "it is auth-service".to_owned()));
    let (fit, why) = on_the_link(&another, mtls(&[&scene]));
    assert!(
        fit == Some(false) && why.contains("auth-service alone"),
        "{why}"
    );
    // By the link's roots, whatever the service listener trusts.
    let (fit, why) = on_the_link(&own, mtls(&[&other]));
    assert!(
        fit == Some(false) && why.contains("the chain ends"),
        "{why}"
    );
    assert_eq!(on_the_link(&own, mtls(&[])).0, None);
    assert_eq!(on_the_link(&own, LinkGrounds::None).0, Some(false));
}

#[test]
fn client_fits_where_a_relying_party_has_it() {
    let scene = Scene::new();
    let leaf = scene.leaf(|_| ());
    let client = |workloads: &[&str]| {
        let workloads = workloads.iter().map(|one| (*one).to_owned()).collect();
        let grounds = Grounds {
            bindings: Some(vec![
                ("shop.example".to_owned(), workloads),
                ("bank.example".to_owned(), vec![]),
            ]),
            ..scene.grounds()
        };
        let mut uses = scene.inspect(&leaf, &grounds).uses;
        uses.swap_remove(0)
    };
    let bound = client(&["spiffe://td/a", "spiffe://td/operator/dev"]);
    assert_eq!(
        (bound.fit, bound.why.as_str()),
        (Some(true), "acts for shop.example")
    );
    let unbound = client(&["spiffe://td/operator"]);
    assert!(
        unbound.fit == Some(false) && unbound.why.contains("no relying party has"),
        "{unbound:?}"
    );
}

#[test]
fn authority_fits_as_a_root_alone() {
    let scene = Scene::new();
    let inspection = scene.inspect(scene.ca.certificate(), &scene.grounds());
    assert_eq!(fits(&inspection), ["trusted root (service.client-ca)"]);
    assert!(broken(&inspection).contains(&"not a certificate authority"));
}

#[test]
fn authority_that_has_ended_is_no_root_and_nothing_rests_on_it() {
    let mut scene = Scene::new();
    let ended = scene.now - CA_LIFE - DAY;
    scene.ca = Ca::new(&"td".parse().unwrap(), ended).unwrap();
    let inspection = scene.inspect(scene.ca.certificate(), &scene.grounds());
    assert!(fits(&inspection).is_empty());
    let root = inspection.uses.last().unwrap();
    assert_eq!(
        (root.name, root.why.as_str()),
        ("trusted root (service.client-ca)", "it has expired")
    );
    let leaf = scene.inspect(&scene.leaf(|_| ()), &scene.grounds());
    assert_eq!(broken(&leaf), ["the chain ends at the CA"]);
    assert!(fits(&leaf).is_empty());
}

/// The rules and the verifier agree on each of these.
#[test]
fn verdict_is_that_of_the_listener() {
    type Change = fn(&mut IssueRequest);
    let scene = Scene::new();
    let changes: [(Change, &str); 10] = [
        (|_| (), ""),
        (|request| request.uris.clear(), "exactly one URI name"),
        (
            |request| request.uris = vec!["spiffe://td".to_owned()],
            "the URI is a workload's SPIFFE id",
        ),
        (
            |request| request.uris = vec!["spiffe://elsewhere/a".to_owned()],
            "of the trust domain",
        ),
        (
            |request| request.basic_constraints = IsCa::NoCa,
            "basic constraints present",
        ),
        (
            |request| request.basic_constraints = IsCa::Ca(BasicConstraints::Unconstrained),
            "not a certificate authority",
        ),
        (
            |request| request.key_usages.clear(),
            "key usage present and critical",
        ),
        (
            |request| request.key_usages = vec![KeyUsagePurpose::KeyAgreement],
            "key usage digitalSignature",
        ),
        (
            |request| request.key_usages.push(KeyUsagePurpose::KeyCertSign),
            "no key usage keyCertSign, cRLSign",
        ),
        (
            |request| {
                request.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            },
            "for both sides of TLS",
        ),
    ];
    let roots = Roots::new([scene.ca.certificate().clone()]).unwrap();
    let verifier = SvidVerifier::new(roots, [], Arc::from(["td".parse().unwrap()])).unwrap();
    for (change, rule) in changes {
        let leaf = scene.leaf(change);
        let inspection = scene.inspect(&leaf, &scene.grounds());
        let accepted = verifier
            .judge(std::slice::from_ref(&leaf), scene.now)
            .is_ok();
        assert_eq!(accepted, inspection.is_sound(), "{rule}");
        assert_eq!(rule.is_empty(), accepted);
        assert!(accepted || broken(&inspection).contains(&rule), "{rule}");
    }
}

#[test]
fn chain_and_revocation_are_judged_by_what_is_given() {
    let scene = Scene::new();
    let leaf = scene.leaf(|_| ());
    let other = Scene::new();
    let found = |grounds: &Grounds, name: &str| {
        let rules = scene.inspect(&leaf, grounds).rules;
        let rule = rules.into_iter().find(|rule| rule.name == name).unwrap();
        (rule.kept, rule.found)
    };
    assert_eq!(
        found(&other.grounds(), "the chain ends at the CA"),
        (Some(false), "unknown-ca".to_owned())
    );
    for (grounds, words) in [
        (scene.list(&[&leaf], scene.now + DAY), "is on a list"),
        (scene.list(&[], scene.now - DAY), "has expired"),
        (
            Grounds {
                crls: other.list(&[], scene.now + DAY).crls,
                ..scene.grounds()
            },
            "has no list",
        ),
    ] {
        let (kept, found) = found(&grounds, "not revoked");
        assert!(kept == Some(false) && found.contains(words), "{found}");
    }
}
