//! The second place: the files to which checkpoints and leaves are exported.
//!
//! Two files, best on another medium than the database: FILE with the signed
//! checkpoints of all logs that name it, and FILE.ID.leaves with the leaves of one
//! log, 32 bytes each, in order. The leaves let a verifier name the very record
//! that was altered; the checkpoint's root vouches for them. Leaves are synced
//! before the checkpoint that covers them, and a checkpoint before anybody relies on
//! it.
//!
//! A crash may leave half a note at the end; it is cut off at the next opening. A
//! crash may leave leaves beyond the last checkpoint; they stay and must fit.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::merkle::{HASH_BYTES, Hash};
use super::note::{NoteError, SignedNote};

const LEAF: u64 = HASH_BYTES as u64;
/// How much of the end of a file is searched for a log's last checkpoint before all
/// of it is, bytes.
const TAIL: u64 = 256 * 1024;
/// Leaves that are read at a time.
const CHUNK: usize = 32 * 1024;

/// Where one log is exported to.
#[derive(Debug, Clone)]
pub struct Sink {
    checkpoints: PathBuf,
    leaves: PathBuf,
}

/// Why the second place can't be read or written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The file can't be used.
    #[error("{path}: {source}; the host must be able to append to this file (audit.checkpoints)")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A note that is none.
    #[error("{path}, line {line}: {source}")]
    Note {
        /// The file.
        path: PathBuf,
        /// Where the note begins, from 1.
        line: usize,
        /// What is wrong.
        source: NoteError,
    },
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

    /// Cut off half a note that a crash has left behind.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn mend(&self) -> Result<(), SinkError> {
        let bytes = match std::fs::read(&self.checkpoints) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|source| io_error(&self.checkpoints, source))?,
        };
        let whole = whole_notes(&bytes);
        if whole == bytes.len() {
            return Ok(());
        }
        tracing::warn!(file = %self.checkpoints.display(), bytes = bytes.len() - whole,
            "cutting off an unfinished checkpoint");
        let cut = || -> io::Result<()> {
            let file = OpenOptions::new().write(true).open(&self.checkpoints)?;
            file.set_len(whole as u64)?;
            file.sync_all()
        };
        cut().map_err(|source| io_error(&self.checkpoints, source))
    }

    /// The last checkpoint of the log `origin`, not verified; none when there is none.
    ///
    /// # Errors
    /// The file can't be read, or is no file of checkpoints.
    pub fn last(&self, origin: &str) -> Result<Option<SignedNote>, SinkError> {
        let tail =
            read_tail(&self.checkpoints).map_err(|source| io_error(&self.checkpoints, source))?;
        let of_this = |notes: Vec<SignedNote>| {
            let mut notes = notes.into_iter().rev();
            notes.find(|note| note.claimed().origin == origin)
        };
        if let Some(tail) = tail
            && let Ok(notes) = parse_notes(&tail, &self.checkpoints)
            && let Some(note) = of_this(notes)
        {
            return Ok(Some(note));
        }
        Ok(of_this(read_notes(&self.checkpoints)?))
    }

    /// Write leaves from the place `first` on (from 0), then the note, each synced.
    ///
    /// # Errors
    /// A file can't be written; what was written so far may be there, and is written
    /// again the next time.
    pub fn export(&self, first: u64, leaves: &[Hash], note: &str) -> Result<(), SinkError> {
        let write_leaves = || -> io::Result<()> {
            let file = open(&self.leaves, OpenOptions::new().write(true).truncate(false))?;
            let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
            file.write_all_at(&bytes, first * LEAF)?;
            file.sync_all()
        };
        write_leaves().map_err(|source| io_error(&self.leaves, source))?;
        let write_note = || -> io::Result<()> {
            let mut file = open(&self.checkpoints, OpenOptions::new().append(true))?;
            // One write: a note is whole or, after a crash, cut off.
            file.write_all(format!("{note}\n").as_bytes())?;
            file.sync_all()
        };
        write_note().map_err(|source| io_error(&self.checkpoints, source))
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

/// All notes of a file, none when there is no file.
///
/// # Errors
/// The file can't be read, or something in it is no note. Half a note at the end is
/// not counted.
pub fn read_notes(path: &Path) -> Result<Vec<SignedNote>, SinkError> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|source| io_error(path, source))?,
    };
    let whole = bytes.get(..whole_notes(&bytes)).unwrap_or_default();
    let text = str::from_utf8(whole).map_err(|_| SinkError::Note {
        path: path.to_owned(),
        line: 1,
        source: NoteError::Malformed("it is not text"),
    })?;
    parse_notes(text, path)
}

/// A note is two paragraphs: its text and its signatures.
fn parse_notes(text: &str, path: &Path) -> Result<Vec<SignedNote>, SinkError> {
    let mut notes = Vec::new();
    let (mut line, mut rest) = (1, text);
    while !rest.is_empty() {
        let end = end_of_note(rest).unwrap_or(rest.len());
        let (note, after) = rest.split_at(end);
        // Without the empty line behind it.
        let note = note.strip_suffix('\n').unwrap_or(note);
        notes.push(note.parse().map_err(|source| SinkError::Note {
            path: path.to_owned(),
            line,
            source,
        })?);
        line += note.matches('\n').count() + 1;
        rest = after;
    }
    Ok(notes)
}

