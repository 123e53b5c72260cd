//! One entry of the BLOB: a model of authenticators (FIDO Metadata Service section
//! 3.1.1), as far as this project has a use for it.
//!
//! Read from JSON value by value. What is not of its form is left out and the rest
//! kept: an unknown status is a text like any other, a root that is no certificate is
//! skipped, a statement that is no object says nothing. Only an entry that names no
//! model is of no use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Statuses that speak against a model (section 3.1.4).
const COMPROMISED: [&str; 5] = [
    "REVOKED",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
    "USER_VERIFICATION_BYPASS",
];

/// Statuses that certify a model, with the level.
const CERTIFIED: [(&str, Level); 7] = [
    ("FIDO_CERTIFIED", Level::L1),
    ("FIDO_CERTIFIED_L1", Level::L1),
    ("FIDO_CERTIFIED_L1plus", Level::L1Plus),
    ("FIDO_CERTIFIED_L2", Level::L2),
    ("FIDO_CERTIFIED_L2plus", Level::L2Plus),
    ("FIDO_CERTIFIED_L3", Level::L3),
    ("FIDO_CERTIFIED_L3plus", Level::L3Plus),
];

/// The status that takes a certification back.
const NOT_CERTIFIED: &str = "NOT_FIDO_CERTIFIED";

/// The longest name and status that are kept, in characters.
const TEXT: usize = 200;

/// Levels of FIDO's certification programme, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "FIDO's own names")]
pub enum Level {
    L1,
    L1Plus,
    L2,
    L2Plus,
    L3,
    L3Plus,
}

/// What is known of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    description: Option<String>,
    statuses: Vec<Status>,
    roots: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Status {
    name: String,
    /// ISO 8601, so that the order of texts is that of time; empty when absent.
    effective: String,
}

/// What an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Aaguid([u8; 16]),
    CertificateKeys(Vec<[u8; 20]>),
}

// === impl Key ===

impl Key {
    /// None for an entry of UAF (`aaid`), and for one whose names are malformed.
    pub(super) fn read(entry: &Value) -> Option<Self> {
        if let Some(aaguid) = entry.get("aaguid").and_then(Value::as_str) {
            let aaguid = uuid::Uuid::try_parse(aaguid).ok()?;
            // Nobody's: a fallback for everybody without attestation otherwise.
            return (!aaguid.is_nil()).then(|| Self::Aaguid(aaguid.into_bytes()));
        }
        let keys = entry
            .get("attestationCertificateKeyIdentifiers")?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .filter_map(key_identifier)
            .collect::<Vec<_>>();
        (!keys.is_empty()).then_some(Self::CertificateKeys(keys))
    }
}

/// 20 bytes in hexadecimal.
fn key_identifier(text: &str) -> Option<[u8; 20]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let mut key = [0; 20];
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(key)
}

// === impl Entry ===

impl Entry {
    /// What can be read of an entry, and how much could not.
    pub(super) fn read(entry: &Value) -> (Self, usize) {
        let mut unread = 0;
        let statement = entry.get("metadataStatement");
        if statement.is_some_and(|statement| !statement.is_object()) {
            unread += 1;
        }
        let member = |name| statement.and_then(|statement| statement.get(name));
        let description = member("description").and_then(Value::as_str).map(cut);
        let mut roots = Vec::new();
        for root in elements(member("attestationRootCertificates")) {
            match root.as_str().and_then(certificate) {
                Some(root) => roots.push(root),
                None => unread += 1,
            }
        }
        let mut statuses = Vec::new();
        for report in elements(entry.get("statusReports")) {
            let text = |name| report.get(name).and_then(Value::as_str).map(cut);
            match text("status") {
                Some(name) => statuses.push(Status {
                    name,
                    effective: text("effectiveDate").unwrap_or_default(),
                }),
                None => unread += 1,
            }
        }
        // Stable: reports of the same date, or of none, stay in their order.
        statuses.sort_by(|one, other| one.effective.cmp(&other.effective));
        let read = Self {
            description,
            statuses,
            roots,
        };
        (read, unread)
    }

    /// The model's name.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The status that speaks against the model. It does while it is reported, from
    /// whenever; of several, the newest.
    pub fn compromised(&self) -> Option<&str> {
        self.statuses
            .iter()
            .rev()
            .map(|status| status.name.as_str())
            .find(|status| COMPROMISED.contains(status))
    }

    /// The highest level that the model was certified for, unless that was taken back
    /// since.
    pub fn certification(&self) -> Option<Level> {
        self.statuses.iter().fold(None, |level, status| {
            if matches!(status.name.as_str(), NOT_CERTIFIED | "REVOKED") {
                return None;
            }
            let certified = CERTIFIED
                .iter()
                .find(|(name, _)| *name == status.name)
                .map(|(_, level)| *level);
            level.max(certified)
        })
    }

    /// The trust anchors of attestation, certificates in DER.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.roots
    }

    /// What a second entry of the same model adds. What speaks against the model must
    /// not be lost to it.
    pub(super) fn add(&mut self, other: Self) {
        self.description = self.description.take().or(other.description);
        self.statuses.extend(other.statuses);
        self.statuses
            .sort_by(|one, other| one.effective.cmp(&other.effective));
        self.roots.extend(other.roots);
    }
}

fn elements(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

/// A certificate in base64, which some makers break into lines.
fn certificate(text: &str) -> Option<Vec<u8>> {
    let letters: String = text.split_ascii_whitespace().collect();
    let der = STANDARD.decode(letters).ok()?;
    let whole = X509Certificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty());
    whole.then_some(der)
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
