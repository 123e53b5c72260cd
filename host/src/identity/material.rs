//! The host's own certificate, key and trust roots, checked against themselves.
//!
//! A [`Material`] that exists is usable: the key belongs to the certificate,
//! the certificate is an X.509-SVID of an allowed trust domain, in date, not
//! revoked, and chains to the very roots that peers will be judged by. So a
//! wrong file is found when it is read, by name, and never by the first peer.
//! Errors and `Debug` never show a key.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::VerifierBuilderError;
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys, RootCertStore};
use thiserror::Error;

use super::parts::Parts;
use super::spiffe::TrustDomain;
use super::svid::{Svid, SvidError, parse_svid};
use super::tls::provider;
use super::verifier::{SvidVerifier, refusal_code};
use crate::clock::Timestamp;

/// Where the material lies, and whom it trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterialFiles {
    /// PEM certificates: the leaf first, then intermediates.
    pub certificate: PathBuf,
    /// One PEM private key (PKCS #8, SEC 1 or PKCS #1).
    pub key: PathBuf,
    /// PEM certificates of the trusted roots.
    pub roots: PathBuf,
    /// PEM revocation lists; none means that revocation is not checked.
    pub crls: Vec<PathBuf>,
    /// The trust domains whose workloads may connect.
    pub trust_domains: Vec<TrustDomain>,
}

/// Identity material that has been checked against itself.
#[derive(Clone)]
pub struct Material {
    svid: Svid,
    certified_key: CertifiedKey,
    roots: Arc<RootCertStore>,
    verifier: Arc<SvidVerifier>,
}

/// Why material can't be used. Each message names the file and what it should hold.
#[derive(Debug, Error)]
pub enum MaterialError {
    /// The file can't be read.
    #[error("{}: can't read it: {source}; expected {expected}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not PEM, or holds nothing of the kind.
    #[error("{}: expected {expected} in PEM form, found none that can be read", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The private key is of a kind that TLS here can't use.
    #[error("{}: the private key can't be used; expected an ECDSA P-256 or P-384, Ed25519 or RSA key", .0.display())]
    Key(PathBuf),
    /// Key and certificate are of different pairs.
    #[error("{}: the private key does not belong to the certificate in {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// The first certificate is not a workload's SVID.
    #[error("{}: {source}", file.display())]
    Svid {
        /// The certificate's file.
        file: PathBuf,
        /// The rule that it breaks.
        source: SvidError,
    },
    /// A root can't be used as a trust anchor.
    #[error("{}: certificate {position} can't be a trust root: {source}", file.display())]
    Root {
        /// The roots' file.
        file: PathBuf,
        /// Its position in the file, from 1.
        position: usize,
        /// What rustls said.
        source: Box<TlsError>,
    },
    /// A revocation list can't be used.
    #[error("revocation lists can't be used: {0}; expected v2 CRLs with a next update")]
    Revocation(VerifierBuilderError),
    /// The host's own certificate does not pass the check that peers have to pass.
    #[error(
        "{}: the certificate is refused by the roots in {} (`{code}`: {source}); renew it or correct roots and trust domains",
        certificate.display(), roots.display()
    )]
    Refused {
        /// The certificate's file.
        certificate: PathBuf,
        /// The roots' file.
        roots: PathBuf,
        /// The code that a peer with this certificate would be refused with.
        code: &'static str,
        /// What the verifier said.
        source: Box<TlsError>,
    },
}

// === impl Material ===

impl Material {
    /// Read and check the files, as of `now`.
    ///
    /// # Errors
    /// [`MaterialError`] names the first file that can't be used and the mend.
    pub fn load(files: &MaterialFiles, now: Timestamp) -> Result<Self, MaterialError> {
        Self::check(Parts::read(files)?, now)
    }

    /// Check what was found, as of `now`.
    ///
    /// # Errors
    /// [`MaterialError`] names the first place whose content can't be used and the mend.
    pub fn check(parts: Parts, now: Timestamp) -> Result<Self, MaterialError> {
        let Parts {
            files,
            chain,
            key,
            roots,
            crls,
        } = parts;
        let certified_key = certified_key(&files, chain, key)?;
        let leaf = certified_key
            .end_entity_cert()
            .map_err(|_| MaterialError::Pem {
                file: files.certificate.clone(),
                expected: "a certificate chain, leaf first",
            })?;
        let svid = parse_svid(leaf).map_err(|source| MaterialError::Svid {
            file: files.certificate.clone(),
            source,
        })?;
        let roots = Arc::new(root_store(&files.roots, roots)?);
        let verifier = SvidVerifier::new(
            Arc::clone(&roots),
            crls,
            files.trust_domains.as_slice().into(),
        )
        .map_err(MaterialError::Revocation)?;
        verifier
            .judge(&certified_key.cert, now)
            .map_err(|source| MaterialError::Refused {
                certificate: files.certificate.clone(),
                roots: files.roots.clone(),
                code: refusal_code(&source),
                source: Box::new(source),
            })?;
        Ok(Self {
            svid,
            certified_key,
            roots,
            verifier: Arc::new(verifier),
        })
    }

    /// Who the host is by this material.
    pub fn svid(&self) -> &Svid {
        &self.svid
    }

    /// The trusted roots.
    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    /// The verifier that judges peers by this material.
    pub fn verifier(&self) -> Arc<SvidVerifier> {
        Arc::clone(&self.verifier)
    }

    /// Chain and key as rustls takes them.
    pub(super) fn certified_key(&self) -> CertifiedKey {
        self.certified_key.clone()
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("svid", &self.svid)
            .field("key", &"...")
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

// === impl MaterialError ===

impl MaterialError {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable",
            Self::Pem { .. } => "malformed",
            Self::Key(_) => "key-unusable",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::Svid { source, .. } => source.code(),
            Self::Root { .. } => "root-unusable",
            Self::Revocation(_) => "revocation-unusable",
            Self::Refused { code, .. } => code,
        }
    }
}

// === checking ===

fn certified_key(
    files: &MaterialFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, MaterialError> {
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|_| MaterialError::Key(files.key.clone()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(TlsError::InconsistentKeys(
            InconsistentKeys::KeyMismatch | InconsistentKeys::Unknown,
        )) => Err(MaterialError::KeyMismatch {
            key: files.key.clone(),
            certificate: files.certificate.clone(),
        }),
        Err(_) => Err(MaterialError::Svid {
            file: files.certificate.clone(),
            source: SvidError::Malformed,
        }),
    }
}

fn root_store(
    file: &Path,
    roots: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, MaterialError> {
    let mut store = RootCertStore::empty();
    for (index, root) in roots.into_iter().enumerate() {
        store.add(root).map_err(|source| MaterialError::Root {
            file: file.to_owned(),
            position: index + 1,
            source: Box::new(source),
        })?;
    }
    Ok(store)
}

#[cfg(test)]
#[path = "material_tests.rs"]
mod tests;
