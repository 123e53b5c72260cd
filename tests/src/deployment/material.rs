//! The certificates and keys in a deployment's folder.

use std::collections::BTreeSet;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use zeropass::identity::TrustDomain;
use zeropass::identity::pki::{Ca, IssueRequest};

use super::certificates::{component, now, workload};
use super::files::shared_folder;
use super::{RelyingParty, TRUST_DOMAIN};

/// A CA, and files for the host and for every workload that is configured.
pub(super) fn certificates(folder: &Path, relying_parties: &[RelyingParty]) -> Ca {
    std::fs::create_dir(folder).expect("a folder for certificates");
    let domain: TrustDomain = TRUST_DOMAIN.parse().expect("a trust domain");
    let ca = Ca::above(&domain, now(), 1).expect("a CA");
    std::fs::write(folder.join("ca.pem"), ca.pem()).expect("the CA can be written");
    issue(&ca, folder, "host", &host_request());
    for name in ["auth-service", "passkey-manager"] {
        issue(&ca, folder, name, &component(name));
    }
    let workloads: BTreeSet<_> = relying_parties
        .iter()
        .flat_map(|party| &party.workloads)
        .collect();
    for name in workloads {
        issue(&ca, folder, name, &workload(name));
    }
    ca
}

/// Asks for a proper certificate of the host.
pub(super) fn host_request() -> IssueRequest {
    let mut host = IssueRequest::workload(&format!("spiffe://{TRUST_DOMAIN}/host"), now());
    host.dns = vec!["localhost".to_owned()];
    host.ips = vec![std::net::Ipv4Addr::LOCALHOST.into()];
    host
}

fn issue(ca: &Ca, folder: &Path, name: &str, request: &IssueRequest) {
    let issued = ca.issue(request).expect("a certificate can be issued");
    std::fs::write(folder.join(format!("{name}.pem")), issued.certificate)
        .expect("a certificate can be written");
    write_private(&folder.join(format!("{name}.key")), issued.key.as_bytes());
}

pub(super) fn write_private(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .expect("a private file can be made");
    std::io::Write::write_all(&mut file, bytes).expect("a private file can be written");
}

/// Give the host the cache key of all deployments, so that it trusts what another
/// one has compiled.
pub(super) fn share_cache_key(keys: &Path) {
    let shared = shared_folder();
    std::fs::create_dir_all(&shared).expect("a folder for shared files");
    let key = shared.join("cache.key");
    if !key.exists() {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
        let mut file = tempfile::NamedTempFile::new_in(&shared).expect("a temporary file");
        std::io::Write::write_all(&mut file, &bytes).expect("the cache key can be written");
        // Whoever comes first decides; all others take that key.
        let _ = file.persist_noclobber(&key);
    }
    std::fs::create_dir(keys).expect("a folder for keys");
    std::fs::set_permissions(keys, std::fs::Permissions::from_mode(0o700)).expect("permissions");
    write_private(
        &keys.join("cache.key"),
        &std::fs::read(&key).expect("the shared cache key"),
    );
}

/// All but what belongs to one host.
pub(super) fn copy_keys(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("a folder of keys").flatten() {
        let name = file.file_name();
        let name = name.to_str().expect("a name that is text");
        if name != "cache.key" && !name.starts_with("audit-") && file.path().is_file() {
            let key = std::fs::read(file.path()).expect("a key");
            write_private(&to.join(name), &key);
        }
    }
}
