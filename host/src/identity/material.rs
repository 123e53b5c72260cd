//! The host's own certificate, key and trust roots, checked against themselves.
//!
//! A [`Material`] that exists is usable: the key belongs to the certificate,
//! the certificate is an X.509-SVID of an allowed trust domain, in date, not
//! revoked, and chains to the very roots that peers will be judged by. So a
//! wrong file is found when it is read, by name, and never by the first peer.
//! Errors and `Debug` never show a key.
//!
//! Its two halves stand apart: whom the host trusts ([`Trust`]) may be good although
//! its own certificate is not, and then it holds for peers all the same.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys, RootCertStore};

use super::crypto::provider;
use super::error::MaterialError;
use super::parts::{MaterialFiles, Parts, Trusted, Unread};
use super::roots::Roots;
use super::svid::{Svid, SvidError, parse_svid};
use super::verifier::{SvidVerifier, refusal_code};
use crate::clock::Timestamp;

/// Identity material that has been checked against itself.
#[derive(Clone)]
pub struct Material {
    svid: Svid,
    certified_key: CertifiedKey,
    trust: Trust,
}

/// Whom the host trusts: roots, revocation lists and trust domains.
#[derive(Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    verifier: Arc<SvidVerifier>,
}

/// Material that can't be used.
#[derive(Debug)]
pub struct Unusable {
    /// Why.
    pub error: MaterialError,
    /// The half of it that peers can be judged by, if only the host's own is at fault.
    pub trust: Option<Trust>,
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
        Self::weigh(parts, now).map_err(|unusable| unusable.error)
    }

    /// The same, which saves what is good of what can't be used.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn weigh(parts: Parts, now: Timestamp) -> Result<Self, Unusable> {
        let Parts {
            files,
            chain,
            key,
            roots,
            crls,
        } = parts;
        let trust =
            Trust::new(&files, roots, crls).map_err(|error| Unusable { error, trust: None })?;
        match own(&files, chain, key, &trust, now) {
            Ok((svid, certified_key)) => Ok(Self {
                svid,
                certified_key,
                trust,
            }),
            Err(error) => Err(Unusable {
                error,
                trust: Some(trust),
            }),
        }
    }

    /// The same own certificate and key, for a host that trusts others.
    ///
    /// Its certificate may be one that this trust refuses: peers judge it for themselves.
    #[must_use]
    pub fn trusting(&self, trust: Trust) -> Self {
        Self {
            trust,
            ..self.clone()
        }
    }

    /// Whom this material trusts.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Who the host is by this material.
    pub fn svid(&self) -> &Svid {
        &self.svid
    }

    /// The trusted roots.
    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.trust.roots)
    }

    /// The verifier that judges peers by this material.
    pub fn verifier(&self) -> Arc<SvidVerifier> {
        Arc::clone(&self.trust.verifier)
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
            .field("roots", &self.trust.roots.len())
            .finish_non_exhaustive()
    }
}

// === impl Unusable ===

impl Unusable {
    /// What is left of material that could not be read as a whole.
    pub(super) fn unread(Unread { error, trusted }: Unread) -> Self {
        let trust = trusted.and_then(|trusted| {
            let Trusted { files, roots, crls } = *trusted;
            Trust::new(&files, roots, crls).ok()
        });
        Self { error, trust }
    }
}

// === impl Trust ===

impl Trust {
    fn new(
        files: &MaterialFiles,
        roots: Vec<CertificateDer<'static>>,
        crls: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Self, MaterialError> {
        let roots = Roots::new(roots).map_err(|error| MaterialError::root(&files.roots, error))?;
        let domains = files.trust_domains.as_slice().into();
        let verifier = SvidVerifier::new(roots.clone(), crls, domains)?;
        Ok(Self {
            roots: roots.store(),
            verifier: Arc::new(verifier),
        })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

// === checking ===

/// The host's own certificate and key, by the rules that its peers are judged by.
fn own(
    files: &MaterialFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    trust: &Trust,
    now: Timestamp,
) -> Result<(Svid, CertifiedKey), MaterialError> {
    let certified_key = certified_key(files, chain, key)?;
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
    trust
        .verifier
        .judge(&certified_key.cert, now)
        .map_err(|reason| MaterialError::Refused {
            certificate: files.certificate.clone(),
            roots: files.roots.clone(),
            code: refusal_code(&reason),
            reason: Box::new(reason),
        })?;
    Ok((svid, certified_key))
}

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

#[cfg(test)]
#[path = "material_tests.rs"]
mod tests;
