//! Logs as JSON Lines: to be kept elsewhere, searched by others, and verified just
//! as the database is.
//!
//! One line for each place of each log, in order:
//! `{"log":"host-1f2e3d4c","record":{"seq":1,"time":...}}`, or, for what retention
//! has cut, `{"log":"...","pruned":{"seq":1,"leaf":"<base64>"}}`. The members of a
//! record are those of [`StoredRecord`].

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::merkle::Hash;
use super::source::{Source, SourceError};
use super::{Entry, StoredRecord};

/// Entries that are read at a time.
const PAGE: u32 = 4096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    log: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<Box<StoredRecord>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pruned: Option<Pruned>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pruned {
    seq: u64,
    leaf: Hash,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The lines can't be written.
    #[error("the export can't be written: {0}")]
    Output(#[from] std::io::Error),
    /// A place is cut that stands behind one that is not; no verifier would take the lines.
    #[error(
        "log {log}, record {seq} is gone, and records before it are there: export again what was cut meanwhile; if it stays, run `zeropass audit verify`"
    )]
    Overtaken {
        /// The log.
        log: String,
        /// The place.
        seq: u64,
    },
    /// Something that is no record; an export would hide it.
    #[error("log {log}, record {seq}: {why}; run `zeropass audit verify`")]
    Unreadable {
        /// The log.
        log: String,
        /// The place.
        seq: u64,
        /// What is wrong.
        why: String,
    },
}

/// Write all entries of `logs`, or those that `wanted` accepts; returns how many.
///
/// # Errors
/// [`ExportError`]; lines before it have been written.
pub async fn export(
    source: &dyn Source,
    logs: &[String],
    out: &mut (dyn Write + Send),
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, ExportError> {
    let mut count = 0;
    for log in logs {
        let (mut after, mut cut) = (0, true);
        loop {
            let entries = source.entries(log, after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after = last.seq();
            let read = entries.len() as u64;
            for entry in entries {
                let mut line = Line {
                    log: log.clone(),
                    record: None,
                    pruned: None,
                };
                match entry {
                    Entry::Record(record) => {
                        cut = false;
                        line.record = Some(record);
                    }
                    Entry::Pruned { seq, .. } if !cut => {
                        let log = log.clone();
                        return Err(ExportError::Overtaken { log, seq });
                    }
                    Entry::Pruned { seq, leaf } => line.pruned = Some(Pruned { seq, leaf }),
                    Entry::Unreadable { seq, why } => {
                        let log = log.clone();
                        return Err(ExportError::Unreadable { log, seq, why });
                    }
                }
                serde_json::to_writer(&mut *out, &line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            }
            count += read;
            progress(read);
        }
    }
    out.flush()?;
    Ok(count)
}

/// An export as a source. Each log's lines stand together, as [`export`] writes them.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    logs: Vec<Found>,
    cursor: Mutex<Option<Cursor>>,
}

/// A log in the file.
#[derive(Debug)]
struct Found {
    log: String,
    start: u64,
    end: u64,
    head: u64,
}

/// Where reading goes on.
#[derive(Debug)]
struct Cursor {
    log: String,
    after: u64,
    offset: u64,
}

/// What is read of a line to find where logs begin.
#[derive(Deserialize)]
struct Place {
    log: String,
    record: Option<Seq>,
    pruned: Option<Seq>,
}

#[derive(Deserialize)]
struct Seq {
    seq: u64,
}

// === impl JsonLines ===

impl JsonLines {
    /// Look through the file once.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |error: std::io::Error| SourceError(format!("{}: {error}", path.display()));
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let (mut logs, mut offset, mut line) = (Vec::<Found>::new(), 0, Vec::new());
        loop {
            line.clear();
            let read = file.read_until(b'\n', &mut line).map_err(failed)? as u64;
            if read == 0 {
                break;
            }
            // A line that is none belongs to the log of the one before.
            if let Ok(place) = serde_json::from_slice::<Place>(&line) {
                let seq = place.record.or(place.pruned).map_or(0, |place| place.seq);
                match logs.last_mut().filter(|last| last.log == place.log) {
                    Some(last) => last.head = seq,
                    None => logs.push(Found {
                        log: place.log,
                        start: offset,
                        end: offset,
                        head: seq,
                    }),
                }
            } else if logs.is_empty() {
                return Err(SourceError(format!(
                    "{}: the first line is no line of an export",
                    path.display()
                )));
            }
            offset += read;
            if let Some(last) = logs.last_mut() {
                last.end = offset;
            }
        }
        for (index, one) in logs.iter().enumerate() {
            if logs
                .iter()
                .skip(index + 1)
                .any(|other| other.log == one.log)
            {
                return Err(SourceError(format!(
                    "{}: the lines of log {} don't stand together",
                    path.display(),
                    one.log
                )));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            logs,
            cursor: Mutex::new(None),
        })
    }

    fn found(&self, log: &str) -> Option<&Found> {
        self.logs.iter().find(|found| found.log == log)
    }

    fn read(&self, log: &str, after: u64, limit: u32) -> std::io::Result<Vec<Entry>> {
        let Some(found) = self.found(log) else {
            return Ok(Vec::new());
        };
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let here = cursor
            .take()
            .filter(|cursor| cursor.log == log && cursor.after == after);
        let skip = here.is_none() && after > 0;
        let mut offset = here.map_or(found.start, |cursor| cursor.offset);
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut entries = Vec::new();
        let (mut line, mut last) = (Vec::new(), after);
        if skip {
            last = 0;
        }
        while offset < found.end && entries.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            line.clear();
            offset += file.read_until(b'\n', &mut line)? as u64;
            let entry = entry(&line, last + 1);
            last = entry.seq();
            if !skip || last > after {
                entries.push(entry);
            }
        }
        *cursor = Some(Cursor {
            log: log.to_owned(),
            after: last,
            offset,
        });
        Ok(entries)
    }
}

/// The entry of a line; `expected` is its place when the line does not tell.
fn entry(line: &[u8], expected: u64) -> Entry {
    let parsed = serde_json::from_slice::<Line>(line);
    match parsed.map(|line| (line.record, line.pruned)) {
        Ok((Some(record), None)) => Entry::Record(record),
        Ok((None, Some(Pruned { seq, leaf }))) => Entry::Pruned { seq, leaf },
        Ok(_) => Entry::Unreadable {
            seq: expected,
            why: "its line has neither a record nor a leaf, or both".into(),
        },
        Err(error) => Entry::Unreadable {
            seq: expected,
            why: format!("its line is no line of an export: {error}"),
        },
    }
}

#[async_trait]
impl Source for JsonLines {
    async fn logs(&self) -> Result<Vec<String>, SourceError> {
        let mut logs: Vec<String> = self.logs.iter().map(|found| found.log.clone()).collect();
        logs.sort();
        Ok(logs)
    }

    async fn head(&self, log: &str) -> Result<u64, SourceError> {
        Ok(self.found(log).map_or(0, |found| found.head))
    }

    async fn entries(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Entry>, SourceError> {
        self.read(log, after, limit)
            .map_err(|error| SourceError(format!("{}: {error}", self.path.display())))
    }
}
