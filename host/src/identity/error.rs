//! Why identity material can't be used.

use std::path::{Path, PathBuf};

use rustls::Error as TlsError;
use thiserror::Error;

use super::lists::ListsError;
use super::roots::RootError;
use super::svid::SvidError;
use super::verifier::refusal_reason;

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
    /// The revocation lists can't be used.
    #[error(transparent)]
    Revocation(#[from] ListsError),
    /// The host's own certificate does not pass the check that peers have to pass.
    #[error(
        "{}: the certificate is refused by the roots in {} (`{code}`: {}); renew it or correct roots and trust domains",
        certificate.display(), roots.display(), refusal_reason(reason)
    )]
    Refused {
        /// The certificate's file.
        certificate: PathBuf,
        /// The roots' file.
        roots: PathBuf,
        /// The code that a peer with this certificate would be refused with.
        code: &'static str,
        /// What the verifier said. It is told in the message and not once more as a
        /// source, whose words would be those of rustls.
        reason: Box<TlsError>,
    },
}

// === impl MaterialError ===

impl MaterialError {
    /// The file at fault; none where it is one of the revocation lists.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Read { file, .. }
            | Self::Pem { file, .. }
            | Self::Key(file)
            | Self::KeyMismatch { key: file, .. }
            | Self::Svid { file, .. }
            | Self::Root { file, .. }
            | Self::Refused {
                certificate: file, ..
            } => Some(file),
            Self::Revocation(_) => None,
        }
    }

    /// For a root out of this file.
    pub(super) fn root(file: &Path, error: RootError) -> Self {
        Self::Root {
            file: file.to_owned(),
            position: error.position,
            source: Box::new(error.source),
        }
    }

    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable",
            Self::Pem { .. } => "malformed",
            Self::Key(_) => "key-unusable",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::Svid { source, .. } => source.code(),
            Self::Root { .. } => "root-unusable",
            Self::Revocation(error) => error.code(),
            Self::Refused { code, .. } => code,
        }
    }
}
