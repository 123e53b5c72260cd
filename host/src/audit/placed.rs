//! A record at its place, whoever holds its texts: what its row and its leaf are made of.

use std::borrow::Cow;

use aws_lc_rs::digest::{Context, SHA256};

use super::merkle::Hash;
use super::{Outcome, Record, StoredRecord};
use crate::clock::Timestamp;

/// The version of the canonical encoding.
const VERSION: u8 = 1;

/// Stands where there is nothing to say: no field is empty (PCI DSS 10.2.2).
const NOTHING: &str = "-";

/// A record that is kept elsewhere, at its place in a log.
#[derive(Debug)]
pub struct Placed<'a> {
    /// The place in the log, counted from 1.
    pub seq: u64,
    /// When the action was decided, milliseconds since the Unix epoch.
    pub time: Timestamp,
    /// The fields of text, in the order of the canonical encoding.
    pub texts: [Cow<'a, str>; 10],
    /// The ids of the policies that decided.
    pub policies: &'a [String],
}

// === impl Placed ===

impl<'a> Placed<'a> {
    /// A record at its place: what every database keeps of it, field by field.
    fn new(seq: u64, record: &'a Record) -> Self {
        let origin = &record.actor.origin;
        let component = record.actor.component.as_deref();
        Self {
            seq,
            time: record.time,
            texts: [
                said(&origin.request_id),
                said(&origin.workload),
                said(&origin.address),
                said(component.map_or("", |component| &component.name)),
                said(component.map_or("", |component| &component.digest)),
                said(component.map_or("", |component| &component.revision)),
                said(record.action),
                said(&record.relying_party),
                said(&record.target),
                match &record.outcome {
                    Outcome::Success => "success".into(),
                    outcome => outcome.to_string().into(),
                },
            ],
            policies: &record.policies,
        }
    }

    /// Records of a group at their places, the first at `first`.
    pub fn group(first: u64, records: impl Iterator<Item = &'a Record>) -> Vec<Self> {
        (first..)
            .zip(records)
            .map(|(seq, record)| Self::new(seq, record))
            .collect()
    }

    /// The same with texts of its own.
    pub fn to_stored(&self) -> StoredRecord {
        let [
            request_id,
            workload,
            address,
            component_name,
            component_digest,
            component_revision,
            action,
            relying_party,
            target,
            outcome,
        ] = self.texts.each_ref().map(|text| text.to_string());
        StoredRecord {
            seq: self.seq,
            time: self.time,
            request_id,
            workload,
            address,
            component_name,
            component_digest,
            component_revision,
            action,
            relying_party,
            target,
            outcome,
            policies: self.policies.to_vec(),
        }
    }

    /// The record's leaf in the tree of its log; in a buffer that is used again and again.
    pub fn leaf(&self, buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        // RFC 9162 section 2.1.1: a leaf's prefix.
        buffer.push(0);
        self.encode(buffer);
        let mut context = Context::new(&SHA256);
        context.update(buffer);
        Hash::from_digest(&context.finish())
    }

    /// The canonical encoding, as [`super::stored`] has it.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.time.to_be_bytes());
        for text in &self.texts {
            encode_text(text, bytes);
        }
        bytes.extend_from_slice(&length(self.policies.len()));
        for policy in self.policies {
            encode_text(policy, bytes);
        }
    }
}

fn encode_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&length(text.len()));
    bytes.extend_from_slice(text.as_bytes());
}

/// No database keeps a text of 4 GiB in one field.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

/// What PostgreSQL's text can't hold must not keep a record from being written.
fn said(value: &str) -> Cow<'_, str> {
    if value.is_empty() {
        NOTHING.into()
    } else if value.contains('\0') {
        value.replace('\0', "\u{fffd}").into()
    } else {
        value.into()
    }
}
