//! The development certificate authority: one folder, all roles.
//!
//! [`init`] brings a folder to the state in which every role has a valid
//! certificate, and changes nothing that is valid already: run again it keeps,
//! after a crash it completes, after a year it renews. Keys are written before
//! the certificates that need them, each file atomically and readable by its
//! owner alone; a key and a certificate that don't belong together are taken
//! for an interrupted write and issued anew.
//!
//! It is for development and tests. In production, material comes from the
//! organisation's own authority; the host reads the same PEM files.
//!
//! [`Ca::issue`] makes any certificate, odd ones too, for tests.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::material::{Material, MaterialError, MaterialFiles};
use super::spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
use crate::clock::Timestamp;

/// The trust domain when none is configured.
pub const DEFAULT_TRUST_DOMAIN: &str = "zeropass.internal";

const MINUTE: Timestamp = 60 * 1000;
const DAY: Timestamp = 24 * 60 * MINUTE;
/// How far before now a certificate's validity begins, for clocks that differ.
const SKEW: Timestamp = 5 * MINUTE;
const CA_LIFE: Timestamp = 3653 * DAY;
const LEAF_LIFE: Timestamp = 365 * DAY;
/// A certificate that ends within this time is renewed by [`init`].
const RENEW_BEFORE: Timestamp = DAY;

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
    /// It was out of date, or no longer of this CA, and was issued anew.
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

/// A signing authority.
pub struct Ca {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, not yet written anywhere.
pub struct Issued {
    /// The certificate in PEM form.
    pub certificate: String,
    /// The private key in PEM form (PKCS #8).
    pub key: String,
}

/// What a certificate shall say. [`IssueRequest::workload`] is a proper SVID;
/// tests change fields to get improper ones.
#[derive(Debug, Clone)]
pub struct IssueRequest {
    /// URI subject alternative names, as they are.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Valid from, milliseconds since the Unix epoch (cut to seconds).
    pub not_before: Timestamp,
    /// Valid to and including, milliseconds since the Unix epoch (cut to seconds).
    pub not_after: Timestamp,
    /// What basic constraints say; `IsCa::NoCa` leaves the extension out.
    pub basic_constraints: IsCa,
    /// Key usage bits; none leaves the extension out.
    pub key_usages: Vec<KeyUsagePurpose>,
    /// Extended key usages; none leaves the extension out.
    pub extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
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
    #[error("can't make the certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// A validity outside the years that X.509 can say.
    #[error("{0} ms since the epoch is no date that a certificate can hold")]
    Date(Timestamp),
    /// The trust domain makes no good SPIFFE ids.
    #[error(transparent)]
    Id(#[from] SpiffeIdError),
    /// A certificate that was just issued does not pass its own check.
    #[error("the new certificate is not usable: {0}")]
    Check(#[from] MaterialError),
}

/// Bring `folder` to the state in which every role has a valid certificate.
///
/// Two runs on one folder wait for each other.
///
/// # Errors
/// [`PkiError`] names the file and the mend. Running again after the mend
/// continues where it stopped.
pub fn init(
    folder: &Path,
    trust_domain: &TrustDomain,
    now: Timestamp,
) -> Result<Vec<Step>, PkiError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io(folder))?;
    let lock = std::fs::File::open(folder).map_err(io(folder))?;
    lock.lock().map_err(io(folder))?;

