//! The folder of a tunnel's socket: of mode 0700, where nobody else could put another in its
//! place, whatever `TMPDIR` says, and gone with its process.
//!
//! A process that is killed leaves its folders behind, and the next one removes them. A
//! folder is locked before its socket is made, and the kernel lets go of the lock when the
//! process ends, however that ends: one with a socket and without a lock is nobody's. Where
//! locks can't be had, nothing is taken for left behind.

use std::fs::{File, Permissions, read_dir, remove_dir, remove_file, symlink_metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The socket's name has a port in it, whatever the server's is.
pub(super) const PORT: u16 = 5432;

/// How the folders' names begin.
const PREFIX: &str = "zeropass-db-";

const PRIVATE: u32 = 0o700;

/// A folder for one socket; both go with this value.
pub(super) struct SocketFolder {
    folder: TempDir,
    /// Keeps the lock.
    _held: File,
}

// === impl SocketFolder ===

impl SocketFolder {
    /// A new folder among the temporary files. Those that were left behind there are
    /// removed.
    ///
    /// # Errors
    /// It can't be made, or others could move it.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    fn make_in(above: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(above)?;
        nobody_else_may_move(folder.path())?;
        std::fs::set_permissions(folder.path(), Permissions::from_mode(PRIVATE))?;
        let held = File::open(folder.path())?;
        let _ = held.try_lock();
        tidy(above, held.metadata()?.uid());
        Ok(Self {
            folder,
            _held: held,
        })
    }

    /// The folder, as PostgreSQL clients take it for a host.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the socket is to be.
    pub(super) fn socket(&self) -> PathBuf {
        socket_in(self.path())
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// Whether what is on the way to `folder`, which is ours, belongs to us or to root, and
/// nobody else may rename it.
fn nobody_else_may_move(folder: &Path) -> io::Result<()> {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let us = std::fs::metadata(folder)?.uid();
    for above in folder.canonicalize()?.ancestors().skip(1) {
        let found = std::fs::metadata(above)?;
        let (mode, owner) = (found.mode(), found.uid());
        let open = mode & OTHERS_WRITE != 0 && mode & STICKY == 0;
        if open || ![0, us].contains(&owner) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "others may change {} (owner {owner}, mode {:o}): set TMPDIR to a folder of the host's own user",
                    above.display(),
                    mode & 0o7777
                ),
            ));
        }
    }
    Ok(())
}

/// Remove what dead processes of user `us` have left in `above`. What can't be looked at or
/// removed stays.
fn tidy(above: &Path, us: u32) {
    for entry in read_dir(above).into_iter().flatten().flatten() {
        let named = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        let folder = entry.path();
        if !named || !is_left_behind(&folder, us).unwrap_or(false) {
            continue;
        }
        // No more than what was seen there: a folder with anything else in it stays.
        match remove_file(socket_in(&folder)).and_then(|()| remove_dir(&folder)) {
            Ok(()) => {
                tracing::debug!(folder = %folder.display(), "a dead process's socket is removed")
            }
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "a dead process's socket stays")
            }
        }
    }
}

/// Whether `folder` is of our making, holds a socket and nothing else, and no process that
/// lives has it.
fn is_left_behind(folder: &Path, us: u32) -> io::Result<bool> {
    let found = symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != us || found.mode() & 0o777 != PRIVATE {
        return Ok(false);
    }
    let socket = socket_in(folder);
    for entry in read_dir(folder)? {
        if entry?.path() != socket {
            return Ok(false);
        }
    }
    if !symlink_metadata(&socket)?.file_type().is_socket() {
        return Ok(false);
    }
    Ok(File::open(folder)?.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A folder as a process leaves it that is killed.
    fn left_behind(above: &Path, name: &str) -> PathBuf {
        let folder = above.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(PRIVATE)).unwrap();
        // The socket stays when its listener is dropped.
        drop(UnixListener::bind(socket_in(&folder)).unwrap());
        folder
    }

    #[test]
    fn folder_of_a_dead_process_is_removed_and_that_of_a_living_one_stays() {
        let above = tempfile::tempdir().unwrap();
        let dead = left_behind(above.path(), "zeropass-db-dead");
        let living = SocketFolder::make_in(above.path()).unwrap();
        assert!(!dead.exists());
        let _listener = UnixListener::bind(living.socket()).unwrap();
        let next = SocketFolder::make_in(above.path()).unwrap();
        assert!(living.socket().exists() && next.path().exists());
        let gone = living.path().to_owned();
        drop(living);
        assert!(!gone.exists());
    }

    #[test]
    fn folder_that_is_not_like_ours_stays() {
        let above = tempfile::tempdir().unwrap();
        let named = left_behind(above.path(), "zeropass-other");
        let open = left_behind(above.path(), "zeropass-db-open");
        std::fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let fuller = left_behind(above.path(), "zeropass-db-fuller");
        std::fs::write(fuller.join("notes"), "").unwrap();
        let file = above.path().join("zeropass-db-file");
        std::fs::create_dir(&file).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(PRIVATE)).unwrap();
        std::fs::write(socket_in(&file), "").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = left_behind(elsewhere.path(), "zeropass-db-target");
        let link = above.path().join("zeropass-db-link");
        std::os::unix::fs::symlink(&target, &link).unwrap();

        let ours = SocketFolder::make_in(above.path()).unwrap();
        let us = symlink_metadata(ours.path()).unwrap().uid();
        for stays in [named, open, fuller, file, link] {
            assert!(socket_in(&stays).exists(), "{}", stays.display());
        }
        // Another user's is left alone, whoever may remove it.
        tidy(elsewhere.path(), us.wrapping_add(1));
        assert!(target.exists());
        tidy(elsewhere.path(), us);
        assert!(!target.exists());
    }
}
