//! What happens after `init`: more certificates, newer ones, and revoked ones.
//!
//! The revocation list `crl.pem` of the folder is its own memory: each writing takes
//! over what it names, and lets stand beside it what others have signed. It is good for a time and has to be written again before its
//! end, for a host refuses everybody when its list has expired.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, GeneralName, X509Certificate};

use super::super::ca::{Ca, CaFault, IssueRequest, Revoked};
use super::super::lists::is_signed_with;
use super::super::material::Material;
use super::super::spiffe::{SpiffeId, TrustDomain};
use super::super::svid::parse_svid;
use super::{CA_CERTIFICATE, CA_KEY, Done, PkiError, Step, files_of, io, read, write};
use crate::clock::Timestamp;
use crate::hex::hex;

/// The revocation list of a PKI folder.
pub const REVOCATION_LIST: &str = "crl.pem";

/// The last line of a list.
const LIST_END: &str = "-----END X509 CRL-----";

/// What a new certificate shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The files are NAME.pem and NAME.key.
    pub name: String,
    /// The SPIFFE id; of the CA's trust domain.
    pub id: SpiffeId,
    /// DNS names, for a host whose clients verify by name.
    pub dns: Vec<String>,
    /// IP addresses, likewise.
    pub ips: Vec<IpAddr>,
    /// How long it is good, milliseconds; the end of the CA is its end all the same.
    pub life: Timestamp,
}

/// A list that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its file.
    pub file: PathBuf,
    /// The serial numbers that it names, lower-case hexadecimal, sorted.
    pub serials: Vec<String>,
    /// How many of them are new.
    pub added: usize,
    /// Its end, milliseconds since the Unix epoch.
    pub next_update: Timestamp,
}

/// The trust domain of the CA in `folder`.
///
/// # Errors
/// There is no CA that was made by `zeropass pki init`.
pub fn trust_domain_of(folder: &Path) -> Result<TrustDomain, PkiError> {
    let file = folder.join(CA_CERTIFICATE);
    let none = || PkiError::Ca {
        folder: folder.to_owned(),
        reason: "it holds no ca.pem made by `zeropass pki init`",
    };
    let pem = read(&file)?.ok_or_else(none)?;
    let der = CertificateDer::from_pem_slice(&pem).map_err(|_| none())?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| none())?;
    let names = certificate.subject_alternative_name().map_err(|_| none())?;
    names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .find_map(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix("spiffe://")?.parse().ok(),
            _ => None,
        })
        .ok_or_else(none)
}

/// Issue a certificate that is not there yet.
///
/// # Errors
/// [`PkiError::Exists`] when its files are there; the CA can't sign; the folder
/// can't be written.
pub fn issue(folder: &Path, wish: &Wish, now: Timestamp) -> Result<Step, PkiError> {
    let _lock = lock(folder)?;
    check_name(&wish.name)?;
    let trust_domain = trust_domain_of(folder)?;
    if *wish.id.trust_domain() != trust_domain {
        return Err(PkiError::OtherDomain {
            id: wish.id.clone(),
            trust_domain,
        });
    }
    let files = files_of(folder, &wish.name, &trust_domain);
    if files.certificate.exists() || files.key.exists() {
        return Err(PkiError::Exists(files.certificate));
    }
    put(folder, wish, now)?;
    Ok(Step {
        file: files.certificate,
        id: wish.id.to_string(),
        done: Done::Created,
    })
}