/// Behind the empty line that ends the first note.
fn end_of_note(text: &str) -> Option<usize> {
    let signatures = text.find("\n\n")? + 2;
    let end = text.get(signatures..)?.find("\n\n")? + 2;
    Some(signatures + end)
}

/// How many bytes are whole notes: up to the last empty line that follows a
/// signature.
fn whole_notes(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while end > 0 {
        let before = bytes.get(..end).unwrap_or_default();
        if before.ends_with(b"\n\n") {
            let line = before.strip_suffix(b"\n\n").unwrap_or_default();
            let line = line
                .rsplit(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            if line.starts_with("\u{2014} ".as_bytes()) {
                return end;
            }
        }
        end -= 1;
    }
    0
}

/// The notes at the end of a long file, from the beginning of one on; none when the
/// file is short enough to be read whole, or the end holds no beginning.
fn read_tail(path: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    if length <= TAIL {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - TAIL))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The end of a signature line ends the note that is cut in two.
    let start = text
        .find("\n\u{2014} ")
        .and_then(|at| text.get(at + 1..)?.find("\n\n").map(|end| at + 1 + end + 2));
    Ok(start.and_then(|start| text.get(start..).map(str::to_owned)))
}

/// Readable for its owner alone, when it is new.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.create(true).mode(0o600).open(path)
}

fn io_error(path: &Path, source: io::Error) -> SinkError {
    SinkError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::key::{SealKey, Turn};
    use super::super::note::Checkpoint;
    use super::*;

    fn note(key: &SealKey, size: u64) -> String {
        key.sign(&Checkpoint {
            origin: key.log_id().to_owned(),
            size,
            root: Hash([1; 32]),
            time: 1,
        })
    }

    fn leaves(sink: &Sink) -> Vec<Hash> {
        let mut leaves = Vec::new();
        sink.read_leaves(|leaf| leaves.push(leaf)).unwrap();
        leaves
    }

    #[test]
    fn what_is_exported_is_read_back_by_log() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("checkpoints");
        let (one, two) = (
            SealKey::open(folder.path(), "one", Turn::Now).unwrap(),
            SealKey::open(folder.path(), "two", Turn::Now).unwrap(),
        );
        let sink = Sink::new(&file, one.log_id());
        assert!(sink.last(one.log_id()).unwrap().is_none());
        sink.export(0, &[Hash([1; 32]), Hash([2; 32])], &note(&one, 2))
            .unwrap();
        Sink::new(&file, two.log_id())
            .export(0, &[], &note(&two, 9))
            .unwrap();
        // As after a crash: the last leaf again, and one more.
        sink.export(1, &[Hash([2; 32]), Hash([3; 32])], &note(&one, 3))
            .unwrap();
        let sizes: Vec<u64> = read_notes(&file)
            .unwrap()
            .iter()
            .map(|n| n.claimed().size)
            .collect();
        assert_eq!(sizes, [2, 9, 3]);
        let last = |key: &SealKey| sink.last(key.log_id()).unwrap().unwrap().claimed().size;
        assert_eq!((last(&one), last(&two)), (3, 9));
        assert_eq!(leaves(&sink), [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])]);
    }

    #[test]
    fn half_a_note_is_cut_off_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
        let sink = Sink::new(&folder.path().join("checkpoints"), key.log_id());
        sink.export(0, &[], &note(&key, 1)).unwrap();
        let whole = std::fs::read(sink.checkpoints()).unwrap();
        sink.export(0, &[], &note(&key, 2)).unwrap();
        let both = std::fs::read(sink.checkpoints()).unwrap();
        for end in whole.len()..both.len() {
            std::fs::write(sink.checkpoints(), both.get(..end).unwrap()).unwrap();
            assert_eq!(read_notes(sink.checkpoints()).unwrap().len(), 1, "{end}");
            sink.mend().unwrap();
            assert_eq!(std::fs::read(sink.checkpoints()).unwrap(), whole);
        }
        sink.export(0, &[], &note(&key, 3)).unwrap();
        assert_eq!(sink.last(key.log_id()).unwrap().unwrap().claimed().size, 3);
    }

    #[test]
    fn last_checkpoint_of_a_long_file_is_found_even_far_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (
            SealKey::open(folder.path(), "one", Turn::Now).unwrap(),
            SealKey::open(folder.path(), "two", Turn::Now).unwrap(),
        );
        let sink = Sink::new(&folder.path().join("checkpoints"), one.log_id());
        let mut text = format!("{}\n", note(&two, 7));
        for size in 0..3_000 {
            text.push_str(&format!("{}\n", note(&one, size)));
        }
        assert!(text.len() as u64 > 2 * TAIL);
        std::fs::write(sink.checkpoints(), text).unwrap();
        let last = |key: &SealKey| sink.last(key.log_id()).unwrap().unwrap().claimed().size;
        assert_eq!((last(&one), last(&two)), (2_999, 7));
    }

    #[test]
    fn sink_that_can_not_be_written_says_which_file() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
        let sink = Sink::new(&folder.path().join("missing/checkpoints"), key.log_id());
        let error = sink.export(0, &[], &note(&key, 0)).unwrap_err().to_string();
        assert!(error.contains("missing/checkpoints"), "{error}");
        std::fs::write(
            folder.path().join("odd"),
            "x\n\n\u{2014} y\n\nz\n\n\u{2014} a b\n\n",
        )
        .unwrap();
        let error = read_notes(&folder.path().join("odd"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("odd, line 1: not a checkpoint"), "{error}");
    }
}
