use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::identity::pki;
use crate::registry::statement::parse_version;
use crate::registry::{Statement, sha256, signing_key};

const MINIMAL: &str = r#"
    [service]
    certificate = "host.pem"
    key = "host.key"
    client-ca = "ca.pem"
    trust-domain = "zeropass.internal"
    [policy]
    folder = "."
    [components.auth-service]
    file = "auth.wasm"
    [components.passkey-manager]
    file = "passkeys.wasm"
    [link]
    kind = "in-process"
    [[relying-party]]
    id = "localhost"
    name = "Demo"
    origins = ["http://localhost:8080"] # the demo
    workloads = ["spiffe://zeropass.internal/demo"]
"#;

const COMPONENTS: [(&str, &str); 2] = [
    ("auth.wasm", "auth-service"),
    ("passkeys.wasm", "passkey-manager"),
];

/// Everything that the host needs, in one folder. The configuration is `text`, with the
/// delivered policies.
fn folder_of(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let domain = "zeropass.internal".parse().unwrap();
    pki::init(folder.path(), Some(&domain), SystemClock.now()).unwrap();
    signing_key::init(folder.path()).unwrap();
    for (file, name) in COMPONENTS {
        std::fs::write(folder.path().join(file), name).unwrap();
        sign(folder.path(), file, name);
    }
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    let text = text.replace(
        "folder = \".\"",
        &format!("folder = {policies:?}\nsigners = \"signers\""),
    );
    let file = folder.path().join("zeropass.toml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    folder_of(MINIMAL)
}

/// Sign a file with the development key of its folder.
fn sign(folder: &Path, file: &str, name: &str) {
    let wasm = std::fs::read(folder.join(file)).unwrap();
    let statement = Statement {
        name: name.to_owned(),
        version: parse_version("1.0.0").unwrap(),
        digest: sha256(&wasm),
        world: Statement::default_world(name),
        time: SystemClock.now(),
    };
    let key = signing_key::development(folder).unwrap();
    let minisig = key.sign(&wasm, &statement).unwrap();
    std::fs::write(folder.join(format!("{file}.minisig")), minisig).unwrap();
}

/// All problems, each from its setting on.
fn problems(file: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let error = check(file, &mut out).unwrap_err();
    assert!(out.is_empty());
    match error {
        CheckError::Config(Error::Invalid { problems, .. }) => {
            problems.into_iter().map(|one| one.message).collect()
        }
        other => panic!("{other}"),
    }
}

/// Each problem is of this setting, and has these words.
fn assert_found(file: &Path, expected: &[(&str, &str)]) {
    let found = problems(file);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (problem, (setting, words)) in found.iter().zip(expected) {
        let well = problem.starts_with(&format!("{setting}: ")) && problem.contains(words);
        assert!(well, "{setting}: {words}\nin {found:#?}");
    }
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn answer_shows_given_values_and_defaults_and_reads_back_as_the_same() {
    let (_folder, file) = folder();
    let mut out = Vec::new();
    check(&file, &mut out).unwrap();
    let answer = String::from_utf8(out).unwrap();
    assert!(
        answer.contains("\ntrust-domain = \"zeropass.internal\"\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\nbody-limit = \"64KiB\"  # default\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\norigins = [\"http://localhost:8080\"]\n"),
        "{answer}"
    );
    assert!(answer.contains("\n# enroll-url is not set\n"), "{answer}");

    std::fs::write(&file, &answer).unwrap();
    let again = Config::load(&file).expect("the answer is a configuration");
    assert_eq!(
        again.service,
        Config::parse(MINIMAL, &file).unwrap().service
    );
}

#[test]
fn problems_are_the_error_and_nothing_is_written() {
    let (_folder, file) = folder_of(&MINIMAL.replace("auth.wasm", "absent.wasm"));
    let mut out = Vec::new();
    let error = check(&file, &mut out).unwrap_err();
    assert!(matches!(error, CheckError::Config(Error::Invalid { .. })));
    assert!(error.to_string().contains("components.auth-service.file"));
    assert!(out.is_empty());
}

#[test]
fn each_file_that_serve_would_refuse_is_a_problem_of_its_own() {
    let (folder, file) = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(at("operator.key"), at("host.key")).unwrap();
    std::fs::remove_file(at("auth.wasm.minisig")).unwrap();
    std::fs::write(at("passkeys.wasm"), "another file").unwrap();
    let before = names(folder.path());
    assert_found(
        &file,
        &[
            ("service.key", "does not belong to the certificate"),
            ("components.auth-service.signature", "it is not signed"),
            ("components.passkey-manager.signature", "signature"),
        ],
    );
    assert_eq!(names(folder.path()), before, "nothing is written");
}

#[test]
fn files_without_what_they_should_hold_are_all_named() {
    let link = r#"kind = "mtls"
        auth-service = { certificate = "auth-service.pem", key = "auth-service.key" }
        passkey-manager = { certificate = "passkey-manager.pem", key = "operator.key" }"#;
    let (folder, file) = folder_of(&MINIMAL.replace(r#"kind = "in-process""#, link));
    for name in ["host.key", "ca.pem", "auth-service.pem"] {
        std::fs::write(folder.path().join(name), "nothing").unwrap();
    }
    assert_found(
        &file,
        &[
            ("service.key", "expected one private key"),
            (
                "service.client-ca",
                "expected one or more root certificates",
            ),
            (
                "link.auth-service.certificate",
                "expected a certificate chain",
            ),
        ],
    );
}

#[test]
fn identity_that_is_not_the_components_own_is_a_problem() {
    let link = r#"kind = "mtls"
        auth-service = { certificate = "auth-service.pem", key = "auth-service.key" }
        passkey-manager = { certificate = "operator.pem", key = "operator.key" }"#;
    let (_folder, file) = folder_of(&MINIMAL.replace(r#"kind = "in-process""#, link));
    let expected = "spiffe://zeropass.internal/component/passkey-manager";
    assert_found(&file, &[("link.passkey-manager.certificate", expected)]);
}

#[test]
fn certificate_of_another_trust_domain_is_a_problem() {
    let text = MINIMAL.replace("zeropass.internal", "example.org");
    let (_folder, file) = folder_of(&text);
    assert_found(&file, &[("service.certificate", "trust-domain")]);
}

#[test]
fn signer_and_policies_that_would_be_refused_are_problems() {
    let (folder, file) = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("signers/development.toml"), "key = \"RW\"\nnames = []").unwrap();
    std::fs::remove_file(at("auth.wasm.minisig")).unwrap();
    assert_found(
        &file,
        &[
            ("policy.signers", "not a minisign public key"),
            // The other signature is for nobody to judge.
            ("components.auth-service.signature", "it is not signed"),
        ],
    );
    let other = signing_key::SigningKey::generate().unwrap();
    std::fs::write(
        at("signers/development.toml"),
        other.signer(&["auth-service"]),
    )
    .unwrap();
    sign(folder.path(), "auth.wasm", "auth-service");
    assert_found(
        &file,
        &[
            (
                "components.auth-service.signature",
                "which policy does not know",
            ),
            (
                "components.passkey-manager.signature",
                "which policy does not know",
            ),
        ],
    );
    let text = MINIMAL.replace("folder = \".\"", "folder = \"signers\"");
    std::fs::write(&file, text).unwrap();
    assert_found(&file, &[("policy.folder", "not part of a policy bundle")]);
}

#[test]
fn unsigned_components_are_good_where_no_signature_is_required() {
    let text = MINIMAL.replace(
        "[components.auth-service]",
        "[components]\nrequire-signatures = false\n[components.auth-service]",
    );
    let (folder, file) = folder_of(&text);
    std::fs::remove_file(folder.path().join("auth.wasm.minisig")).unwrap();
    check(&file, &mut Vec::new()).unwrap();
}

#[test]
fn key_of_the_host_that_others_can_read_is_a_problem_and_a_missing_one_is_not_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, file) = folder();
    let keys = folder.path().join("keys");
    check(&file, &mut Vec::new()).unwrap();
    assert!(!keys.exists(), "nothing is written");
    std::fs::create_dir(&keys).unwrap();
    let key = keys.join("pseudonym.key");
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(&file, &[("keys.folder", "chmod 600")]);
}

#[test]
fn roots_of_makers_and_metadata_that_are_no_good_are_problems() {
    let text = format!(
        "{MINIMAL}attestation-roots = [\"ca.pem\", \"auth.wasm\"]\n[metadata]\nblob = \"auth.wasm\"\nroot = \"ca.pem\"\n"
    );
    let (_folder, file) = folder_of(&text);
    assert_found(
        &file,
        &[
            ("metadata.blob", ""),
            ("relying-party[0].attestation-roots", "auth.wasm: expected"),
        ],
    );
}
