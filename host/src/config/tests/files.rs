//! Files that settings name.

use std::path::Path;
use std::time::Duration;

use super::*;

#[test]
fn metadata_section_names_its_files() {
    let section = |lines: &str| format!("{MINIMAL}[metadata]\n{lines}\n");
    let both = "blob = \"blob.jwt\"\nroot = \"root.pem\"";
    let found = parse(&section(both)).unwrap().metadata.unwrap();
    assert_eq!(found.blob, Path::new("/etc/zeropass/blob.jwt"));
    assert_eq!(found.roots, [Path::new("/etc/zeropass/root.pem")]);
    assert_eq!(
        (found.signer, found.check_every),
        (None, Duration::from_secs(30))
    );
    let several =
        "blob = \"blob.jwt\"\nroot = [\"one.pem\", \"two.crt\"]\nsigner = \"MDS.example\"";
    let found = parse(&section(several)).unwrap().metadata.unwrap();
    assert_eq!(found.roots.len(), 2);
    assert_eq!(found.signer.as_deref(), Some("mds.example"));
    for (lines, expected) in [
        (
            "root = \"root.pem\"",
            "metadata.blob is missing: expected the path of a FIDO metadata BLOB",
        ),
        (
            "blob = \"blob.jwt\"",
            "metadata.root is missing: expected the path of a root certificate of the BLOB's signer, or a list of such paths",
        ),
        (
            "blob = \"blob.jwt\"\nroot = 7",
            "metadata.root = 7: expected the path of a root certificate",
        ),
        (
            "blob = \"blob.jwt\"\nroot = []",
            "metadata.root = []: expected a list of at least 1",
        ),
        (
            "blob = \"blob.jwt\"\nroot = \"root.pem\"\nsigner = \"https://mds.example\"",
            "expected a DNS name such as \"mds.fidoalliance.org\"",
        ),
        (
            "blob = \"blob.jwt\"\nroot = \"root.pem\"\ncheck-every = \"1ms\"",
            "metadata.check-every = \"1ms\": expected a duration",
        ),
    ] {
        let message = only(&section(lines));
        assert!(message.contains(expected), "{expected}\nin\n{message}");
    }
}

#[test]
fn missing_configuration_file_is_named_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    let error = Config::load(&file).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }));
    let message = error.to_string();
    assert!(
        message.starts_with(&file.display().to_string()),
        "{message}"
    );
    assert!(message.contains("zeropass.example.toml"), "{message}");
}

#[test]
fn files_that_must_exist_are_looked_for_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    std::fs::write(&file, MINIMAL).unwrap();
    std::fs::create_dir_all(folder.path().join("pki/host.key")).unwrap();
    let message = Config::load(&file).unwrap_err().to_string();
    let absent = folder.path().join("pki/host.pem");
    for expected in [
        format!(
            "zeropass.toml:2: service.certificate = \"pki/host.pem\": expected the path of a PEM file \
             with the host's certificate chain; {}: No such file",
            absent.display()
        ),
        "service.key = \"pki/host.key\": expected".to_owned(),
        "pki/host.key: that is not a file".to_owned(),
        "service.client-ca = \"pki/ca.pem\": expected".to_owned(),
        "policy.folder = \"policies\": expected the path of a folder that exists".to_owned(),
        "components.auth-service.file = \"auth.wasm\": expected".to_owned(),
        "components.passkey-manager.file = \"passkeys.wasm\": expected".to_owned(),
        "link.auth-service.certificate = \"pki/auth-service.pem\": expected".to_owned(),
        "link.auth-service.key = \"pki/auth-service.key\": expected".to_owned(),
        "link.passkey-manager.certificate = \"pki/passkey-manager.pem\": expected".to_owned(),
        "link.passkey-manager.key = \"pki/passkey-manager.key\": expected".to_owned(),
    ] {
        assert!(message.contains(&expected), "{expected}\nin\n{message}");
    }
    assert_eq!(message.lines().count(), 10, "{message}");
}

#[test]
fn complete_folder_loads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zeropass.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    for name in ["pki", "policies", "components"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in [
        "pki/host.pem",
        "pki/host.key",
        "pki/ca.pem",
        "pki/auth-service.pem",
        "pki/auth-service.key",
        "pki/passkey-manager.pem",
        "pki/passkey-manager.key",
        "components/auth_service.wasm",
        "components/passkey_manager.wasm",
    ] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let config = Config::load(&file).unwrap();
    let IdentitySource::Files { key, .. } = &config.service.identity else {
        panic!("{:?}", config.service.identity)
    };
    assert_eq!(*key, folder.path().join("pki/host.key"));
    assert_eq!(config.folder(), folder.path());
}