/// Replace a certificate and its key by new ones that say the same. The old ones stay
/// good until their end: revoke them if they must not.
///
/// # Errors
/// [`PkiError::NotThere`] when there is no such certificate, or it is no SVID.
pub fn renew(folder: &Path, name: &str, now: Timestamp) -> Result<Step, PkiError> {
    let _lock = lock(folder)?;
    check_name(name)?;
    let file = folder.join(format!("{name}.pem"));
    let not_there = || PkiError::NotThere(file.clone());
    let pem = read(&file)?.ok_or_else(not_there)?;
    let der = CertificateDer::from_pem_slice(&pem).map_err(|_| not_there())?;
    let svid = parse_svid(&der).map_err(|_| not_there())?;
    let (_, old) = X509Certificate::from_der(&der).map_err(|_| not_there())?;
    let mut wish = Wish {
        name: name.to_owned(),
        id: svid.id,
        dns: Vec::new(),
        ips: Vec::new(),
        life: life_of(&old),
    };
    let names = old.subject_alternative_name().map_err(|_| not_there())?;
    for one in names.iter().flat_map(|names| &names.value.general_names) {
        match one {
            GeneralName::DNSName(dns) => wish.dns.push((*dns).to_owned()),
            GeneralName::IPAddress(bytes) => wish.ips.extend(address(bytes)),
            _ => {}
        }
    }
    put(folder, &wish, now)?;
    Ok(Step {
        file,
        id: wish.id.to_string(),
        done: Done::Renewed,
    })
}

/// Write the folder's revocation list, good for `life` from now, with these
/// certificates (PEM files) besides those that it names already.
///
/// # Errors
/// A file holds no certificate of this CA, or its own, the CA can't sign, or the folder can't
/// be written.
pub fn revoke(
    folder: &Path,
    certificates: &[PathBuf],
    life: Timestamp,
    now: Timestamp,
) -> Result<List, PkiError> {
    let _lock = lock(folder)?;
    let (list, text) = revocation(folder, certificates, life, now)?;
    write(&list.file, &text, 0o644)?;
    Ok(list)
}

/// What [`revoke`] would write, and the text of it.
///
/// # Errors
/// As [`revoke`], but for the folder, in which nothing is written.
pub fn revocation(
    folder: &Path,
    certificates: &[PathBuf],
    life: Timestamp,
    now: Timestamp,
) -> Result<(List, String), PkiError> {
    let (ca, ca_der) = authority(folder, now)?;
    let (_, parsed) =
        X509Certificate::from_der(&ca_der).map_err(|_| PkiError::NotThere(folder.to_owned()))?;
    let file = folder.join(REVOCATION_LIST);
    let (mut revoked, others) = named(&file, &parsed)?;
    let before = revoked.len();
    for path in certificates {
        let not_there = || PkiError::NotThere(path.clone());
        let pem = read(path)?.ok_or_else(not_there)?;
        let der = CertificateDer::from_pem_slice(&pem).map_err(|_| not_there())?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| not_there())?;
        if certificate.issuer() == certificate.subject() {
            return Err(PkiError::Root(path.clone()));
        }
        if certificate.issuer() != parsed.subject() {
            return Err(PkiError::OtherIssuer(path.clone()));
        }
        let serial = certificate.raw_serial().to_vec();
        if !revoked.iter().any(|one| one.serial == serial) {
            revoked.push(Revoked { serial, since: now });
        }
    }
    let next_update = now.saturating_add(life);
    let text = ca.revocation_list_of(&revoked, now, next_update)?;
    let mut serials: Vec<_> = revoked.iter().map(|one| hex(&one.serial)).collect();
    serials.sort_unstable();
    let list = List {
        file,
        serials,
        added: revoked.len() - before,
        next_update,
    };
    Ok((list, format!("{text}{others}")))
}

/// What the lists of this CA in the folder name.
pub(super) fn revoked(folder: &Path, ca: &Ca) -> Result<Vec<Revoked>, PkiError> {
    let (_, parsed) = X509Certificate::from_der(ca.certificate())
        .map_err(|_| PkiError::NotThere(folder.to_owned()))?;
    Ok(named(&folder.join(REVOCATION_LIST), &parsed)?.0)
}

// === helpers ===

