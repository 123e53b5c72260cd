//! The development certificate authority: one folder, all roles.
//!
//! [`init`] brings a folder to the state in which every role has a valid
//! certificate, and changes nothing that is valid already: run again it keeps,
//! after a crash it completes, after a year or a revocation it renews. Keys are written before
//! the certificates that need them, each file atomically and readable by its
//! owner alone; a key and a certificate that don't belong together are taken
//! for an interrupted write and issued anew.
//!
//! It is for development. In production, material comes from the organisation's
//! own authority; the host reads the same PEM files.

mod operate;

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::operate::{
    List, REVOCATION_LIST, Wish, issue, renew, revocation, revoke, trust_domain_of,
};
pub use super::ca::{Ca, CaError, IssueRequest, Issued};
use super::ca::{CaFault, Revoked};
use super::error::MaterialError;
use super::material::Material;
use super::parts::MaterialFiles;
use super::spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
use crate::clock::Timestamp;

/// The trust domain when none is configured.
pub const DEFAULT_TRUST_DOMAIN: &str = "zeropass.internal";

/// A certificate that ends within this time is renewed by [`init`].
const RENEW_BEFORE: Timestamp = 24 * 60 * 60 * 1000;

/// The certificates that [`init`] keeps: file name and path of the SPIFFE id.
const ROLES: [(&str, &str); 5] = [
    (HOST, "/host"),
    ("relying-party", "/workload/relying-party"),
    ("operator", "/operator/dev"),
    ("auth-service", "/component/auth-service"),
    ("passkey-manager", "/component/passkey-manager"),
];
const HOST: &str = "host";
const CA_CERTIFICATE: &str = "ca.pem";
const CA_KEY: &str = "ca.key";

/// What [`init`] did about one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was valid and stays.
    Kept,
    /// It was not there, or its files did not belong together.
    Created,
    /// It was out of date, revoked, or of another CA, and was issued anew.
    Renewed,
}

/// One line of what [`init`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The certificate's file.
    pub file: PathBuf,
    /// The SPIFFE id; for the CA its trust domain as `spiffe://domain`.
    pub id: String,
    /// What was done.
    pub done: Done,
}

/// Why the development PKI can't be made or used.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file or folder can't be read or written.
    #[error("{}: {source}; the PKI folder must be writable", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The CA in the folder can't sign.
    #[error(
        "{}: {reason}; put back the matching ca.pem and ca.key, or remove the folder to start with a new CA",
        folder.display()
    )]
    Ca {
        /// The PKI folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A certificate can't be made.
    #[error(transparent)]
    Issue(#[from] CaError),
    /// The trust domain makes no good SPIFFE ids.
    #[error(transparent)]
    Id(#[from] SpiffeIdError),
    /// It would be overwritten.
    #[error("{}: it is there already; `zeropass pki renew` replaces it", .0.display())]
    Exists(PathBuf),
    /// There is no certificate to work with.
    #[error("{}: expected a PEM file with a certificate issued here, found none", .0.display())]
    NotThere(PathBuf),
    /// A certificate of another CA.
    #[error("{}: it was not issued by the ca.pem of this folder; revoke it where it was issued", .0.display())]
    OtherIssuer(PathBuf),
    /// An id that the CA does not vouch for.
    #[error("`{id}` is not of the CA's trust domain `{trust_domain}`")]
    OtherDomain {
        /// The id.
        id: SpiffeId,
        /// The CA's trust domain.
        trust_domain: TrustDomain,
    },
    /// A CA of another trust domain than the wanted one.
    #[error(
        "{}: its CA is of the trust domain `{found}`, not of `{wanted}`; leave --trust-domain out, or name another folder",
        folder.display()
    )]
    OtherAuthority {
        /// The PKI folder.
        folder: PathBuf,
        /// The trust domain that was asked for.
        wanted: TrustDomain,
        /// The CA's trust domain.
        found: TrustDomain,
    },
    /// A root, which no list can revoke.
    #[error(
        "{}: it is an authority's own certificate, about which nobody asks a list; take it out of `service.client-ca` instead, and issue new certificates from another authority",
        .0.display()
    )]
    Root(PathBuf),
    /// The revocation list can't be continued.
    #[error("{}: expected a PEM file with revocation lists; put it back, or remove it and revoke again what it named", .0.display())]
    List(PathBuf),
    /// A name that makes no file name.
    #[error(
        "`{0}` names no certificate here: letters, digits, `-` and `_`, and neither `ca` nor `crl`"
    )]
    Name(String),
    /// A certificate that was just issued does not pass its own check.
    #[error("the new certificate is not usable: {0}")]
    Check(#[from] MaterialError),
}

