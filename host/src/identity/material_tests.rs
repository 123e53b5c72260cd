use std::fs;

use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::pki;

const YEAR: Timestamp = 366 * 24 * 60 * 60 * 1000;

fn folder() -> (TempDir, MaterialFiles, Timestamp) {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    let trust_domain = "td".parse().unwrap();
    pki::init(folder.path(), Some(&trust_domain), now).unwrap();
    let files = pki::files_of(folder.path(), "host", &trust_domain);
    (folder, files, now)
}

#[test]
fn good_files_load() {
    let (_folder, files, now) = folder();
    let material = Material::load(&files, now).unwrap();
    assert_eq!(material.svid().id.as_str(), "spiffe://td/host");
}

#[test]
fn debug_shows_no_key() {
    let (_folder, files, now) = folder();
    let text = format!("{:?}", Material::load(&files, now).unwrap());
    assert!(text.contains(r#"key: "...""#), "{text}");
    let key = fs::read_to_string(&files.key).unwrap();
    assert!(key.lines().all(|line| !text.contains(line)));
}

#[test]
fn missing_file_is_named_with_what_it_should_hold() {
    let (folder, mut files, now) = folder();
    files.key = folder.path().join("absent.key");
    let error = Material::load(&files, now).unwrap_err();
    assert!(matches!(&error, MaterialError::Read { file, .. } if *file == files.key));
    assert!(
        error.to_string().contains("absent.key") && error.to_string().contains("one private key")
    );
}

#[test]
fn file_without_the_right_pem_is_named() {
    let (_folder, files, now) = folder();
    let swapped = MaterialFiles {
        certificate: files.key.clone(),
        ..files.clone()
    };
    let error = Material::load(&swapped, now).unwrap_err();
    assert!(matches!(&error, MaterialError::Pem { file, .. } if *file == files.key));
    let swapped = MaterialFiles {
        key: files.certificate.clone(),
        ..files.clone()
    };
    let error = Material::load(&swapped, now).unwrap_err();
    assert!(matches!(&error, MaterialError::Pem { file, .. } if *file == files.certificate));
}

#[test]
fn key_of_another_certificate_is_refused() {
    let (folder, mut files, now) = folder();
    files.key = folder.path().join("operator.key");
    let error = Material::load(&files, now).unwrap_err();
    assert!(
        matches!(error, MaterialError::KeyMismatch { .. }),
        "{error}"
    );
}

#[test]
fn ca_certificate_is_no_identity() {
    let (folder, mut files, now) = folder();
    files.certificate = folder.path().join("ca.pem");
    files.key = folder.path().join("ca.key");
    let error = Material::load(&files, now).unwrap_err();
    assert!(
        matches!(
            error,
            MaterialError::Svid {
                source: SvidError::CaCertificate,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn certificate_that_peers_would_refuse_is_refused_with_their_code() {
    let (_folder, files, now) = folder();
    let (_other, other, _) = self::folder();
    let code = |files: &MaterialFiles, now| match Material::load(files, now).unwrap_err() {
        MaterialError::Refused { code, .. } => code,
        error => panic!("{error}"),
    };
    assert_eq!(code(&files, now + YEAR), "expired");
    assert_eq!(code(&files, now - YEAR), "not-yet-valid");
    assert_eq!(
        code(
            &MaterialFiles {
                roots: other.roots,
                ..files.clone()
            },
            now
        ),
        "unknown-ca"
    );
    let foreign = MaterialFiles {
        trust_domains: vec!["elsewhere".parse().unwrap()],
        ..files
    };
    assert_eq!(code(&foreign, now), "trust-domain");
    // In words, and not as rustls wraps them.
    let said = Material::load(&foreign, now).unwrap_err().to_string();
    let why = "(`trust-domain`: `spiffe://td/host` is of a trust domain that is not allowed here); \
               renew it or correct roots and trust domains";
    assert!(said.ends_with(why), "{said}");
}

#[test]
fn missing_revocation_list_is_an_error() {
    let (folder, mut files, now) = folder();
    let crl = folder.path().join("crl.pem");
    files.crls = vec![crl.clone()];
    let error = Material::load(&files, now).unwrap_err();
    assert!(matches!(&error, MaterialError::Read { file, .. } if *file == crl));
}
