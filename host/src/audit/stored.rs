//! A record at its place in a log, and the bytes that the log's tree is made of.
//!
//! The canonical encoding is the one thing that a record and its copies (database
//! row, JSON line) must agree on. It is injective: two different records never have
//! the same bytes. In this order, without padding:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the encoding's version, 1 |
//! | 8 | `seq`, unsigned, big-endian |
//! | 8 | `time`, unsigned, big-endian |
//! | 4 + n | each of `request_id`, `workload`, `address`, `component_name`, `component_digest`, `component_revision`, `action`, `relying_party`, `target`, `outcome`: its length in bytes, unsigned, big-endian, then UTF-8 |
//! | 4 | how many policies |
//! | 4 + n | each of them, as above |
//!
//! A record's leaf is `SHA-256(0x00 || encoding)` (RFC 9162 section 2.1.1). Whoever
//! adds a field adds a version; old records keep theirs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Placed;
use super::merkle::Hash;
use crate::clock::Timestamp;

/// An audit record as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRecord {
    /// The place in the log, counted from 1.
    pub seq: u64,
    /// When the action was decided, milliseconds since the Unix epoch.
    pub time: Timestamp,
    /// The request's id.
    pub request_id: String,
    /// The caller's SPIFFE id.
    pub workload: String,
    /// The caller's address.
    pub address: String,
    /// The component's name, or `-` at the front door.
    pub component_name: String,
    /// The component's digest, or `-`.
    pub component_digest: String,
    /// The component's revision, or `-`.
    pub component_revision: String,
    /// The action's name.
    pub action: String,
    /// The relying party, or `-`.
    pub relying_party: String,
    /// What was acted upon, or `-`.
    pub target: String,
    /// `success`, `denied` or `failed:` and a code.
    pub outcome: String,
    /// The ids of the policies that decided.
    pub policies: Vec<String>,
}

/// What a verifier needs of an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// Of a record.
    Record {
        /// The place in the log.
        seq: u64,
        /// When the action was decided.
        time: Timestamp,
        /// The leaf.
        leaf: Hash,
    },
    /// As [`Entry::Pruned`].
    Pruned {
        /// The place in the log.
        seq: u64,
        /// The leaf of the record that was here.
        leaf: Hash,
    },
    /// As [`Entry::Unreadable`].
    Unreadable {
        /// The place in the log.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// What a log holds at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A record.
    Record(Box<StoredRecord>),
    /// What is left of a record that retention has cut: its place and its leaf.
    Pruned {
        /// The place in the log.
        seq: u64,
        /// The leaf of the record that was here.
        leaf: Hash,
    },
    /// Something that this program did not write.
    Unreadable {
        /// The place in the log.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

// === impl StoredRecord ===

impl StoredRecord {
    /// The same, and the texts stay here.
    pub fn placed(&self) -> Placed<'_> {
        Placed {
            seq: self.seq,
            time: self.time,
            texts: self.texts().map(Cow::Borrowed),
            policies: &self.policies,
        }
    }

    /// All of them so.
    pub fn all_placed(records: &[Self]) -> Vec<Placed<'_>> {
        records.iter().map(Self::placed).collect()
    }

    /// The canonical encoding, as the module says.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(640);
        self.placed().encode(&mut bytes);
        bytes
    }

    /// The record's leaf in the tree of its log.
    pub fn leaf(&self) -> Hash {
        self.placed().leaf(&mut Vec::with_capacity(640))
    }

    /// The fields of text, in the order of the encoding.
    pub fn texts(&self) -> [&str; 10] {
        [
            &self.request_id,
            &self.workload,
            &self.address,
            &self.component_name,
            &self.component_digest,
            &self.component_revision,
            &self.action,
            &self.relying_party,
            &self.target,
            &self.outcome,
        ]
    }
}

// === impl Entry ===

impl Entry {
    /// The place in the log.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Record(record) => record.seq,
            Self::Pruned { seq, .. } | Self::Unreadable { seq, .. } => *seq,
        }
    }
}

// === impl Leaf ===

impl Leaf {
    /// Of a record at its place.
    pub fn of(record: &Placed<'_>, buffer: &mut Vec<u8>) -> Self {
        Self::Record {
            seq: record.seq,
            time: record.time,
            leaf: record.leaf(buffer),
        }
    }

    /// The place in the log.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Record { seq, .. } | Self::Pruned { seq, .. } | Self::Unreadable { seq, .. } => {
                *seq
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::digest::SHA256;

    use super::*;

    pub(crate) fn sample(seq: u64) -> StoredRecord {
        StoredRecord {
            seq,
            time: 1_700_000_000_000 + seq,
            request_id: "r".into(),
            workload: "spiffe://zeropass.internal/rp".into(),
            address: "192.0.2.7:4711".into(),
            component_name: "-".into(),
            component_digest: "-".into(),
            component_revision: "-".into(),
            action: "sessions.get".into(),
            relying_party: "example.com".into(),
            target: format!("t-{seq}"),
            outcome: "success".into(),
            policies: vec!["a".into(), "b".into()],
        }
    }

    #[test]
    fn encoding_is_what_the_documentation_says() {
        let mut record = sample(7);
        record.workload = "é".into();
        let mut expected = vec![1];
        expected.extend(7_u64.to_be_bytes());
        expected.extend((1_700_000_000_007_u64).to_be_bytes());
        for text in [
            "r",
            "é",
            "192.0.2.7:4711",
            "-",
            "-",
            "-",
            "sessions.get",
            "example.com",
            "t-7",
            "success",
        ] {
            expected.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            expected.extend(text.as_bytes());
        }
        expected.extend([0, 0, 0, 2, 0, 0, 0, 1, b'a', 0, 0, 0, 1, b'b']);
        assert_eq!(record.canonical(), expected);
        let mut leaf = vec![0];
        leaf.extend(expected);
        let digest = aws_lc_rs::digest::digest(&SHA256, &leaf);
        assert_eq!(record.leaf(), Hash::from_digest(&digest));
    }

    /// Letters that move from one field to the next, and lists that look like others.
    #[test]
    fn different_records_have_different_leaves() {
        let mut shifted = sample(1);
        (shifted.action, shifted.relying_party) = ("sessions.gete".into(), "xample.com".into());
        let mut joined = sample(1);
        joined.policies = vec!["ab".into()];
        let mut split = sample(1);
        split.policies = vec!["a".into(), "b".into(), String::new()];
        let all = [sample(1), shifted, joined, split, sample(2)];
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert_ne!(one.leaf(), other.leaf(), "{one:?} {other:?}");
            }
        }
    }
}
