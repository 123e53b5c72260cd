//! The files of the BLOB and its roots, looked at again and again.
//!
//! What counts is what the files hold, by digest, so that a file that was written
//! over, renamed into place or switched by a symlink is noticed alike. Each content is
//! judged once: a BLOB that was refused is not refused again at every look.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use super::blob::Blob;
use super::trust::{Trust, read};
use super::{Metadata, MetadataError, Remembered};
use crate::clock::Timestamp;

/// Where a BLOB is read from, and whom it is believed from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The BLOB.
    pub blob: PathBuf,
    /// Certificates, PEM or DER.
    pub roots: Vec<PathBuf>,
    /// The DNS name of the signer's certificate.
    pub signer: Option<String>,
}

/// Looks at the files, and judges what it finds.
#[derive(Debug)]
pub struct Reloader {
    source: Source,
    metadata: Arc<Metadata>,
    memory: Remembered,
    /// What was found last; none when it could not be read.
    seen: Option<Vec<u8>>,
}

// === impl Reloader ===

impl Reloader {
    /// Read the files for the first time. A BLOB that is older than what `memory` knows
    /// is refused.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn start(
        source: Source,
        mut memory: Remembered,
        now: Timestamp,
    ) -> Result<Self, MetadataError> {
        let (bytes, digest) = source.read()?;
        let blob = source.judge(&bytes, now)?;
        memory.admit(blob.number())?;
        memory.keep(blob.number())?;
        Ok(Self {
            memory,
            source,
            metadata: Arc::new(Metadata::new(Some(blob))),
            seen: Some(digest),
        })
    }

    /// What calls look into.
    pub fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.metadata)
    }

    /// Look at the files. None when they are as they were; otherwise a BLOB that may
    /// replace the present one, and whose number is remembered, or why there is none.
    pub fn look(&mut self, now: Timestamp) -> Option<Result<Blob, MetadataError>> {
        let (bytes, digest) = match self.source.read() {
            Ok(read) => read,
            Err(error) => return self.seen.take().map(|_| Err(error)),
        };
        if self.seen.as_ref() == Some(&digest) {
            return None;
        }
        self.seen = Some(digest);
        let judged = self.source.judge(&bytes, now).and_then(|blob| {
            self.memory.admit(blob.number())?;
            self.memory.keep(blob.number())?;
            Ok(blob)
        });
        if let Err(MetadataError::Memory { .. }) = judged {
            // Nothing is wrong with the BLOB.
            self.forget();
        }
        Some(judged)
    }

    /// Judge the same content again at the next look.
    pub fn forget(&mut self) {
        // Not none, which would silence an unreadable file.
        self.seen = Some(Vec::new());
    }
}

// === impl Source ===

impl Source {
    /// Whether there is a BLOB that can be believed. That it is not older than another one
    /// only [`Reloader`] can tell.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn check(&self, now: Timestamp) -> Result<(), MetadataError> {
        let (bytes, _) = self.read()?;
        self.judge(&bytes, now).map(|_| ())
    }

    /// The BLOB's bytes, and a digest of all files.
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), MetadataError> {
        let bytes = read(&self.blob, "a FIDO metadata BLOB")?;
        let mut digest = Context::new(&SHA256);
        digest.update(&bytes);
        for root in &self.roots {
            let root = read(root, "a root certificate of the BLOB's signer")?;
            digest.update(&root.len().to_be_bytes());
            digest.update(&root);
        }
        Ok((bytes, digest.finish().as_ref().to_vec()))
    }

    fn judge(&self, bytes: &[u8], now: Timestamp) -> Result<Blob, MetadataError> {
        let trust = Trust::load(&self.roots, self.signer.as_deref())?;
        Blob::read(bytes, &trust, now)
    }
}
