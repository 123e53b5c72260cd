//! Checkpoints as signed notes, in the forms of C2SP's `signed-note` and
//! `tlog-checkpoint`.
//!
//! ```text
//! host-1f2e3d4c                                   the log's id
//! 4711                                            how many records
//! qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=    the root over them, base64
//! time 1800000000000                              when, milliseconds since the Unix epoch
//! adopted 4700                                    only where there are such: see below
//!
//! — host-1f2e3d4c 1f2e3d4c...=                    key hash and Ed25519 signature, base64
//! ```
//!
//! A log that is continued may have records behind its last checkpoint: the signer finds
//! them in the table and can't know who wrote them. The checkpoint that covers them first says
//! so in its last line: they are those from that place to its size. The line is part of what is
//! signed, so that nobody can have such records sealed without it.
//!
//! The name of the key is the id of the log: one key, one log. A file of
//! checkpoints is notes with an empty line after each.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::merkle::Hash;
pub use super::verifier_key::VerifierKey;
use crate::clock::Timestamp;

/// An em dash and a blank begin a signature line.
const SIGNATURE: &str = "\u{2014} ";
const TIME: &str = "time ";
const ADOPTED: &str = "adopted ";

/// What a log vouches for: the root over its first `size` records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's id.
    pub origin: String,
    /// How many records.
    pub size: u64,
    /// The root over their leaves.
    pub root: Hash,
    /// When it was signed.
    pub time: Timestamp,
    /// From this place (from 1) to `size` are records that the signer found when it continued the
    /// log; none when it has committed all that is new itself.
    pub adopted: Option<u64>,
}

/// A checkpoint with signatures that nobody has verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    checkpoint: Checkpoint,
    signatures: Vec<(String, Vec<u8>)>,
}

/// Why a note or a key is none, or is not genuine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not of the form above.
    #[error("not a checkpoint in signed-note form: {0}")]
    Malformed(&'static str),
    /// A key's text is not of C2SP's form.
    #[error(
        "`{0}` is no verifier key: expected NAME+HASH+KEY as `audit-*.pub` in the keys folder has it"
    )]
    Key(String),
    /// No signature of this key's.
    #[error("the checkpoint of {origin} is not signed with the key {key}")]
    NotSigned {
        /// The log.
        origin: String,
        /// The key's name.
        key: String,
    },
    /// The signature does not fit.
    #[error(
        "the signature of the checkpoint of {origin} at {size} records is wrong: it was altered, or signed with another key of that name"
    )]
    WrongSignature {
        /// The log.
        origin: String,
        /// As the checkpoint says.
        size: u64,
    },
}

// === impl Checkpoint ===

impl Checkpoint {
    /// The signed part of the note.
    fn text(&self) -> String {
        let Self {
            origin,
            size,
            root,
            time,
            adopted,
        } = self;
        let mut text = format!("{origin}\n{size}\n{root}\n{TIME}{time}\n");
        if let Some(first) = adopted {
            text.push_str(&format!("{ADOPTED}{first}\n"));
        }
        text
    }

    /// The note with one signature, made by `sign` over the text's bytes.
    pub fn sign(&self, key: &VerifierKey, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let text = self.text();
        let mut bytes = key.hash().to_vec();
        bytes.extend(sign(text.as_bytes()));
        format!(
            "{text}\n{SIGNATURE}{} {}\n",
            key.name(),
            STANDARD.encode(bytes)
        )
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or(malformed("the first line is the log's id"))?;
        // The one decimal form: no sign, no leading zero.
        let size = lines.next().and_then(decimal);
        let root = lines.next().and_then(Hash::from_base64);
        let time = lines
            .next()
            .and_then(|line| line.strip_prefix(TIME))
            .and_then(decimal);
        let adopted = match lines.next() {
            Some(line) => Some(
                line.strip_prefix(ADOPTED)
                    .and_then(decimal)
                    .ok_or(malformed("a fifth line is `adopted` and a place"))?,
            ),
            None => None,
        };
        if lines.next().is_some() {
            return Err(malformed("it has more than five lines"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: size.ok_or(malformed("the second line is a number of records"))?,
            root: root.ok_or(malformed("the third line is a root in base64"))?,
            time: time.ok_or(malformed("the fourth line is `time` and milliseconds"))?,
            adopted,
        })
    }
}

fn decimal(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number: &u64| number.to_string() == text)
}

// === impl SignedNote ===

