//! Verifying a log, offline: from its records, its checkpoints, its public key and,
//! where they are at hand, its exported leaves. Nothing in the database is trusted.
//!
//! What is proven of a good log: its first `sealed` records are, byte for byte and
//! in this order, those that the holder of the key sealed; none is missing, none was
//! put between. Records behind the last checkpoint and the last exported leaf are
//! only counted: nothing vouches for them yet.
//!
//! With the leaves, the first bad record is named by its place even when the
//! database is consistent in itself. Without them a checkpoint's root only says that
//! one of the records since the checkpoint before is bad.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::Entry;
use super::merkle::{Frontier, Hash};
use super::note::{Checkpoint, VerifierKey};
use super::sink::{Sink, SinkError, read_notes};
use super::source::{Source, SourceError};

/// Entries that are read at a time.
const PAGE: u32 = 4096;

/// The log of records from before logs were sealed.
pub const UNSEALED: &str = "unsealed";

/// What vouches for the logs.
#[derive(Debug, Default)]
pub struct Witness {
    keys: BTreeMap<String, VerifierKey>,
    checkpoints: BTreeMap<String, Vec<Checkpoint>>,
    leaves: BTreeMap<String, Vec<Hash>>,
    /// Logs whose checkpoints are not genuine, and why.
    forged: BTreeMap<String, String>,
}

/// What was found out about one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The log's id.
    pub log: String,
    /// How many records it has, as far as they were read.
    pub records: u64,
    /// Of those, how many retention has cut to their leaves.
    pub pruned: u64,
    /// How many checkpoints were compared.
    pub checkpoints: u64,
    /// How many records they vouch for.
    pub sealed: u64,
    /// The first thing that is wrong.
    pub bad: Option<Bad>,
    /// What an auditor should know although it is not wrong.
    pub remarks: Vec<String>,
}

/// The first thing that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Bad {
    /// A record is not what was sealed at its place.
    Record {
        /// Its place, from 1.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// One of these is not what was sealed; without exported leaves no more is known.
    Range {
        /// The first that may be bad.
        from: u64,
        /// The last that may be bad.
        to: u64,
    },
    /// The end of the log is gone.
    CutTail {
        /// How many records there are.
        has: u64,
        /// How many there were.
        had: u64,
    },
    /// A checkpoint is not genuine, or contradicts another.
    Checkpoint {
        /// What is wrong.
        what: String,
    },
    /// There is nothing to verify the log with.
    NoWitness {
        /// What is missing.
        what: String,
    },
}

/// Told how many records more have been verified.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

// === impl Witness ===

impl Witness {
    /// Checkpoints of all logs in `checkpoints`, as far as they are signed with one of
    /// `keys`, and the leaves that lie beside them.
    ///
    /// # Errors
    /// A file can't be read or holds something else than checkpoints.
    pub fn read(checkpoints: &Path, keys: Vec<VerifierKey>) -> Result<Self, SinkError> {
        let mut witness = Self::default();
        for key in keys {
            let mut leaves = Vec::new();
            Sink::new(checkpoints, key.name()).read_leaves(|leaf| leaves.push(leaf))?;
            if !leaves.is_empty() {
                witness.leaves.insert(key.name().to_owned(), leaves);
            }
            witness.keys.insert(key.name().to_owned(), key);
        }
        for note in read_notes(checkpoints)? {
            let log = note.claimed().origin.clone();
            let Some(key) = witness.keys.get(&log) else {
                continue;
            };
            match note.verify(key) {
                Ok(genuine) => witness
                    .checkpoints
                    .entry(log)
                    .or_default()
                    .push(genuine.clone()),
                Err(error) => {
                    witness.forged.entry(log).or_insert(error.to_string());
                }
            }
        }
        Ok(witness)
    }

    /// The logs that must be there, sorted.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.checkpoints.keys().map(String::as_str)
    }

    /// The genuine checkpoints of a log, in the order of the file.
    pub fn checkpoints(&self, log: &str) -> &[Checkpoint] {
        self.checkpoints.get(log).map_or(&[], Vec::as_slice)
    }

    /// The exported leaves of a log.
    pub fn leaves(&self, log: &str) -> &[Hash] {
        self.leaves.get(log).map_or(&[], Vec::as_slice)
    }

    fn lacks(&self, log: &str) -> Option<Bad> {
        if let Some(what) = self.forged.get(log) {
            return Some(Bad::Checkpoint { what: what.clone() });
        }
        let what = if !self.keys.contains_key(log) {
            "there is no public key of this log"
        } else if !self.checkpoints.contains_key(log) {
            "there is no checkpoint of this log"
        } else {
            return None;
        };
        Some(Bad::NoWitness { what: what.into() })
    }
}