/// Bring `folder` to the state in which every role has a valid certificate.
///
/// Without a trust domain it is that of the CA in the folder, or
/// [`DEFAULT_TRUST_DOMAIN`] where there is none. A CA keeps its trust domain. Two runs on
/// one folder wait for each other.
///
/// # Errors
/// [`PkiError`] names the file and the mend. Running again after the mend
/// continues where it stopped.
pub fn init(
    folder: &Path,
    trust_domain: Option<&TrustDomain>,
    now: Timestamp,
) -> Result<Vec<Step>, PkiError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io(folder))?;
    let lock = std::fs::File::open(folder).map_err(io(folder))?;
    lock.lock().map_err(io(folder))?;

    let trust_domain = &domain_of(folder, trust_domain)?;
    let (ca, done) = ca_of(folder, trust_domain, now)?;
    let revoked = operate::revoked(folder, &ca)?;
    let mut steps = vec![Step {
        file: folder.join(CA_CERTIFICATE),
        id: format!("spiffe://{trust_domain}"),
        done,
    }];
    for (name, path) in ROLES {
        let id = SpiffeId::parse(&format!("spiffe://{trust_domain}{path}"))?;
        let file = folder.join(format!("{name}.pem"));
        let done = role(folder, &ca, &revoked, name, &id, now)?;
        steps.push(Step {
            file,
            id: id.to_string(),
            done,
        });
    }
    Ok(steps)
}

/// Where [`init`] puts the material of a role, as [`Material::load`] takes it.
pub fn files_of(folder: &Path, name: &str, trust_domain: &TrustDomain) -> MaterialFiles {
    MaterialFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
        roots: folder.join(CA_CERTIFICATE),
        crls: Vec::new(),
        trust_domains: vec![trust_domain.clone()],
    }
}

fn role(
    folder: &Path,
    ca: &Ca,
    revoked: &[Revoked],
    name: &str,
    id: &SpiffeId,
    now: Timestamp,
) -> Result<Done, PkiError> {
    let files = files_of(folder, name, id.trust_domain());
    let is_revoked = |serial| revoked.iter().any(|one| one.serial == serial);
    let done = match Material::load(&files, now) {
        Ok(material)
            if material.svid().id == *id
                && material.svid().not_after >= now.saturating_add(RENEW_BEFORE)
                && !is_revoked(material.svid().serial.as_slice()) =>
        {
            return Ok(Done::Kept);
        }
        Ok(_) | Err(MaterialError::Refused { .. }) => Done::Renewed,
        Err(_) => Done::Created,
    };
    let mut request = IssueRequest::workload(id.as_str(), now);
    request.not_after = request.not_after.min(ca.not_after());
    if name == HOST {
        request.dns = vec!["localhost".to_owned()];
        request.ips = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    let issued = ca.issue(&request)?;
    write(&files.key, &issued.key, 0o600)?;
    write(&files.certificate, &issued.certificate, 0o644)?;
    Material::load(&files, now)?;
    Ok(done)
}

/// The trust domain of the folder's CA, which is the wanted one if there is such.
fn domain_of(folder: &Path, wanted: Option<&TrustDomain>) -> Result<TrustDomain, PkiError> {
    if !folder.join(CA_CERTIFICATE).exists() {
        return match wanted {
            Some(wanted) => Ok(wanted.clone()),
            None => Ok(DEFAULT_TRUST_DOMAIN.parse()?),
        };
    }
    let found = trust_domain_of(folder)?;
    match wanted {
        Some(wanted) if *wanted != found => Err(PkiError::OtherAuthority {
            folder: folder.to_owned(),
            wanted: wanted.clone(),
            found,
        }),
        _ => Ok(found),
    }
}

fn ca_of(
    folder: &Path,
    trust_domain: &TrustDomain,
    now: Timestamp,
) -> Result<(Ca, Done), PkiError> {
    let (certificate, key) = (folder.join(CA_CERTIFICATE), folder.join(CA_KEY));
    let done = match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => {
            match Ca::from_pem(&certificate, &key, now.saturating_add(RENEW_BEFORE)) {
                Ok(ca) => return Ok((ca, Done::Kept)),
                Err(CaFault::Expired) => Done::Renewed,
                Err(CaFault::Unusable(reason)) => {
                    return Err(PkiError::Ca {
                        folder: folder.to_owned(),
                        reason,
                    });
                }
            }
        }
        (Some(_), None) => {
            let reason = "there is ca.pem, but not its ca.key";
            return Err(PkiError::Ca {
                folder: folder.to_owned(),
                reason,
            });
        }
        // A key without a certificate: nobody can trust it yet.
        (None, _) => Done::Created,
    };
    let ca = Ca::new(trust_domain, now)?;
    write(&key, &ca.key_pem(), 0o600)?;
    write(&certificate, ca.pem(), 0o644)?;
    Ok((ca, done))
}

// === helpers ===

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> PkiError {
    let path = path.to_owned();
    move |source| PkiError::Io { path, source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, PkiError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PkiError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Write a whole file or nothing; others see the old or the new one, never half of it.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Made with mode 0600, so a key is never readable by others, not even briefly.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io(path))?;
    file.write_all(text.as_bytes()).map_err(io(path))?;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(io(path))?;
    file.as_file().sync_all().map_err(io(path))?;
    file.persist(path).map_err(|error| io(path)(error.error))?;
    Ok(())
}

#[cfg(test)]
#[path = "pki_tests.rs"]
mod tests;