/// What the lists of this CA in the file name, and the text of the others.
fn named(file: &Path, ca: &X509Certificate<'_>) -> Result<(Vec<Revoked>, String), PkiError> {
    match read(file)? {
        Some(pem) => sorted(&pem, ca).ok_or_else(|| PkiError::List(file.to_owned())),
        None => Ok((Vec::new(), String::new())),
    }
}

fn put(folder: &Path, wish: &Wish, now: Timestamp) -> Result<(), PkiError> {
    let (ca, _) = authority(folder, now)?;
    let mut request = IssueRequest::workload(wish.id.as_str(), now);
    request.dns.clone_from(&wish.dns);
    request.ips.clone_from(&wish.ips);
    request.not_after = now.saturating_add(wish.life).min(ca.not_after());
    let issued = ca.issue(&request)?;
    let files = files_of(folder, &wish.name, wish.id.trust_domain());
    write(&files.key, &issued.key, 0o600)?;
    write(&files.certificate, &issued.certificate, 0o644)?;
    Material::load(&files, now)?;
    Ok(())
}

fn authority(folder: &Path, now: Timestamp) -> Result<(Ca, CertificateDer<'static>), PkiError> {
    let refuse = |reason| PkiError::Ca {
        folder: folder.to_owned(),
        reason,
    };
    let none = "it has no ca.pem and ca.key; make them with `zeropass pki init`";
    let certificate = read(&folder.join(CA_CERTIFICATE))?.ok_or_else(|| refuse(none))?;
    let key = read(&folder.join(CA_KEY))?.ok_or_else(|| refuse(none))?;
    let ca = Ca::from_pem(&certificate, &key, now).map_err(|fault| {
        refuse(match fault {
            CaFault::Expired => "its CA has expired; `zeropass pki init` makes a new one",
            CaFault::Unusable(reason) => reason,
        })
    })?;
    let der = ca.certificate().clone();
    Ok((ca, der))
}

/// What the lists of this CA name, and the text of those that others have signed; none where
/// one can't be read, or there is none.
fn sorted(pem: &[u8], ca: &X509Certificate<'_>) -> Option<(Vec<Revoked>, String)> {
    let (mut revoked, mut others, mut lists) = (Vec::<Revoked>::new(), String::new(), 0);
    for text in std::str::from_utf8(pem).ok()?.split_inclusive(LIST_END) {
        if !text.ends_with(LIST_END) {
            // Whatever stands after the last one.
            continue;
        }
        lists += 1;
        let der = CertificateRevocationListDer::from_pem_slice(text.as_bytes()).ok()?;
        let (_, list) = CertificateRevocationList::from_der(&der).ok()?;
        if !is_signed_with(&ca.public_key().subject_public_key.data, &der) {
            others.push_str(text.trim_start());
            others.push('\n');
            continue;
        }
        for one in list.iter_revoked_certificates() {
            let since = u64::try_from(one.revocation_date.timestamp()).unwrap_or_default();
            let serial = one.raw_serial().to_vec();
            if !revoked.iter().any(|known| known.serial == serial) {
                let since = since.saturating_mul(1000);
                revoked.push(Revoked { serial, since });
            }
        }
    }
    (lists > 0).then_some((revoked, others))
}

/// Files are named by it: nothing that leads elsewhere, and not the CA's own.
fn check_name(name: &str) -> Result<(), PkiError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) || matches!(name, "ca" | "crl") {
        return Err(PkiError::Name(name.to_owned()));
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<std::fs::File, PkiError> {
    let lock = std::fs::File::open(folder).map_err(io(folder))?;
    lock.lock().map_err(io(folder))?;
    Ok(lock)
}

/// From `now` at its making to its end: the clock skew before is not counted.
fn life_of(certificate: &X509Certificate<'_>) -> Timestamp {
    let validity = certificate.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    u64::try_from(seconds)
        .unwrap_or_default()
        .saturating_mul(1000)
        .saturating_sub(super::super::ca::SKEW)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
#[path = "operate_tests.rs"]
mod tests;