/// Verify every log that `source` has or `witness` knows of.
///
/// # Errors
/// The source can't be read. What is wrong with its content is in the verdicts.
pub async fn verify(
    source: &dyn Source,
    witness: &Witness,
    progress: Progress<'_>,
) -> Result<Vec<Verdict>, SourceError> {
    let mut logs = source.logs().await?;
    logs.extend(witness.logs().map(str::to_owned));
    logs.sort();
    logs.dedup();
    let mut verdicts = Vec::new();
    for log in logs {
        verdicts.push(verify_log(source, witness, &log, progress).await?);
    }
    excuse_restored(source, &mut verdicts).await?;
    Ok(verdicts)
}

/// Verify one log.
///
/// # Errors
/// As [`verify`].
pub async fn verify_log(
    source: &dyn Source,
    witness: &Witness,
    log: &str,
    progress: Progress<'_>,
) -> Result<Verdict, SourceError> {
    let mut check = Check::new(witness, log);
    if log == UNSEALED {
        let head = source.head(log).await?;
        check.verdict.records = head;
        let remark = "records from before logs were sealed: nothing vouches for them";
        check.verdict.remarks.push(remark.into());
        return Ok(check.verdict);
    }
    if let Some(bad) = witness.lacks(log).or_else(|| check.contradiction()) {
        check.verdict.records = source.head(log).await?;
        check.verdict.bad = Some(bad);
        return Ok(check.verdict);
    }
    let mut after = 0;
    check.compare_roots();
    while check.verdict.bad.is_none() {
        let entries = source.entries(log, after, PAGE).await?;
        if entries.is_empty() {
            break;
        }
        let read = entries.len() as u64;
        for entry in entries {
            after = entry.seq();
            check.entry(entry);
            if check.verdict.bad.is_some() {
                break;
            }
        }
        progress(read);
    }
    Ok(check.finish())
}

/// A log that ends where a recorded restore says so was not cut by a stranger.
async fn excuse_restored(source: &dyn Source, verdicts: &mut [Verdict]) -> Result<(), SourceError> {
    if !verdicts
        .iter()
        .any(|verdict| matches!(verdict.bad, Some(Bad::CutTail { .. })))
    {
        return Ok(());
    }
    let mut restored = BTreeMap::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.bad.is_none()) {
        let mut after = 0;
        loop {
            let entries = source.entries(&verdict.log, after, PAGE).await?;
            let Some(last) = entries.last() else { break };
            after = last.seq();
            for entry in entries {
                // Only what a checkpoint covers is a witness.
                if let Entry::Record(record) = entry
                    && record.action == RESTORE
                    && record.seq <= verdict.sealed
                {
                    let place = format!("record {} of log {}", record.seq, verdict.log);
                    restored.insert(record.target, place);
                }
            }
        }
    }
    for verdict in verdicts {
        if let Some(Bad::CutTail { has, had }) = &verdict.bad
            && let Some(place) = restored.get(&restore_target(&verdict.log, *has))
        {
            verdict.remarks.push(format!(
                "ends at {has} of {had} records since a backup was restored: {place}"
            ));
            verdict.bad = None;
        }
    }
    Ok(())
}

/// The action of the record that a restore leaves.
pub const RESTORE: &str = "store.restore";

/// How that record names the log that it cut.
pub fn restore_target(log: &str, has: u64) -> String {
    format!("{log} ends at {has}")
}

/// One log, record by record.
struct Check<'a> {
    checkpoints: &'a [Checkpoint],
    leaves: &'a [Hash],
    verdict: Verdict,
    /// Over what the source has.
    found: Frontier,
    /// Over what was exported, once that differs.
    exported: Option<(Frontier, Bad)>,
    /// The next checkpoint.
    next: usize,
    /// The size of the last checkpoint that was right.
    right: u64,
    last_time: u64,
    backwards: Option<u64>,
}

// === impl Check ===

impl<'a> Check<'a> {
    fn new(witness: &'a Witness, log: &str) -> Self {
        Self {
            checkpoints: witness.checkpoints(log),
            leaves: witness.leaves(log),
            verdict: Verdict {
                log: log.to_owned(),
                records: 0,
                pruned: 0,
                checkpoints: 0,
                sealed: 0,
                bad: None,
                remarks: Vec::new(),
            },
            found: Frontier::default(),
            exported: None,
            next: 0,
            right: 0,
            last_time: 0,
            backwards: None,
        }
    }

