//! Why a BLOB is not believed.

use std::path::PathBuf;

/// The most bytes of a BLOB. FIDO's has some megabytes, most of them icons.
pub const MAX_LENGTH: usize = 64 * 1024 * 1024;

/// Why a BLOB can't be used. [`Self::code`] is what audit records say.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// A file can't be read.
    #[error("{}: {source}; expected {expected}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A root is no certificate.
    #[error("{}: expected certificates in PEM form, or one in DER", .0.display())]
    Root(PathBuf),
    /// The BLOB is larger than anything that FIDO publishes.
    #[error("the BLOB has more than {MAX_LENGTH} bytes")]
    TooLarge,
    /// Not of the form that the standard gives it.
    #[error("the BLOB is not one of FIDO MDS 3: {0}")]
    Malformed(String),
    /// Signed with an algorithm that is not accepted, or that is not for such a key.
    #[error(
        "the BLOB is signed with alg {0:?}, which is not accepted or not for the signer's key; expected ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512 or EdDSA"
    )]
    Algorithm(String),
    /// The signer's certificate does not lead to a root, or is out of date.
    #[error("the BLOB's signer is not trusted: {0}; check metadata.root and the clock")]
    Signer(Box<rustls::Error>),
    /// The signer's certificate is for another name.
    #[error("the BLOB's signer is not {0}, as metadata.signer asks")]
    SignerName(String),
    /// Somebody else signed, or something was changed since.
    #[error("the BLOB's signature is wrong")]
    Signature,
    /// A BLOB of a higher number is in use, or was before the host started.
    #[error(
        "the BLOB has the number {offered}, and {held} was in use: an older one is refused; fetch the present one"
    )]
    Older {
        /// The highest number that was in use.
        held: u64,
        /// The number of the one refused.
        offered: u64,
    },
    /// The number that was in use can't be read or kept.
    #[error("{}, which remembers the number of the BLOB: {source}", file.display())]
    Memory {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else wrote that file, or changed it.
    #[error(
        "{}, which remembers the number of the BLOB, is not what this host wrote: restore it together with the keys beside it, or move it away to take any BLOB",
        .0.display()
    )]
    MemorySeal(PathBuf),
}

// === impl MetadataError ===

impl MetadataError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Root(_) => "root-malformed",
            Self::TooLarge => "too-large",
            Self::Malformed(_) => "malformed",
            Self::Algorithm(_) => "algorithm-not-allowed",
            Self::Signer(_) => "signer-untrusted",
            Self::SignerName(_) => "signer-name",
            Self::Signature => "signature-invalid",
            Self::Older { .. } => "older",
            Self::Memory { .. } => "memory",
            Self::MemorySeal(_) => "memory-malformed",
        }
    }
}
