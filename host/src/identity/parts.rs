//! Identity material as it was found: read, but not yet judged.
//!
//! [`Parts`] holds DER and the names of the places that it came from, so that
//! whoever judges it ([`super::material`]) can name the place at fault. Two looks
//! at the same place are compared by their digests.
//!
//! A file that can't be read takes nothing from the others ([`Unread`]): a key that is
//! away must not shield a peer whom a new list names.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::error::MaterialError;
use super::lists::Lists;
use super::spiffe::TrustDomain;

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

/// What was found at the places that a [`MaterialFiles`] names.
pub struct Parts {
    /// Where each part was found, and whom it is to trust.
    pub files: MaterialFiles,
    /// The leaf first, then intermediates.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
    /// The trusted roots.
    pub roots: Vec<CertificateDer<'static>>,
    /// Revocation lists; none means that revocation is not checked.
    pub crls: Vec<CertificateRevocationListDer<'static>>,
}

/// Material of which a file could not be read.
#[derive(Debug)]
pub struct Unread {
    /// Why.
    pub error: MaterialError,
    /// Whom the rest of it trusts, if that could be read.
    pub trusted: Option<Box<Trusted>>,
}

/// The half of material that peers are judged by.
#[derive(Debug)]
pub struct Trusted {
    /// Where it was found, and whom it is to trust.
    pub files: MaterialFiles,
    /// The trusted roots.
    pub roots: Vec<CertificateDer<'static>>,
    /// Revocation lists; none means that revocation is not checked.
    pub crls: Lists,
}

// === impl Parts ===

impl Parts {
    /// Read the files. Links are followed, so a swapped link is a new content.
    ///
    /// # Errors
    /// [`MaterialError::Read`] or [`MaterialError::Pem`] for the first file that
    /// can't be read or does not hold what it should.
    pub fn read(files: &MaterialFiles) -> Result<Self, MaterialError> {
        Self::look(files, None).map_err(|unread| unread.error)
    }

    /// The same, which saves what can be read. Where that is all but the lists, those
    /// `in_force` stay.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn look(files: &MaterialFiles, in_force: Option<Lists>) -> Result<Self, Unread> {
        let own = own(files);
        let roots = certificates(&files.roots, "one or more root certificates");
        let crls = revocation_lists(&files.crls);
        let trusted = |roots, crls| {
            Box::new(Trusted {
                files: files.clone(),
                roots,
                crls,
            })
        };
        match (own, roots, crls) {
            (Ok((chain, key)), Ok(roots), Ok(crls)) => Ok(Self {
                files: files.clone(),
                chain,
                key,
                roots,
                crls,
            }),
            (Err(error), Ok(roots), Ok(crls)) => Err(Unread {
                error,
                trusted: Some(trusted(roots, crls)),
            }),
            (Err(error), Ok(roots), Err(_)) | (Ok(_), Ok(roots), Err(error)) => Err(Unread {
                error,
                trusted: in_force.map(|crls| trusted(roots, crls)),
            }),
            (Err(error), Err(_), _) | (Ok(_), Err(error), _) => Err(Unread {
                error,
                trusted: None,
            }),
        }
    }

    /// SHA-256 over all of it, the key included: never to be shown.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Digest::default();
        digest.parts(&self.chain);
        digest.parts(&self.roots);
        digest.parts(&self.crls);
        digest.part(self.key.secret_der());
        digest.finish()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("files", &self.files)
            .field("key", &"...")
            .finish_non_exhaustive()
    }
}

// === impl Trusted ===

impl Trusted {
    /// SHA-256 over all of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Digest::default();
        digest.parts(&self.roots);
        digest.parts(&self.crls);
        digest.finish()
    }
}

// === impl Digest ===

/// Over parts of any lengths, none of which can pass for another.
struct Digest(Context);

impl Digest {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn parts<T: AsRef<[u8]>>(&mut self, parts: &[T]) {
        self.0.update(&(parts.len() as u64).to_be_bytes());
        parts.iter().for_each(|one| self.part(one.as_ref()));
    }

    fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

// === reading ===

/// The host's own certificate and key.
fn own(
    files: &MaterialFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), MaterialError> {
    let chain = certificates(&files.certificate, "a certificate chain, leaf first")?;
    Ok((chain, private_key(&files.key)?))
}

/// The private key of a PEM file.
///
/// # Errors
/// [`MaterialError::Read`], [`MaterialError::Pem`].
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, MaterialError> {
    let expected = "one private key";
    let text = read(file, expected)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| MaterialError::Pem {
        file: file.to_owned(),
        expected,
    })
}

/// The certificates of a PEM file, one at least.
///
/// # Errors
/// [`MaterialError::Read`], [`MaterialError::Pem`].
pub fn certificates(
    file: &Path,
    expected: &'static str,
) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    pem_items(file, expected)
}

/// All revocation lists of these PEM files, one at least in each.
///
/// # Errors
/// [`MaterialError::Read`], [`MaterialError::Pem`].
pub fn revocation_lists(files: &[PathBuf]) -> Result<Lists, MaterialError> {
    let mut lists = Vec::new();
    for file in files {
        lists.extend(pem_items(file, "one or more certificate revocation lists")?);
    }
    Ok(lists)
}

/// All items of a kind; a file without any, or with a broken one, is an error.
fn pem_items<T: PemObject>(file: &Path, expected: &'static str) -> Result<Vec<T>, MaterialError> {
    let text = read(file, expected)?;
    match T::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>() {
        Ok(items) if !items.is_empty() => Ok(items),
        _ => Err(MaterialError::Pem {
            file: file.to_owned(),
            expected,
        }),
    }
}

fn read(file: &Path, expected: &'static str) -> Result<Vec<u8>, MaterialError> {
    std::fs::read(file).map_err(|source| MaterialError::Read {
        file: file.to_owned(),
        expected,
        source,
    })
}