    let (ca, done) = ca_of(folder, trust_domain, now)?;
    let mut steps = vec![Step {
        file: folder.join(CA_CERTIFICATE),
        id: format!("spiffe://{trust_domain}"),
        done,
    }];
    for (name, path) in ROLES {
        let id = SpiffeId::parse(&format!("spiffe://{trust_domain}{path}"))?;
        let file = folder.join(format!("{name}.pem"));
        let done = role(folder, &ca, name, &id, now)?;
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
    name: &str,
    id: &SpiffeId,
    now: Timestamp,
) -> Result<Done, PkiError> {
    let files = files_of(folder, name, id.trust_domain());
    let done = match Material::load(&files, now) {
        Ok(material)
            if material.svid().id == *id
                && material.svid().not_after >= now.saturating_add(RENEW_BEFORE) =>
        {
            return Ok(Done::Kept);
        }
        Ok(_) | Err(MaterialError::Refused { .. }) => Done::Renewed,
        Err(_) => Done::Created,
    };
    let mut request = IssueRequest::workload(id.as_str(), now);
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

fn ca_of(
    folder: &Path,
    trust_domain: &TrustDomain,
    now: Timestamp,
) -> Result<(Ca, Done), PkiError> {
    let (certificate, key) = (folder.join(CA_CERTIFICATE), folder.join(CA_KEY));
    let done = match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => match Ca::from_pem(&certificate, &key, now) {
            Ok(ca) => return Ok((ca, Done::Kept)),
            Err(CaFault::Expired) => Done::Renewed,
            Err(CaFault::Unusable(reason)) => {
                return Err(PkiError::Ca {
                    folder: folder.to_owned(),
                    reason,
                });
            }
        },
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
    write(&key, &ca.issuer.key().serialize_pem(), 0o600)?;
    write(&certificate, &ca.pem, 0o644)?;
    Ok((ca, done))
}

/// Why an existing CA does not sign any more.
enum CaFault {
    Expired,
    Unusable(&'static str),
}

// === impl Ca ===

impl Ca {
    /// A new authority for a trust domain, with a name that no other has.
    ///
    /// # Errors
    /// No randomness, or a date that a certificate can't hold.
    pub fn new(trust_domain: &TrustDomain, now: Timestamp) -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        // Two CAs of one name would make "unknown CA" look like a bad signature.
        let tag = uuid::Uuid::new_v4().simple().to_string();
        let tag = tag.get(..8).unwrap_or_default();
        params.distinguished_name = name(&format!("zeropass development CA {tag}"));
        params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))?];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date(now.saturating_sub(SKEW))?;
        params.not_after = date(now.saturating_add(CA_LIFE))?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The CA's certificate in PEM form.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A new P-256 key and a certificate for it that says what `request` says.
    ///
    /// # Errors
    /// A name that X.509 can't hold, or a date outside its years.
    pub fn issue(&self, request: &IssueRequest) -> Result<Issued, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("zeropass development workload");
        for text in &request.uris {
            params.subject_alt_names.push(uri(text)?);
        }
        for dns in &request.dns {
            params
                .subject_alt_names
                .push(SanType::DnsName(dns.as_str().try_into()?));
        }
        let addresses = request.ips.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names.extend(addresses);
        params.is_ca = request.basic_constraints;
        params.key_usages.clone_from(&request.key_usages);
        params
            .extended_key_usages
            .clone_from(&request.extended_key_usages);
        params.not_before = date(request.not_before)?;
        params.not_after = date(request.not_after)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// An authority that [`Ca::new`] made earlier.
    fn from_pem(certificate: &[u8], key: &[u8], now: Timestamp) -> Result<Self, CaFault> {
        let unreadable = CaFault::Unusable("ca.pem holds no certificate that can be read");
        let Ok(der) = CertificateDer::from_pem_slice(certificate) else {
            return Err(unreadable);
        };
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
            return Err(unreadable);
        };
        if not_after(&parsed) < now.saturating_add(RENEW_BEFORE) {
            return Err(CaFault::Expired);
        }
        let key = std::str::from_utf8(key)
            .ok()
            .and_then(|key| KeyPair::from_pem(key).ok())
            .ok_or(CaFault::Unusable(
                "ca.key holds no private key that can be read",
            ))?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(CaFault::Unusable("ca.key does not belong to ca.pem"));
        }
        let common_name = parsed
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok());
        let Some(common_name) = common_name else {
            return Err(CaFault::Unusable(
                "ca.pem was not made by `zeropass pki init`",
            ));
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = String::from_utf8_lossy(certificate).into_owned();
        drop(parsed);
        Ok(Self {
            pem,
            certificate: der,
            issuer: Issuer::new(params, key),
        })
    }
}

// === impl IssueRequest ===

impl IssueRequest {
    /// A proper X.509-SVID for one year from now.
    pub fn workload(id: &str, now: Timestamp) -> Self {
        Self {
            uris: vec![id.to_owned()],
            dns: Vec::new(),
            ips: Vec::new(),
            not_before: now.saturating_sub(SKEW),
            not_after: now.saturating_add(LEAF_LIFE),
            basic_constraints: IsCa::ExplicitNoCa,
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            extended_key_usages: vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        }
    }
}

// === helpers ===

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn uri(text: &str) -> Result<SanType, rcgen::Error> {
    Ok(SanType::URI(text.try_into()?))
}

fn date(moment: Timestamp) -> Result<OffsetDateTime, PkiError> {
    i64::try_from(moment / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(PkiError::Date(moment))
}

fn not_after(certificate: &X509Certificate<'_>) -> Timestamp {
    u64::try_from(certificate.validity().not_after.timestamp())
        .unwrap_or_default()
        .saturating_mul(1000)
}

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
