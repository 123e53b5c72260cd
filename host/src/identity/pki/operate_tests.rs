use tempfile::TempDir;

use super::super::init;
use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::ca::CA_LIFE;
use crate::identity::{MaterialError, MaterialFiles};

const HOUR: Timestamp = 60 * 60 * 1000;

fn domain() -> TrustDomain {
    "td".parse().unwrap()
}

fn folder() -> (TempDir, Timestamp) {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    init(folder.path(), Some(&domain()), now).unwrap();
    (folder, now)
}

fn wish(name: &str) -> Wish {
    Wish {
        name: name.to_owned(),
        id: SpiffeId::parse(&format!("spiffe://td/workload/{name}")).unwrap(),
        dns: vec!["shop.internal".to_owned()],
        ips: vec![[10, 0, 0, 1].into(), [0xfd; 16].into()],
        life: 2 * HOUR,
    }
}

fn material(folder: &TempDir, name: &str, now: Timestamp) -> Result<Material, MaterialError> {
    let files = MaterialFiles {
        crls: vec![folder.path().join(REVOCATION_LIST)],
        ..files_of(folder.path(), name, &domain())
    };
    Material::load(&files, now)
}

#[test]
fn issued_certificate_is_usable_for_as_long_as_wished_and_not_overwritten() {
    let (folder, now) = folder();
    assert_eq!(trust_domain_of(folder.path()).unwrap(), domain());
    let step = issue(folder.path(), &wish("shop"), now).unwrap();
    assert_eq!(
        (step.done, step.id.as_str()),
        (Done::Created, "spiffe://td/workload/shop")
    );
    revoke(folder.path(), &[], 24 * HOUR, now).unwrap();
    let svid = material(&folder, "shop", now).unwrap().svid().clone();
    assert_eq!(svid.not_after, (now + 2 * HOUR) / 1000 * 1000);
    let again = issue(folder.path(), &wish("shop"), now).unwrap_err();
    assert!(matches!(again, PkiError::Exists(_)), "{again}");
}

#[test]
fn renewed_certificate_says_the_same_with_another_key() {
    let (folder, now) = folder();
    issue(folder.path(), &wish("shop"), now).unwrap();
    let file = folder.path().join("shop.pem");
    let names = |pem: &[u8]| {
        let der = CertificateDer::from_pem_slice(pem).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        format!("{:?}", names.value.general_names)
    };
    let (before, key) = (
        std::fs::read(&file).unwrap(),
        std::fs::read(folder.path().join("shop.key")).unwrap(),
    );
    let later = now + HOUR;
    let step = renew(folder.path(), "shop", later).unwrap();
    assert_eq!(step.done, Done::Renewed);
    let after = std::fs::read(&file).unwrap();
    assert_eq!(names(&after), names(&before));
    assert_ne!(std::fs::read(folder.path().join("shop.key")).unwrap(), key);
    let der = CertificateDer::from_pem_slice(&after).unwrap();
    let not_after = parse_svid(&der).unwrap().not_after;
    assert_eq!(not_after, (later + 2 * HOUR) / 1000 * 1000);
    let absent = renew(folder.path(), "nobody", now).unwrap_err();
    assert!(matches!(absent, PkiError::NotThere(_)), "{absent}");
}

#[test]
fn certificate_ends_with_its_authority_at_the_latest() {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    let end = (now + 3 * HOUR * 24) / 1000 * 1000;
    init(folder.path(), Some(&domain()), end - CA_LIFE).unwrap();
    let long = Wish {
        life: CA_LIFE,
        ..wish("shop")
    };
    issue(folder.path(), &long, now).unwrap();
    renew(folder.path(), "shop", now).unwrap();
    init(folder.path(), Some(&domain()), now).unwrap();
    revoke(folder.path(), &[], HOUR, now).unwrap();
    for name in ["shop", "host"] {
        let material = material(&folder, name, now).unwrap();
        assert_eq!(material.svid().not_after, end, "{name}");
    }
}

