//! Before a log is continued: does the table still hold what was sealed?
//!
//! The exported leaves must have the root of the last checkpoint. The table must
//! then hold the same leaves in its last [`WINDOW`] places, reach at least as far as
//! the checkpoint, and have no hole there. What it holds beyond the export becomes
//! the beginning of what is sealed next: those records were written before a crash, or by
//! somebody else. Nothing vouches for them, and the checkpoint that seals them says so. Older
//! records are left to `zeropass audit verify`,
//! which checks all.
//!
//! Places that retention has cut are accepted at the beginning of the log only, and only
//! where checkpoints say that the records were a year old ([`super::retention`]).
//!
//! A log that does not fit is not continued: a host that went on would sign what
//! somebody else wrote.

use thiserror::Error;

use super::merkle::{Frontier, Hash};
use super::note::{Checkpoint, NoteError};
use super::notes::read_notes;
use super::retention::{YEAR, sealed_since};
use super::sink::SinkError;
use super::source::{SourceError, grows};
use super::{Entry, SealKey, Sink, Source};
use crate::clock::Timestamp;

/// Records that are checked at each start, counted from the end of the log.
pub const WINDOW: u64 = 1_000_000;

/// Entries that are read at a time.
const PAGE: u32 = 4096;

/// A log that can be continued.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Over everything that was exported.
    pub exported: Frontier,
    /// Leaves in the table that were not exported yet.
    pub pending: Vec<Hash>,
    /// The size of the last checkpoint; none in a new log.
    pub sealed: Option<u64>,
    /// The first place behind the last checkpoint, when records are there.
    pub adopted: Option<u64>,
    /// Whether the log's last host has recorded its stop. A new log is clean.
    pub clean: bool,
}

/// Why a log can't be continued.
#[derive(Debug, Error)]
pub enum ResumeError {
    /// The second place can't be read.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The table can't be read.
    #[error("the audit log can't be read: {0}")]
    Source(#[from] SourceError),
    /// The last checkpoint is not genuine.
    #[error("{file}: {source}; bring back the genuine file")]
    Checkpoint {
        /// The file of checkpoints.
        file: String,
        /// What is wrong.
        source: NoteError,
    },
    /// There are records, but nothing that vouches for them.
    #[error(
        "audit log {log} has {head} records, but {file} has no checkpoint of it: bring the file back (audit.checkpoints), or move the keys audit-* away to begin a new log"
    )]
    NoCheckpoint {
        /// The log.
        log: String,
        /// How many records.
        head: u64,
        /// The file of checkpoints.
        file: String,
    },
    /// The exported leaves are not those of the checkpoint.
    #[error(
        "{file} does not have the root of the last checkpoint ({size} records): it was altered; bring the genuine file back, or move it away to have it made again from the table"
    )]
    Leaves {
        /// The file of leaves.
        file: String,
        /// Of the last checkpoint.
        size: u64,
    },
    /// The table is not what was sealed.
    #[error(
        "audit log {log}: {what}. The database was altered or rolled back: keep it for an inquiry, look with `zeropass audit verify`, then bring back a good copy with `zeropass store restore`"
    )]
    Altered {
        /// The log.
        log: String,
        /// The first thing that is wrong, with its place.
        what: String,
    },
}

/// Check the log of `key` in `source` against its second place: its last `window` records.
/// It is `now`.
///
/// # Errors
/// [`ResumeError`]: the log must not be continued.
pub async fn resume(
    key: &SealKey,
    sink: &Sink,
    source: &dyn Source,
    window: u64,
    now: Timestamp,
) -> Result<Resumed, ResumeError> {
    let (log, file) = (key.log_id(), || sink.checkpoints().display().to_string());
    sink.mend()?;
    let head = source.head(log).await?;
    let Some(last) = sink.last(log)? else {
        if head > 0 {
            return Err(ResumeError::NoCheckpoint {
                log: log.to_owned(),
                head,
                file: file(),
            });
        }
        return Ok(Resumed {
            clean: true,
            ..Resumed::default()
        });
    };
    let checkpoint = last
        .verify(key.verifier())
        .map_err(|source| ResumeError::Checkpoint {
            file: file(),
            source,
        })?;
    let altered = |what: String| ResumeError::Altered {
        log: log.to_owned(),
        what,
    };
    let size = checkpoint.size;
    if head < size {
        return Err(altered(format!(
            "its end is cut off: it has {head} records, the last checkpoint {size}"
        )));
    }
    // All that was not exported is read, however much it is.
    let first = head.saturating_sub(window).min(size);
    let mut exported = Exported::read(sink, size, first)?;
    if exported.frontier.size() < size {
        // Without its leaves, the whole table is held against the root.
        exported = Exported::default();
    } else if exported.root_at_size != Some(checkpoint.root) {
        return Err(ResumeError::Leaves {
            file: sink.leaves().display().to_string(),
            size,
        });
    }
    if exported.frontier.size() > head {
        return Err(altered(format!(
            "its end is cut off: it has {head} records, {} were exported",
            exported.frontier.size()
        )));
    }
    let rebuilt = exported.frontier.size() == 0;
    let table = Table::read(source, log, exported.first, head).await?;
    for (place, leaf) in (exported.first..).zip(&exported.window) {
        let at = usize::try_from(place - exported.first).unwrap_or(usize::MAX);
        match table.leaves.get(at) {
            Some(found) if found == leaf => {}
            Some(_) => return Err(altered(format!("record {} was altered", place + 1))),
            // What it is, the table says below.
            None => break,
        }
    }
    if let Some(what) = table.wrong {
        return Err(altered(what));
    }
    if table.leaves.len() < exported.window.len() {
        let place = exported.first + table.leaves.len() as u64 + 1;
        return Err(altered(format!("record {place} is missing")));
    }
    if table.pruned > 0 {
        let since = sealed_since(&genuine(key, sink)?, table.pruned);
        if since.is_none_or(|since| since.saturating_add(YEAR) > now) {
            return Err(altered(format!(
                "its records up to {} are gone, and its checkpoints don't say that they were a year old",
                table.pruned
            )));
        }
    }
    let pending = table
        .leaves
        .get(exported.window.len()..)
        .unwrap_or_default()
        .to_vec();
    if rebuilt {
        let sealed = usize::try_from(size)
            .ok()
            .and_then(|size| pending.get(..size));
        if sealed.map(super::merkle::root) != Some(checkpoint.root) {
            return Err(altered(format!(
                "its first {size} records do not have the root of the last checkpoint"
            )));
        }
    }
    Ok(Resumed {
        exported: exported.frontier,
        pending,
        sealed: Some(size),
        adopted: (head > size).then(|| size + 1),
        clean: table.clean,
    })
}

