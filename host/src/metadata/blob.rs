//! A whole BLOB (FIDO Metadata Service section 3.1.6), verified and parsed.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use super::entry::{Entry, Key};
pub use super::error::MAX_LENGTH;
use super::error::MetadataError;
use super::trust::Trust;
use super::{Model, jws};
use crate::clock::Timestamp;

/// ISO 8601, as `nextUpdate` has it.
const DAY: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// What a BLOB says.
#[derive(Debug, Clone)]
pub struct Blob {
    number: u64,
    next_update: Date,
    by_aaguid: HashMap<[u8; 16], Arc<Entry>>,
    by_certificate_key: HashMap<[u8; 20], Arc<Entry>>,
    skipped: usize,
    unread: usize,
}

// === impl Blob ===

impl Blob {
    /// Verify a BLOB as of `now`, and read it.
    ///
    /// # Errors
    /// [`MetadataError`]; nothing of the BLOB is believed then.
    pub fn read(bytes: &[u8], trust: &Trust, now: Timestamp) -> Result<Self, MetadataError> {
        if bytes.len() > MAX_LENGTH {
            return Err(MetadataError::TooLarge);
        }
        let malformed = |why: &str| MetadataError::Malformed(why.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is no text"))?;
        let payload = jws::payload(text.trim_ascii(), trust, now)?;
        let payload: Value = serde_json::from_slice(&payload)
            .map_err(|error| MetadataError::Malformed(format!("payload: {error}")))?;
        let number = payload
            .get("no")
            .and_then(Value::as_u64)
            .ok_or_else(|| malformed("no is not a whole number"))?;
        let next_update = payload
            .get("nextUpdate")
            .and_then(Value::as_str)
            .and_then(|text| Date::parse(text, DAY).ok())
            .ok_or_else(|| malformed("nextUpdate is not a date such as 2026-12-01"))?;
        let entries = payload
            .get("entries")
            .and_then(Value::as_array)
            .ok_or_else(|| malformed("entries is not a list"))?;
        let mut blob = Self {
            number,
            next_update,
            by_aaguid: HashMap::new(),
            by_certificate_key: HashMap::new(),
            skipped: 0,
            unread: 0,
        };
        for entry in entries {
            blob.keep(entry);
        }
        Ok(blob)
    }

    fn keep(&mut self, value: &Value) {
        let Some(key) = Key::read(value) else {
            self.skipped += 1;
            return;
        };
        let (entry, unread) = Entry::read(value);
        self.unread += unread;
        match key {
            Key::Aaguid(aaguid) => put(&mut self.by_aaguid, aaguid, Arc::new(entry)),
            Key::CertificateKeys(keys) => {
                let entry = Arc::new(entry);
                for key in keys {
                    put(&mut self.by_certificate_key, key, Arc::clone(&entry));
                }
            }
        }
    }

    /// `no`: grows with each issue.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The day by which FIDO publishes the next one.
    pub fn next_update(&self) -> Date {
        self.next_update
    }

    /// Whether that day is over: the operator should fetch a new one.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let seconds = i64::try_from(now / 1000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds)
            .is_ok_and(|time| time.date() > self.next_update)
    }

    /// How many models are known.
    pub fn models(&self) -> usize {
        self.by_aaguid.len() + self.by_certificate_key.len()
    }

    /// How many entries name no model that a passkey could be of (those of UAF are
    /// among them), and how many values inside of others were left out.
    pub fn left_out(&self) -> (usize, usize) {
        (self.skipped, self.unread)
    }

    /// What is known of a model.
    pub fn find(&self, model: Model<'_>) -> Option<&Entry> {
        match model {
            Model::Aaguid(aaguid) => self.by_aaguid.get(aaguid),
            Model::CertificateKey(key) => self.by_certificate_key.get(key),
        }
        .map(|entry| &**entry)
    }
}

fn put<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Arc<Entry>>, key: K, entry: Arc<Entry>) {
    match map.entry(key) {
        Slot::Vacant(slot) => {
            slot.insert(entry);
        }
        Slot::Occupied(mut slot) => Arc::make_mut(slot.get_mut()).add((*entry).clone()),
    }
}
