//! Why a file of the second place is of no use.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::audit::note::NoteError;

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
    /// The leaves are not those that this log has exported.
    #[error(
        "{path}: {what}; bring the genuine file back, or stop the host and move it away to have it made again from the table"
    )]
    Leaves {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

pub(in crate::audit) fn io_error(path: &Path, source: io::Error) -> SinkError {
    SinkError::Io {
        path: path.to_owned(),
        source,
    }
}
