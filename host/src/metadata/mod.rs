//! What FIDO says of authenticators: the BLOB of the FIDO Metadata Service, version 3
//! ([FIDO MDS] 3.0 and 3.1), read from a file that the operator keeps up to date.
//!
//! Guarantees: nothing of a BLOB is believed before its signature was verified by a
//! certificate that leads to a configured root, in date ([`jws`]). An entry that can't
//! be understood costs itself and no other ([`entry`]). While the host runs, a BLOB is
//! replaced only by one that is as good and not older ([`reload`]), and none is ever used
//! that is older than one that was, before a restart or after it ([`Remembered`]);
//! whatever else comes is refused with a code, and the present one stays.
//!
//! Bounds: a BLOB has at most [`blob::MAX_LENGTH`] bytes. It is parsed once and kept
//! without icons and texts; looking a model up is one step in a map.
//!
//! Left to others: fetching the file, and what follows from what it says, which is
//! policy of the relying party (`passkey-manager`). Revocation lists of the signer are
//! not consulted.
//!
//! [FIDO MDS]: https://fidoalliance.org/specs/mds/fido-metadata-service-v3.0-ps-20210518.html

pub mod blob;
pub mod entry;
mod error;
mod jws;
pub mod reload;
mod remembered;
mod trust;

use std::sync::Arc;

use arc_swap::ArcSwapOption;

pub use self::blob::Blob;
pub use self::entry::{Entry, Level};
pub use self::error::MetadataError;
pub use self::remembered::Remembered;
pub use self::trust::Trust;

/// The BLOB that holds now, or none.
#[derive(Debug, Default)]
pub struct Metadata(ArcSwapOption<Blob>);

/// What a model is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model<'a> {
    /// AAGUID, 16 bytes.
    Aaguid(&'a [u8]),
    /// SHA-1 of the public key in the attestation certificate (RFC 5280 section
    /// 4.2.1.2, method 1), 20 bytes.
    CertificateKey(&'a [u8]),
}

// === impl Metadata ===

impl Metadata {
    /// Metadata that hold from now on.
    pub fn new(blob: Option<Blob>) -> Self {
        Self(ArcSwapOption::from_pointee(blob))
    }

    /// The BLOB that holds now.
    pub fn current(&self) -> Option<Arc<Blob>> {
        self.0.load_full()
    }

    /// Let another BLOB hold.
    pub fn replace(&self, blob: Blob) {
        self.0.store(Some(Arc::new(blob)));
    }

    /// What is known of a model.
    pub fn find<T>(&self, model: Model<'_>, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.0.load().as_ref()?.find(model).map(look)
    }
}
