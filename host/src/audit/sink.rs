//! The second place: the files to which checkpoints and leaves are exported.
//!
//! Two files, best on another medium than the database: FILE with the signed
//! checkpoints of all logs that name it, and FILE.ID.leaves with the leaves of one
//! log, 32 bytes each, in order. The leaves let a verifier name the very record
//! that was altered; the checkpoint's root vouches for them. Leaves are synced
//! before the checkpoint that covers them, and a checkpoint before anybody relies on
//! it.
//!
//! Both are only appended to, so that they may lie where nothing else is possible. What is
//! there already must be what would be written. Half a note that a crash or a full disk has
//! left is cut off, or closed ([`super::notes`]); half a leaf is completed. A crash may
//! leave leaves beyond the last checkpoint; they stay and must fit. A lock on FILE keeps
//! hosts and commands that share it apart.

pub(super) mod error;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::merkle::{HASH_BYTES, Hash};
use super::note::SignedNote;
use super::notes;
use error::io_error;

pub use error::SinkError;

const LEAF: u64 = HASH_BYTES as u64;
/// Leaves that are read at a time.
const CHUNK: usize = 32 * 1024;

/// Where one log is exported to.
#[derive(Debug, Clone)]
pub struct Sink {
    checkpoints: PathBuf,
    leaves: PathBuf,
}

// === impl Sink ===

impl Sink {
    /// The second place of the log `id`, with its checkpoints in `file`.
    pub fn new(file: &Path, id: &str) -> Self {
        let mut leaves = file.as_os_str().to_owned();
        leaves.push(format!(".{id}.leaves"));
        Self {
            checkpoints: file.to_owned(),
            leaves: leaves.into(),
        }
    }

    /// The file of checkpoints.
    pub fn checkpoints(&self) -> &Path {
        &self.checkpoints
    }

    /// The file of leaves.
    pub fn leaves(&self) -> &Path {
        &self.leaves
    }

    /// Cut off, or close, half a note that was left behind.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn mend(&self) -> Result<(), SinkError> {
        let path = &self.checkpoints;
        let mend = || match OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            file => {
                let mut file = file?;
                file.lock()?;
                if let Some(closing) = mend(&file, path)? {
                    file.write_all(closing.as_bytes())?;
                }
                file.sync_all()
            }
        };
        mend().map_err(|source| io_error(path, source))
    }

    /// The last checkpoint of the log `origin`, not verified; none when there is none.
    ///
    /// # Errors
    /// The file can't be read, or is no file of checkpoints.
    pub fn last(&self, origin: &str) -> Result<Option<SignedNote>, SinkError> {
        notes::last(&self.checkpoints, origin)
    }

    /// Write leaves from the place `first` on (from 0), then the note, each synced.
    ///
    /// # Errors
    /// A file can't be written. Leaves that were written may be there, and are skipped the
    /// next time; of the note nothing counts.
    pub fn export(&self, first: u64, leaves: &[Hash], note: &str) -> Result<(), SinkError> {
        self.append_leaves(first, leaves)?;
        let path = &self.checkpoints;
        let append = || -> io::Result<()> {
            let mut file = open(path)?;
            file.lock()?;
            let mut bytes = mend(&file, path)?.unwrap_or_default().to_owned();
            let before = file.metadata()?.len();
            bytes.push_str(note);
            bytes.push('\n');
            let written = file.write_all(bytes.as_bytes());
            if let Err(error) = written {
                // If that can't be done either, the next one closes it.
                let _ = file.set_len(before);
                return Err(error);
            }
            file.sync_all()
        };
        append().map_err(|source| io_error(path, source))
    }

    fn append_leaves(&self, first: u64, leaves: &[Hash]) -> Result<(), SinkError> {
        let path = &self.leaves;
        let failed = |source| io_error(path, source);
        let mut file = open(path).map_err(failed)?;
        let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        let length = file.metadata().map_err(failed)?.len();
        let wrong = |what: String| SinkError::Leaves {
            path: path.clone(),
            what,
        };
        let there = length
            .checked_sub(first * LEAF)
            .ok_or_else(|| wrong(format!("it has {} leaves, not {first}", length / LEAF)))?;
        let (old, new) = usize::try_from(there)
            .ok()
            .and_then(|there| bytes.split_at_checked(there))
            .ok_or_else(|| wrong(format!("somebody else has added to its {first} leaves")))?;
        if !old.is_empty() {
            let mut found = vec![0; old.len()];
            let reading = File::open(path).map_err(failed)?;
            reading
                .read_exact_at(&mut found, first * LEAF)
                .map_err(failed)?;
            if found != old {
                return Err(wrong(format!(
                    "what follows its {first} leaves is not of this log"
                )));
            }
        }
        file.write_all(new).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Each leaf that was exported, in order.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn read_leaves(&self, mut each: impl FnMut(Hash)) -> Result<(), SinkError> {
        let mut read = || -> io::Result<()> {
            let mut file = match File::open(&self.leaves) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                file => file?,
            };
            let mut bytes = Vec::with_capacity(CHUNK * HASH_BYTES);
            loop {
                bytes.clear();
                (&mut file)
                    .take((CHUNK * HASH_BYTES) as u64)
                    .read_to_end(&mut bytes)?;
                // Less than a leaf at the end is a crash's.
                let chunks = bytes.chunks_exact(HASH_BYTES);
                chunks.filter_map(Hash::from_bytes).for_each(&mut each);
                if bytes.len() < CHUNK * HASH_BYTES {
                    return Ok(());
                }
            }
        };
        read().map_err(|source| io_error(&self.leaves, source))
    }
}

/// Cut off half a note at the end of the file, which is locked. If that can't be done,
/// what must be written before anything else.
fn mend(file: &File, path: &Path) -> io::Result<Option<&'static str>> {
    let (length, good) = notes::measure(path)?;
    if good == length {
        return Ok(None);
    }
    let bytes = length - good;
    let file_name = path.display();
    if file.set_len(good).is_ok() {
        tracing::warn!(file = %file_name, bytes, "cut off an unfinished checkpoint");
        return Ok(None);
    }
    tracing::warn!(file = %file_name, bytes, "an unfinished checkpoint stays: the file can only be appended to");
    Ok(Some(notes::TORN))
}

/// To append. Readable for its owner alone, when it is new.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
