//! What vouches for logs: keys, checkpoints and exported leaves.

use std::collections::BTreeMap;
use std::path::Path;

use super::Bad;
use crate::audit::merkle::Hash;
use crate::audit::note::{Checkpoint, VerifierKey};
use crate::audit::sink::{Sink, SinkError, read_notes};

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

    pub(super) fn lacks(&self, log: &str) -> Option<Bad> {
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
