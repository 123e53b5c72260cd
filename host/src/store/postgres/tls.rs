//! TLS towards the database: version 1.3 only, one authority, a certificate as login.
//!
//! The files are read anew for every connection, so that certificates rotate without a
//! restart. What is read is checked before it is used; material that can't be used is
//! reported, and the last good one stays.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error as TlsError, RootCertStore};

use crate::identity::tls::provider;
use crate::identity::{MaterialError, certificates};

/// Where the material of one role lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM certificates of the authorities that the server's certificate may come from;
    /// no other authority is trusted.
    pub ca: PathBuf,
    /// The role's own; none to find out whether a server asks for it.
    pub own: Option<Own>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// PEM certificates: the role's own first, then intermediates.
    pub certificate: PathBuf,
    /// The private key of the first certificate, PEM.
    pub key: PathBuf,
}

/// Why the material of a role can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file can't be read, or does not hold what it should.
    #[error(transparent)]
    File(#[from] MaterialError),
    /// No private key is in its file.
    #[error("{}: expected one private key in PEM form, found none that can be read", .0.display())]
    Key(PathBuf),
    /// The parts don't fit together.
    #[error("{} with {}: {reason}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        reason: TlsError,
    },
}

/// The TLS configuration of one role, as fresh as its files.
pub(super) struct FreshTls {
    files: TlsFiles,
    good: Mutex<Arc<ClientConfig>>,
}

// === impl FreshTls ===

impl FreshTls {
    /// Material that can be used now.
    ///
    /// # Errors
    /// The first file that can't be used.
    pub(super) fn open(files: TlsFiles) -> Result<Self, TlsFault> {
        let good = Mutex::new(load(&files)?);
        Ok(Self { files, good })
    }

    /// What the files say now, or the last good material.
    pub(super) fn current(&self) -> Arc<ClientConfig> {
        let loaded = load(&self.files);
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok(config) => *good = config,
            Err(error) => {
                tracing::error!(%error, "new certificates for the database can't be used; the old ones stay");
            }
        }
        Arc::clone(&good)
    }
}

fn load(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsFault> {
    let unusable = |reason| {
        let (certificate, key) = match &files.own {
            Some(own) => (own.certificate.clone(), own.key.clone()),
            None => Default::default(),
        };
        TlsFault::Unusable {
            certificate,
            key,
            reason,
        }
    };
    let trusting = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_root_certificates(root_store(&files.ca)?);
    let mut config = match &files.own {
        Some(own) => {
            let chain = certificates(&own.certificate, "a certificate chain, leaf first")?;
            let key = private_key(&own.key)?;
            trusting
                .with_client_auth_cert(chain, key)
                .map_err(unusable)?
        }
        None => trusting.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn root_store(file: &Path) -> Result<RootCertStore, TlsFault> {
    let mut store = RootCertStore::empty();
    let roots = certificates(file, "one or more root certificates")?;
    for (index, root) in roots.into_iter().enumerate() {
        store.add(root).map_err(|source| MaterialError::Root {
            file: file.to_owned(),
            position: index + 1,
            source: Box::new(source),
        })?;
    }
    Ok(store)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let text = std::fs::read(file).map_err(|source| MaterialError::Read {
        file: file.to_owned(),
        expected: "one private key",
        source,
    })?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsFault::Key(file.to_owned()))
}
