//! Whom a BLOB is believed from, and the files that say so.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

use super::error::{MAX_LENGTH, MetadataError};

/// Whom a BLOB is believed from.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(super) roots: RootCertStore,
    pub(super) signer: Option<ServerName<'static>>,
}

// === impl Trust ===

impl Trust {
    /// Roots from files, and the DNS name of the signer.
    ///
    /// # Errors
    /// [`MetadataError::Unreadable`], [`MetadataError::Root`].
    pub fn load(files: &[PathBuf], signer: Option<&str>) -> Result<Self, MetadataError> {
        let mut roots = RootCertStore::empty();
        for file in files {
            let bytes = read(file, "a root certificate of the BLOB's signer")?;
            for root in certificates(&bytes).unwrap_or_else(|| vec![CertificateDer::from(bytes)]) {
                roots
                    .add(root)
                    .map_err(|_| MetadataError::Root(file.clone()))?;
            }
        }
        let signer = signer
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose()
            .map_err(|_| MetadataError::SignerName(signer.unwrap_or_default().to_owned()))?;
        Ok(Self { roots, signer })
    }
}

/// All certificates of PEM text; none when it is no such text.
fn certificates(bytes: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    found.ok().filter(|found| !found.is_empty())
}

pub(super) fn read(file: &Path, expected: &'static str) -> Result<Vec<u8>, MetadataError> {
    let bytes = (|| {
        if std::fs::metadata(file)?.len() > MAX_LENGTH as u64 {
            return Ok(None);
        }
        std::fs::read(file).map(Some)
    })();
    match bytes {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(MetadataError::TooLarge),
        Err(source) => Err(MetadataError::Unreadable {
            file: file.to_owned(),
            expected,
            source,
        }),
    }
}