/// All checkpoints of the log.
fn genuine(key: &SealKey, sink: &Sink) -> Result<Vec<Checkpoint>, ResumeError> {
    let notes = read_notes(sink.checkpoints())?;
    let own = notes
        .iter()
        .filter(|note| note.claimed().origin == key.log_id());
    own.map(|note| note.verify(key.verifier()).cloned())
        .collect::<Result<_, _>>()
        .map_err(|source| ResumeError::Checkpoint {
            file: sink.checkpoints().display().to_string(),
            source,
        })
}

/// The exported leaves.
#[derive(Default)]
struct Exported {
    frontier: Frontier,
    root_at_size: Option<Hash>,
    /// The place (from 0) of the first leaf that is kept.
    first: u64,
    window: Vec<Hash>,
}

/// The end of the log as the database has it.
struct Table {
    leaves: Vec<Hash>,
    /// What stands behind the last good leaf.
    wrong: Option<String>,
    /// The last place that retention has cut, 0 when there is none.
    pruned: u64,
    /// A place is cut that stands behind one that was not.
    overtaken: bool,
    clean: bool,
}

// === impl Exported ===

impl Exported {
    fn read(sink: &Sink, size: u64, first: u64) -> Result<Self, SinkError> {
        let mut exported = Self {
            first,
            ..Self::default()
        };
        let mut frontier = Frontier::default();
        exported.root_at_size = (size == 0).then(|| frontier.root());
        sink.read_leaves(|leaf| {
            if frontier.size() >= first {
                exported.window.push(leaf);
            }
            frontier.push(leaf);
            if frontier.size() == size {
                exported.root_at_size = Some(frontier.root());
            }
        })?;
        exported.frontier = frontier;
        Ok(exported)
    }
}

// === impl Table ===

impl Table {
    /// Everything behind the place `first` (from 0).
    async fn read(
        source: &dyn Source,
        log: &str,
        first: u64,
        head: u64,
    ) -> Result<Self, SourceError> {
        let mut cut = None;
        loop {
            let table = Self::read_once(source, log, first, head).await?;
            if !table.overtaken || !grows(cut, table.pruned) {
                return Ok(table);
            }
            cut = Some(table.pruned);
        }
    }

    async fn read_once(
        source: &dyn Source,
        log: &str,
        first: u64,
        head: u64,
    ) -> Result<Self, SourceError> {
        let mut table = Self {
            leaves: Vec::new(),
            wrong: None,
            pruned: 0,
            overtaken: false,
            // A run that began before the window has not stopped unless it says so.
            clean: first == 0,
        };
        let mut after = first;
        let mut buffer = Vec::new();
        while after < head {
            let entries = source.entries(log, after, PAGE).await?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let expected = after + 1;
                if entry.seq() != expected {
                    table.wrong = Some(format!("record {expected} is missing"));
                    return Ok(table);
                }
                match entry {
                    Entry::Record(record) => {
                        match record.action.as_str() {
                            "host.stop" => table.clean = true,
                            "host.start" => table.clean = false,
                            _ => {}
                        }
                        table.leaves.push(record.placed().leaf(&mut buffer));
                    }
                    Entry::Pruned { seq, leaf } => {
                        if seq != first + 1 && table.pruned != seq - 1 {
                            table.wrong = Some(format!("record {seq} is gone from the middle"));
                            table.overtaken = true;
                            return Ok(table);
                        }
                        table.pruned = seq;
                        table.leaves.push(leaf);
                    }
                    Entry::Unreadable { seq, why } => {
                        table.wrong = Some(format!("record {seq} can't be read: {why}"));
                        return Ok(table);
                    }
                }
                after = expected;
            }
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests;
