//! Trusted roots, each for its time and no longer.
//!
//! For webpki a trust anchor has no end. The certificate that it was taken from says one,
//! and whoever handed it out has promised to keep its key until then and no longer. So the
//! verifier asks here which roots are in their time.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error as TlsError, RootCertStore};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::crypto::validity;
use crate::clock::Timestamp;

/// Trusted roots with their times.
#[derive(Debug, Clone)]
pub struct Roots {
    store: Arc<RootCertStore>,
    /// First and last moment of each root, in the order of the store.
    times: Vec<(Timestamp, Timestamp)>,
}

/// A certificate that can't be a trust root.
#[derive(Debug)]
pub struct RootError {
    /// Its position among the others, from 1.
    pub position: usize,
    /// What rustls said.
    pub source: TlsError,
}

// === impl Roots ===

impl Roots {
    /// These certificates, as roots.
    ///
    /// # Errors
    /// The first that can't be one.
    pub fn new(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, RootError> {
        let (mut store, mut times) = (RootCertStore::empty(), Vec::new());
        for (index, root) in roots.into_iter().enumerate() {
            let refused = |source| RootError {
                position: index + 1,
                source,
            };
            let (_, certificate) = X509Certificate::from_der(&root)
                .map_err(|_| refused(CertificateError::BadEncoding.into()))?;
            let time = validity(&certificate);
            store.add(root).map_err(refused)?;
            times.push(time);
        }
        Ok(Self {
            store: Arc::new(store),
            times,
        })
    }

    /// All of them, whatever the time is.
    pub fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// Whether each is in its time, in the order of the store.
    pub(super) fn living(&self, now: Timestamp) -> Vec<bool> {
        let times = self.times.iter();
        times
            .map(|(first, last)| (*first..=*last).contains(&now))
            .collect()
    }

    /// Only those that are marked.
    pub(super) fn only(&self, marked: &[bool]) -> RootCertStore {
        let roots = self.store.roots.iter().zip(marked);
        let roots = roots.filter(|(_, marked)| **marked);
        RootCertStore {
            roots: roots.map(|(root, _)| root.clone()).collect(),
        }
    }

    /// The code of a chain that rests on none but such as are not in their time.
    pub(super) fn out_of_time(&self, now: Timestamp) -> TlsError {
        let ended = self.times.iter().any(|(_, last)| *last < now);
        match ended {
            true => CertificateError::Expired.into(),
            false => CertificateError::NotValidYet.into(),
        }
    }

    /// The last moment of each.
    pub(super) fn ends(&self) -> impl Iterator<Item = Timestamp> {
        self.times.iter().map(|(_, last)| *last)
    }
}
