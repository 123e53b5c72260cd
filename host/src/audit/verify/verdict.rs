//! What comes of verifying a log.

use std::fmt;

use serde::Serialize;

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
