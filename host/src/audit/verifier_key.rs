//! The public half of a log's key, in the one form that C2SP gives it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::NoteError;

/// C2SP's number of Ed25519.
const ED25519_KIND: u8 = 1;
const KEY_BYTES: usize = 32;
const KEY_HASH_BYTES: usize = 4;

/// The public half of a log's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; KEY_BYTES],
}

// === impl VerifierKey ===

impl VerifierKey {
    /// The Ed25519 key of this name; none when it is not 32 bytes long, or the name
    /// is empty or has a blank or a plus.
    pub fn new(name: &str, key: &[u8]) -> Option<Self> {
        let plain = |c: char| !c.is_whitespace() && c != '+';
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            key: key.try_into().ok()?,
        })
    }

    /// The key's name, which is the log's id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has made this signature over `text`.
    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key)
            .verify(text, signature)
            .is_ok()
    }

    /// What tells keys of one name apart in a signature line.
    pub(super) fn hash(&self) -> [u8; KEY_HASH_BYTES] {
        let mut text = self.name.clone().into_bytes();
        text.extend([b'\n', ED25519_KIND]);
        text.extend(self.key);
        let digest = digest(&SHA256, &text);
        let mut hash = [0; KEY_HASH_BYTES];
        for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        hash
    }
}

/// `NAME+HASH+KEY`, as C2SP writes verifier keys.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_KIND];
        key.extend(self.key);
        let hash = u32::from_be_bytes(self.hash());
        write!(f, "{}+{hash:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let parse = || {
            let (name, rest) = text.split_once('+')?;
            let (_, key) = rest.split_once('+')?;
            let key = STANDARD.decode(key).ok()?;
            let key = Self::new(name, key.strip_prefix(&[ED25519_KIND])?)?;
            (key.to_string() == text).then_some(key)
        };
        parse().ok_or_else(|| NoteError::Key(text.to_owned()))
    }
}