    /// Checkpoints never shrink, and of one size there is one root.
    fn contradiction(&self) -> Option<Bad> {
        self.checkpoints.windows(2).find_map(|pair| {
            let [one, two] = pair else { return None };
            let what = if two.size < one.size {
                format!(
                    "a checkpoint of {} records follows one of {}",
                    two.size, one.size
                )
            } else if two.size == one.size && two.root != one.root {
                format!(
                    "two checkpoints of {} records have different roots",
                    one.size
                )
            } else {
                return None;
            };
            Some(Bad::Checkpoint { what })
        })
    }

    fn entry(&mut self, entry: Entry) {
        let place = self.found.size() + 1;
        if entry.seq() != place {
            let what = if entry.seq() < place {
                "is there twice"
            } else {
                "is missing"
            };
            return self.bad_record(place.min(entry.seq()), what.into());
        }
        let leaf = match entry {
            Entry::Record(record) => {
                // Records are in the order of commits; minutes are a clock set back.
                const MINUTE: u64 = 60_000;
                if record.time + MINUTE < self.last_time {
                    self.backwards.get_or_insert(record.seq);
                }
                self.last_time = self.last_time.max(record.time);
                record.leaf()
            }
            Entry::Pruned { leaf, .. } => {
                self.verdict.pruned += 1;
                leaf
            }
            Entry::Unreadable { seq, why } => return self.bad_record(seq, why),
        };
        self.found.push(leaf);
        self.verdict.records = place;
        let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let Some(exported) = self.leaves.get(index) {
            if self.exported.is_none() && *exported != leaf {
                let mut before = Frontier::default();
                let same = self.leaves.get(..index).unwrap_or_default();
                same.iter().for_each(|leaf| before.push(*leaf));
                let what = "is not what was sealed".into();
                self.exported = Some((before, Bad::Record { seq: place, what }));
            }
            if let Some((frontier, _)) = &mut self.exported {
                frontier.push(*exported);
            }
        }
        self.compare_roots();
    }

    /// A record that is wrong whatever the roots say, unless one before it is.
    fn bad_record(&mut self, seq: u64, what: String) {
        let earlier = self.exported.take().map(|(_, bad)| bad);
        self.verdict.bad = earlier.or(Some(Bad::Record { seq, what }));
    }

    /// Compare with all checkpoints of the present size.
    fn compare_roots(&mut self) {
        while let Some(checkpoint) = self.checkpoints.get(self.next)
            && checkpoint.size == self.found.size()
        {
            self.next += 1;
            let root = self.found.root();
            if let Some((frontier, bad)) = self.exported.take() {
                if frontier.size() == checkpoint.size && frontier.root() == checkpoint.root {
                    self.verdict.bad = Some(bad);
                    return;
                }
                // The leaves are wrong; whether the records are, the root says.
                self.leaves = &[];
                let remark = "the exported leaves were altered or are incomplete";
                self.verdict.remarks.push(remark.into());
            }
            if root != checkpoint.root {
                self.verdict.bad = Some(Bad::Range {
                    from: self.right + 1,
                    to: checkpoint.size,
                });
                return;
            }
            self.right = checkpoint.size;
            self.verdict.checkpoints += 1;
            self.verdict.sealed = checkpoint.size;
        }
    }

    fn finish(mut self) -> Verdict {
        let has = self.found.size();
        if self.verdict.bad.is_none() {
            let sealed = self.checkpoints.last().map_or(0, |last| last.size);
            let had = sealed.max(self.leaves.len() as u64);
            self.verdict.bad = match self.exported.take() {
                Some((_, bad)) => Some(bad),
                None if has < had => Some(Bad::CutTail { has, had }),
                None => None,
            };
        }
        if let Some(seq) = self.backwards {
            self.verdict.remarks.push(format!(
                "the clock was set back by more than a minute before record {seq}; the order of records is that of their places"
            ));
        }
        let behind = has.saturating_sub(self.verdict.sealed.max(self.leaves.len() as u64));
        if self.verdict.bad.is_none() && behind > 0 {
            self.verdict.remarks.push(format!(
                "{behind} records behind the last checkpoint: nothing vouches for them yet"
            ));
        }
        self.verdict
    }
}

// === impl Bad ===

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { seq, what } => write!(f, "first bad record: {seq} ({what})"),
            Self::Range { from, to } if from == to => {
                write!(f, "first bad record: {from} (is not what was sealed)")
            }
            Self::Range { from, to } => write!(
                f,
                "first bad record: one of {from} to {to} (their root is not the checkpoint's; the exported leaves would tell which)"
            ),
            Self::CutTail { has, had } => {
                write!(f, "cut tail: it ends at record {has}, but had {had}")
            }
            Self::Checkpoint { what } | Self::NoWitness { what } => f.write_str(what),
        }
    }
}