impl SignedNote {
    /// What it says, genuine or not.
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What it says, if `key` has signed it.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] and [`NoteError::WrongSignature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&Checkpoint, NoteError> {
        let origin = || self.checkpoint.origin.clone();
        let not_signed = || NoteError::NotSigned {
            origin: origin(),
            key: key.name().to_owned(),
        };
        if self.checkpoint.origin != key.name() {
            return Err(not_signed());
        }
        let signature = self
            .signatures
            .iter()
            .filter(|(name, _)| name == key.name())
            .find_map(|(_, bytes)| bytes.strip_prefix(&key.hash()))
            .ok_or_else(not_signed)?;
        if !key.has_signed(self.checkpoint.text().as_bytes(), signature) {
            return Err(NoteError::WrongSignature {
                origin: origin(),
                size: self.checkpoint.size,
            });
        }
        Ok(&self.checkpoint)
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let (text, signatures) = text
            .split_once("\n\n")
            .ok_or(malformed("there is no empty line before the signatures"))?;
        let checkpoint = Checkpoint::parse(text)?;
        // What is signed is what was read: there is no second text for it.
        if checkpoint.text().trim_end_matches('\n') != text {
            return Err(malformed("its lines are not as this program writes them"));
        }
        let signatures = signatures
            .lines()
            .map(|line| {
                let (name, bytes) = line.strip_prefix(SIGNATURE)?.split_once(' ')?;
                Some((name.to_owned(), STANDARD.decode(bytes).ok()?))
            })
            .collect::<Option<Vec<_>>>()
            .filter(|signatures| !signatures.is_empty())
            .ok_or(malformed("a signature line is a dash, a name and base64"))?;
        Ok(Self {
            checkpoint,
            signatures,
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn signed() -> (VerifierKey, String) {
        signed_with(None)
    }

    fn signed_with(adopted: Option<u64>) -> (VerifierKey, String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = VerifierKey::new("host-1", pair.public_key().as_ref()).unwrap();
        let checkpoint = Checkpoint {
            origin: "host-1".into(),
            size: 4711,
            root: Hash([9; 32]),
            time: 1_800_000_000_000,
            adopted,
        };
        let note = checkpoint.sign(&key, |text| pair.sign(text).as_ref().to_vec());
        (key, note)
    }

    #[test]
    fn signed_checkpoint_reads_back_and_verifies() {
        let (key, note) = signed();
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines.len(), 6, "{note}");
        assert!(note.starts_with("host-1\n4711\nCQkJ"), "{note}");
        assert!(
            note.contains("\ntime 1800000000000\n\n\u{2014} host-1 "),
            "{note}"
        );
        let read: SignedNote = note.parse().unwrap();
        assert_eq!(read.verify(&key).unwrap().size, 4711);
        assert_eq!(key.to_string().parse::<VerifierKey>(), Ok(key));
    }

    /// Whoever takes the line away has no signature for the rest.
    #[test]
    fn checkpoint_says_which_records_its_signer_found() {
        let (key, note) = signed_with(Some(4700));
        assert!(
            note.contains("\ntime 1800000000000\nadopted 4700\n\n"),
            "{note}"
        );
        let read: SignedNote = note.parse().unwrap();
        assert_eq!(read.verify(&key).unwrap().adopted, Some(4700));
        let without: SignedNote = note.replace("adopted 4700\n", "").parse().unwrap();
        assert!(matches!(
            without.verify(&key),
            Err(NoteError::WrongSignature { .. })
        ));
        for odd in [
            "adopted 04700",
            "adopted",
            "adopted 1\nadopted 2",
            "other 1",
        ] {
            let odd = note.replace("adopted 4700", odd);
            assert!(odd.parse::<SignedNote>().is_err(), "{odd}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_note_is_found() {
        let (key, note) = signed_with(Some(4700));
        for index in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                if let Some(byte) = bytes.get_mut(index) {
                    *byte ^= 1 << bit;
                }
                let Ok(altered) = String::from_utf8(bytes) else {
                    continue;
                };
                let read = altered.parse::<SignedNote>();
                let verified = read.and_then(|note| note.verify(&key).cloned());
                // The last line break may be any white space: nothing hangs on it.
                let last = index + 1 == note.len();
                assert!(verified.is_err() || last, "{index} {bit}: {altered}");
            }
        }
    }

    #[test]
    fn key_of_another_log_and_another_key_of_that_name_are_refused() {
        let (_, note) = signed();
        let note: SignedNote = note.parse().unwrap();
        let other = VerifierKey::new("host-2", &[1; 32]).unwrap();
        assert!(matches!(
            note.verify(&other),
            Err(NoteError::NotSigned { .. })
        ));
        let impostor = VerifierKey::new("host-1", &[1; 32]).unwrap();
        assert!(matches!(
            note.verify(&impostor),
            Err(NoteError::NotSigned { .. })
        ));
        for text in ["", "a", "a+b", "host-1+00000000+AQEB", "a b+1+AQ=="] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
    }
}