#[test]
fn revoked_certificates_stay_revoked_in_every_later_list() {
    let (folder, now) = folder();
    for name in ["a", "b", "c"] {
        issue(folder.path(), &wish(name), now).unwrap();
    }
    let file = |name: &str| folder.path().join(format!("{name}.pem"));
    let first = revoke(folder.path(), &[file("a")], HOUR, now).unwrap();
    assert_eq!((first.added, first.serials.len()), (1, 1));
    // Named twice, and once more: it is one.
    let second = revoke(folder.path(), &[file("a"), file("b"), file("b")], HOUR, now).unwrap();
    assert_eq!((second.added, second.serials.len()), (1, 2));
    let refreshed = revoke(folder.path(), &[], 3 * HOUR, now + HOUR).unwrap();
    assert_eq!((refreshed.added, &refreshed.serials), (0, &second.serials));
    assert_eq!(refreshed.next_update, now + 4 * HOUR);
    let code = |name| match material(&folder, name, now + HOUR).unwrap_err() {
        MaterialError::Refused { code, .. } => code,
        error => panic!("{error}"),
    };
    assert_eq!((code("a"), code("b")), ("revoked", "revoked"));
    material(&folder, "c", now + HOUR).unwrap();
}

#[test]
fn lists_that_others_have_signed_stay_beside_the_new_one() {
    let (folder, now) = folder();
    for name in ["a", "b"] {
        issue(folder.path(), &wish(name), now).unwrap();
    }
    let file = |name: &str| folder.path().join(format!("{name}.pem"));
    let own = revoke(folder.path(), &[file("a")], HOUR, now).unwrap();
    let own = std::fs::read_to_string(own.file).unwrap();
    let other = Ca::new(&domain(), now).unwrap();
    let foreign = other.revocation_list(&[vec![7]], now, now + HOUR).unwrap();
    let crl = folder.path().join(REVOCATION_LIST);
    // Whichever is the first.
    for both in [format!("{own}{foreign}"), format!("{foreign}{own}")] {
        std::fs::write(&crl, both).unwrap();
        let list = revoke(folder.path(), &[file("b")], HOUR, now + 1_000).unwrap();
        assert_eq!((list.added, list.serials.len()), (1, 2));
        let text = std::fs::read_to_string(&crl).unwrap();
        assert!(text.contains(foreign.trim_end()), "{text}");
        assert_eq!(text.matches("BEGIN X509 CRL").count(), 2);
        for name in ["a", "b"] {
            let error = material(&folder, name, now).unwrap_err();
            assert!(
                matches!(
                    error,
                    MaterialError::Refused {
                        code: "revoked",
                        ..
                    }
                ),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_not_of_this_folder_is_refused() {
    let (folder, now) = folder();
    let (other, _) = self::folder();
    let foreign = other.path().join("host.pem");
    let error = revoke(folder.path(), &[foreign], HOUR, now).unwrap_err();
    assert!(matches!(error, PkiError::OtherIssuer(_)), "{error}");
    let own = folder.path().join("ca.pem");
    let error = revoke(folder.path(), &[own], HOUR, now).unwrap_err();
    assert!(matches!(error, PkiError::Root(_)), "{error}");
    assert!(!folder.path().join(REVOCATION_LIST).exists());
    let error = revoke(folder.path(), &[folder.path().join("host.key")], HOUR, now).unwrap_err();
    assert!(matches!(error, PkiError::NotThere(_)), "{error}");
    let elsewhere = Wish {
        id: SpiffeId::parse("spiffe://elsewhere/a").unwrap(),
        ..wish("a")
    };
    let error = issue(folder.path(), &elsewhere, now).unwrap_err();
    assert!(matches!(error, PkiError::OtherDomain { .. }), "{error}");
    for name in ["", "ca", "crl", "../a", "a/b", "a.b"] {
        let named = Wish {
            name: name.to_owned(),
            ..wish("x")
        };
        let error = issue(folder.path(), &named, now).unwrap_err();
        assert!(matches!(error, PkiError::Name(_)), "{name:?}: {error}");
    }
    std::fs::write(folder.path().join(REVOCATION_LIST), "nothing").unwrap();
    let error = revoke(folder.path(), &[], HOUR, now).unwrap_err();
    assert!(matches!(error, PkiError::List(_)), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = trust_domain_of(empty.path()).unwrap_err();
    assert!(matches!(error, PkiError::Ca { .. }), "{error}");
}
