use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::ca::{CA_LIFE, LEAF_LIFE};

fn domain() -> TrustDomain {
    DEFAULT_TRUST_DOMAIN.parse().unwrap()
}

fn folder() -> (TempDir, Timestamp) {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    init(folder.path(), Some(&domain()), now).unwrap();
    (folder, now)
}

fn contents(folder: &TempDir) -> BTreeMap<String, String> {
    fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

fn done(steps: &[Step], file: &str) -> Done {
    steps
        .iter()
        .find(|step| step.file.ends_with(file))
        .unwrap()
        .done
}

#[test]
fn every_role_gets_its_id_and_private_key_file() {
    let (folder, now) = folder();
    let expected = [
        ("host", "spiffe://zeropass.internal/host"),
        (
            "relying-party",
            "spiffe://zeropass.internal/workload/relying-party",
        ),
        ("operator", "spiffe://zeropass.internal/operator/dev"),
        (
            "auth-service",
            "spiffe://zeropass.internal/component/auth-service",
        ),
        (
            "passkey-manager",
            "spiffe://zeropass.internal/component/passkey-manager",
        ),
    ];
    for (name, id) in expected {
        let files = files_of(folder.path(), name, &domain());
        assert_eq!(Material::load(&files, now).unwrap().svid().id.as_str(), id);
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}.key");
    }
    let mode = fs::metadata(folder.path().join("ca.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(contents(&folder).len(), 12, "no temporary file stays");
}

#[test]
fn second_run_keeps_every_file() {
    let (folder, now) = folder();
    let before = contents(&folder);
    let steps = init(folder.path(), Some(&domain()), now).unwrap();
    assert!(
        steps.iter().all(|step| step.done == Done::Kept),
        "{steps:?}"
    );
    assert_eq!(contents(&folder), before);
}

#[test]
fn half_written_folder_is_completed() {
    let (folder, now) = folder();
    let before = contents(&folder);
    fs::remove_file(folder.path().join("operator.pem")).unwrap();
    fs::copy(
        folder.path().join("host.key"),
        folder.path().join("auth-service.key"),
    )
    .unwrap();
    let steps = init(folder.path(), Some(&domain()), now).unwrap();
    assert_eq!(done(&steps, "operator.pem"), Done::Created);
    assert_eq!(done(&steps, "auth-service.pem"), Done::Created);
    assert_eq!(done(&steps, "host.pem"), Done::Kept);
    let after = contents(&folder);
    assert_eq!(after["ca.pem"], before["ca.pem"]);
    assert_eq!(after["host.pem"], before["host.pem"]);
}

#[test]
fn expired_leaves_are_renewed_by_the_same_ca() {
    let (folder, now) = folder();
    let before = contents(&folder);
    let later = now + LEAF_LIFE;
    let steps = init(folder.path(), Some(&domain()), later).unwrap();
    assert_eq!(done(&steps, "ca.pem"), Done::Kept);
    assert!(
        steps[1..].iter().all(|step| step.done == Done::Renewed),
        "{steps:?}"
    );
    assert_eq!(contents(&folder)["ca.pem"], before["ca.pem"]);
    let host = Material::load(&files_of(folder.path(), "host", &domain()), later).unwrap();
    assert!(host.svid().not_after > later);
}

#[test]
fn ca_at_its_end_is_replaced_with_all_leaves() {
    let (folder, now) = folder();
    let steps = init(folder.path(), Some(&domain()), now + CA_LIFE).unwrap();
    assert!(
        steps.iter().all(|step| step.done == Done::Renewed),
        "{steps:?}"
    );
}

#[test]
fn trust_domain_is_that_of_the_ca_and_no_other_is_taken() {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    let (own, other) = ("td".parse().unwrap(), domain());
    init(folder.path(), Some(&own), now).unwrap();
    let before = contents(&folder);
    let steps = init(folder.path(), None, now).unwrap();
    assert!(
        steps.iter().all(|step| step.done == Done::Kept),
        "{steps:?}"
    );
    assert_eq!(steps[1].id, "spiffe://td/host");
    let error = init(folder.path(), Some(&other), now).unwrap_err();
    assert!(matches!(error, PkiError::OtherAuthority { .. }), "{error}");
    assert_eq!(contents(&folder), before);
    // A new one has the default.
    let new = tempfile::tempdir().unwrap();
    let steps = init(new.path(), None, now).unwrap();
    assert_eq!(steps[1].id, "spiffe://zeropass.internal/host");
}

#[test]
fn revoked_certificate_is_not_kept() {
    let (folder, now) = folder();
    let operator = folder.path().join("operator.pem");
    // A list that has expired says who is revoked all the same, and nothing about others.
    revoke(folder.path(), std::slice::from_ref(&operator), 1_000, now).unwrap();
    let later = now + RENEW_BEFORE;
    let steps = init(folder.path(), None, later).unwrap();
    assert_eq!(done(&steps, "operator.pem"), Done::Renewed);
    assert_eq!(done(&steps, "host.pem"), Done::Kept);
    let again = init(folder.path(), None, later).unwrap();
    assert_eq!(done(&again, "operator.pem"), Done::Kept);
}

#[test]
fn ca_without_its_key_is_never_overwritten() {
    let (folder, now) = folder();
    let before = contents(&folder);
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    let error = init(folder.path(), Some(&domain()), now).unwrap_err();
    assert!(matches!(error, PkiError::Ca { .. }), "{error}");
    fs::copy(folder.path().join("host.key"), folder.path().join("ca.key")).unwrap();
    let error = init(folder.path(), Some(&domain()), now).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("ca.key does not belong to ca.pem"),
        "{error}"
    );
    assert_eq!(contents(&folder)["ca.pem"], before["ca.pem"]);
}
