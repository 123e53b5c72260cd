//! The key that signs a log's checkpoints: Ed25519, in the keys folder and never in
//! the database.
//!
//! The log's id is its name and a digest of the public key, so that a new key begins
//! a new log and nobody can go on with a log without its key. The public half lies
//! beside it, for auditors.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::note::{Checkpoint, VerifierKey};
use crate::secrets;

/// Signs the checkpoints of one log. While it lives, nobody else on this machine
/// writes that log.
pub struct SealKey {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
    path: PathBuf,
    /// Locked.
    _file: File,
}

/// What shows a database whose log it is. It follows from the key, so that nobody has it who
/// only has the certificates of a host's roles; the database keeps a digest of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LogSecret([u8; 32]);

/// What is signed for a [`LogSecret`]. No checkpoint begins like this: a log's id has no blank.
const LOG_SECRET: &str = "zeropass log secret 1\n";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file can't be used.
    #[error(transparent)]
    File(#[from] secrets::Error),
    /// Somebody else signs with it.
    #[error(
        "{path} is in use: another zeropass writes this audit log; stop it, or give this one another name (audit.log)"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// What to do when another process has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Refuse: it will have it for long.
    Now,
    /// Wait: it is about to be done.
    Wait,
}

// === impl SealKey ===

impl SealKey {
    /// The key of the log of this name in `folder`, made when there is none. The
    /// public half is written beside it, as `audit-ID.pub`, and stays when another key
    /// takes this one's place.
    ///
    /// # Errors
    /// [`KeyError`], which names the file and the mend.
    pub fn open(folder: &Path, name: &str, turn: Turn) -> Result<Self, KeyError> {
        let path = folder.join(format!("audit-{name}.p8"));
        let pkcs8 = secrets::read_or_create(&path, || {
            let key = Ed25519KeyPair::generate().and_then(|key| key.to_pkcs8());
            let key = key.map_err(|_| secrets::Error::Generation("checkpoint key"))?;
            Ok(key.as_ref().to_vec())
        })?;
        let malformed = || secrets::Error::Malformed {
            path: path.clone(),
            expected: "Ed25519 key in PKCS#8",
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| malformed())?;
        let public = pair.public_key().as_ref();
        let short: String = digest(&SHA256, public)
            .as_ref()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let verifier =
            VerifierKey::new(&format!("{name}-{short}"), public).ok_or_else(malformed)?;
        let file = lock(&path, turn)?;
        let key = Self {
            pair,
            verifier,
            path,
            _file: file,
        };
        key.publish(&folder.join(format!("audit-{}.pub", key.log_id())))?;
        Ok(key)
    }

    /// The id of the log that it signs for.
    pub fn log_id(&self) -> &str {
        self.verifier.name()
    }

    /// What only the holder of this key can show. An Ed25519 signature is the same every time.
    pub fn log_secret(&self) -> LogSecret {
        let text = format!("{LOG_SECRET}{}\n", self.log_id());
        let signature = self.pair.sign(text.as_bytes());
        let mut secret = [0; 32];
        secret.copy_from_slice(digest(&SHA256, signature.as_ref()).as_ref());
        LogSecret(secret)
    }

    /// Move the key away, so that the next one begins a new log. The public half stays.
    ///
    /// # Errors
    /// The file can't be renamed.
    pub fn retire(self) -> Result<(), KeyError> {
        let to = self
            .path
            .with_file_name(format!("audit-{}.retired.p8", self.log_id()));
        std::fs::rename(&self.path, &to).map_err(|source| {
            KeyError::File(secrets::Error::Io {
                path: self.path.clone(),
                source,
            })
        })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The checkpoint as a signed note.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        checkpoint.sign(&self.verifier, |text| {
            self.pair.sign(text).as_ref().to_vec()
        })
    }

    fn publish(&self, path: &PathBuf) -> Result<(), secrets::Error> {
        let text = format!("{}\n", self.verifier);
        if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        std::fs::write(path, text).map_err(|source| secrets::Error::Io {
            path: path.clone(),
            source,
        })
    }
}

impl LogSecret {
    /// Of logs that have no key: everybody knows it.
    pub(super) const NONE: Self = Self([0; 32]);

    /// The secret itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows nothing.
impl std::fmt::Debug for LogSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSecret(..)")
    }
}

fn lock(path: &Path, turn: Turn) -> Result<File, KeyError> {
    let io = |source| secrets::Error::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    match turn {
        Turn::Wait => file.lock().map_err(io)?,
        Turn::Now => match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(KeyError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error).into()),
        },
    }
    Ok(file)
}

/// Shows the public half alone.
impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey")
            .field("verifier", &self.verifier.to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_made_once_and_another_key_is_another_log() {
        let folder = tempfile::tempdir().unwrap();
        let open = |turn| SealKey::open(folder.path(), "host", turn);
        let key = open(Turn::Now).unwrap();
        let (id, verifier) = (key.log_id().to_owned(), key.verifier().clone());
        assert!(id.starts_with("host-"));
        let public = folder.path().join(format!("audit-{id}.pub"));
        let public = std::fs::read_to_string(public).unwrap();
        assert_eq!(public.trim().parse().as_ref(), Ok(&verifier));
        assert!(!format!("{key:?}").contains("pair"));
        let secret = key.log_secret();
        assert_eq!(format!("{secret:?}"), "LogSecret(..)");

        let error = open(Turn::Now).unwrap_err();
        assert!(matches!(error, KeyError::InUse { .. }), "{error}");
        drop(key);
        // A process that another test starts may hold the lock until it runs.
        let key = open(Turn::Wait).unwrap();
        assert_eq!(key.verifier(), &verifier);
        assert_eq!(key.log_secret(), secret);
        key.retire().unwrap();
        let other = open(Turn::Wait).unwrap();
        assert_ne!(other.log_id(), id);
        assert_ne!(other.log_secret(), secret);
        assert_ne!(secret, LogSecret::NONE);
        assert!(
            folder
                .path()
                .join(format!("audit-{id}.retired.p8"))
                .exists()
        );
        assert!(folder.path().join(format!("audit-{id}.pub")).exists());
    }
}
