//! What vouches for logs: keys, checkpoints and exported leaves.

use std::collections::BTreeMap;
use std::path::Path;

use super::Bad;
use crate::audit::merkle::Hash;
use crate::audit::note::{Checkpoint, VerifierKey};
use crate::audit::notes::read_notes;
use crate::audit::sink::{Sink, SinkError};

/// What vouches for the logs.
#[derive(Debug, Default)]
pub struct Witness {
    keys: BTreeMap<String, VerifierKey>,
    checkpoints: BTreeMap<String, Vec<Checkpoint>>,
    leaves: BTreeMap<String, Vec<Hash>>,
    /// Logs whose checkpoints are not genuine, and why.
    forged: BTreeMap<String, String>,
}

// === impl Witness ===

impl Witness {
    /// Checkpoints of all logs in `files`, as far as they are signed with one of `keys`,
    /// and the leaves that lie beside them. Each host may have a file of its own, and there
    /// may be several copies of one.
    ///
    /// # Errors
    /// A file can't be read or holds something else than checkpoints.
    pub fn read(files: &[impl AsRef<Path>], keys: Vec<VerifierKey>) -> Result<Self, SinkError> {
        let mut witness = Self::default();
        for key in keys {
            witness.keys.insert(key.name().to_owned(), key);
        }
        for file in files {
            witness.add(file.as_ref())?;
        }
        for (log, checkpoints) in &mut witness.checkpoints {
            // In a single file they are in order already, or it was refused.
            checkpoints.sort_by_key(|checkpoint| checkpoint.size);
            checkpoints.dedup();
            if let Some(what) = contradiction(checkpoints) {
                witness.forged.entry(log.clone()).or_insert(what);
            }
        }
        Ok(witness)
    }

    fn add(&mut self, file: &Path) -> Result<(), SinkError> {
        for log in self.keys.keys() {
            let mut leaves = Vec::new();
            Sink::new(file, log).read_leaves(|leaf| leaves.push(leaf))?;
            // The longest of several copies; the checkpoints vouch for it.
            if leaves.len() > self.leaves(log).len() {
                self.leaves.insert(log.clone(), leaves);
            }
        }
        let mut found = BTreeMap::<String, Vec<Checkpoint>>::new();
        for note in read_notes(file)? {
            let log = note.claimed().origin.clone();
            let Some(key) = self.keys.get(&log) else {
                continue;
            };
            match note.verify(key) {
                Ok(genuine) => found.entry(log).or_default().push(genuine.clone()),
                Err(error) => {
                    self.forged.entry(log).or_insert(error.to_string());
                }
            }
        }
        for (log, checkpoints) in found {
            if let Some(what) = contradiction(&checkpoints) {
                self.forged.entry(log.clone()).or_insert(what);
            }
            self.checkpoints.entry(log).or_default().extend(checkpoints);
        }
        Ok(())
    }

    /// The logs that must be there, sorted.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.checkpoints.keys().map(String::as_str)
    }

    /// Whether there is a public key of the log.
    pub fn knows(&self, log: &str) -> bool {
        self.keys.contains_key(log)
    }

    /// The genuine checkpoints of a log, in the order of their sizes.
    pub fn checkpoints(&self, log: &str) -> &[Checkpoint] {
        self.checkpoints.get(log).map_or(&[], Vec::as_slice)
    }

    /// Whether the record at the place `seq` was found by the signer when it continued the
    /// log, and not committed by it.
    pub fn adopted(&self, log: &str, seq: u64) -> bool {
        self.checkpoints(log).iter().any(|one| {
            one.adopted
                .is_some_and(|first| (first..=one.size).contains(&seq))
        })
    }

    /// The exported leaves of a log.
    pub fn leaves(&self, log: &str) -> &[Hash] {
        self.leaves.get(log).map_or(&[], Vec::as_slice)
    }

    pub(super) fn lacks(&self, log: &str) -> Option<Bad> {
        if let Some(what) = self.forged.get(log) {
            return Some(Bad::Checkpoint { what: what.clone() });
        }
        let what = if !self.knows(log) {
            "there is no public key of this log"
        } else if !self.checkpoints.contains_key(log) {
            "there is no checkpoint of this log"
        } else {
            return None;
        };
        Some(Bad::NoWitness { what: what.into() })
    }
}

/// Checkpoints never shrink, and of one size there is one root.
fn contradiction(checkpoints: &[Checkpoint]) -> Option<String> {
    checkpoints.windows(2).find_map(|pair| {
        let [one, two] = pair else { return None };
        if two.size < one.size {
            return Some(format!(
                "a checkpoint of {} records follows one of {}",
                two.size, one.size
            ));
        }
        (two.size == one.size && two.root != one.root).then(|| {
            format!(
                "two checkpoints of {} records have different roots",
                one.size
            )
        })
    })
}
