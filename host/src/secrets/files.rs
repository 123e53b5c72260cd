//! Key files: created whole or not at all, readable by the host's user alone.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A key file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading, creating or renaming failed.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not what the host wrote.
    #[error(
        "key file {path} is not a {expected}: restore it from a backup, or move it away to have a new one made (what rests on the old one ends)"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// Others may read it.
    #[error("key file {path} has mode {mode:o}, so that others can read it: chmod 600 it")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gave no randomness, or a key could not be made.
    #[error("could not make a {0}")]
    Generation(&'static str),
}

/// The file's bytes; made by `make` when it is not there yet.
pub(crate) fn read_or_create(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(Error::Exposed {
                    path: path.to_owned(),
                    mode,
                });
            }
            std::fs::read(path).map_err(io)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder).map_err(io)?;
            let bytes = make()?;
            // A temporary file has mode 0600 from the start, and the rename makes
            // it appear whole.
            let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
            file.write_all(&bytes).map_err(io)?;
            file.as_file().sync_all().map_err(io)?;
            file.persist(path).map_err(|error| io(error.error))?;
            Ok(bytes)
        }
        Err(error) => Err(io(error)),
    }
}

/// A key of 32 random bytes, kept in `folder` under `name`.
///
/// # Errors
/// [`Error`], which names the file and the mend.
pub fn random_key(folder: &Path, name: &str) -> Result<[u8; 32], Error> {
    let path = folder.join(name);
    let bytes = read_or_create(&path, || {
        let mut key = vec![0; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| Error::Generation("random key"))?;
        Ok(key)
    })?;
    <[u8; 32]>::try_from(bytes).map_err(|_| Error::Malformed {
        path,
        expected: "key of 32 bytes",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_made_once_and_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = random_key(folder.path(), "a.key").unwrap();
        assert_eq!(random_key(folder.path(), "a.key").unwrap(), first);
        let mode = std::fs::metadata(folder.path().join("a.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn exposed_or_truncated_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        random_key(folder.path(), "a.key").unwrap();
        let path = folder.path().join("a.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            random_key(folder.path(), "a.key"),
            Err(Error::Exposed { mode: 0o644, .. })
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, b"short").unwrap();
        assert!(matches!(
            random_key(folder.path(), "a.key"),
            Err(Error::Malformed { .. })
        ));
    }
}
