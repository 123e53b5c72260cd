//! The host's own certificate, key and trust roots, checked against themselves.
//!
//! A [`Material`] that exists is usable: the key belongs to the certificate,
//! the certificate is an X.509-SVID of an allowed trust domain, in date, not
//! revoked, and chains to the very roots that peers will be judged by. So a
//! wrong file is found when it is read, by name, and never by the first peer.
//! Errors and `Debug` never show a key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys, RootCertStore};

use super::crypto::provider;
use super::error::MaterialError;
use super::parts::{MaterialFiles, Parts};
use super::svid::{Svid, SvidError, parse_svid};
use super::verifier::{SvidVerifier, refusal_code};
use crate::clock::Timestamp;

/// Identity material that has been checked against itself.
#[derive(Clone)]
pub struct Material {
    svid: Svid,
    certified_key: CertifiedKey,
    roots: Arc<RootCertStore>,
    verifier: Arc<SvidVerifier>,
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
