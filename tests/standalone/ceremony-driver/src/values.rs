//! How one value of a recording may be written.
//!
//! Recordings are other people's, so every spelling is taken that can mean one thing only.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A value that can't be used: where it stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(String);

/// An object of a recording, and the way to it for messages.
pub(crate) struct Members<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

// === impl Members ===

impl<'a> Members<'a> {
    pub(crate) fn new(path: &str, members: &'a Map<String, Value>) -> Self {
        Members {
            path: path.to_owned(),
            members,
        }
    }

    /// A member that is there and not `null`.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The names of those.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let there = self.members.iter().filter(|(_, value)| !value.is_null());
        there.map(|(name, _)| name.as_str())
    }

    /// What is wrong with a member, with its place.
    pub(crate) fn wrong<T>(&self, name: &str, read: Result<T, String>) -> Result<T, Wrong> {
        read.map_err(|why| Wrong(format!("{}{name} {why}", self.path)))
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Wrong> {
        let found = match self.value(name) {
            None => Err("is missing".to_owned()),
            Some(value) => read(value).ok_or_else(|| format!("is not {expected}")),
        };
        self.wrong(name, found)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Members<'a>, Wrong> {
        let members = self.read(name, "an object", Value::as_object)?;
        Ok(Members::new(&format!("{}{name}.", self.path), members))
    }

    pub(crate) fn list(&self, name: &str) -> Result<&'a [Value], Wrong> {
        self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, Wrong> {
        self.read(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A list of texts; one alone may stand without its list.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Wrong> {
        self.read(name, "a list of texts", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        })
    }

    pub(crate) fn truth(&self, name: &str) -> Result<bool, Wrong> {
        self.read(name, "true or false", Value::as_bool)
    }

    pub(crate) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.read(name, &format!("one of {}", names.join(", ")), |value| {
            let text = value.as_str()?;
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, meaning)| *meaning)
        })
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, Wrong> {
        let text = self.read(name, "a text", Value::as_str)?;
        self.wrong(name, bytes(text))
    }
}

/// Base64 of either alphabet, with or without padding. A text with letters of both is
/// none.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(alphabet, config)
    }
    const FOR_URLS: GeneralPurpose = engine(&URL_SAFE);
    const USUAL: GeneralPurpose = engine(&STANDARD);
    let engine = match text.contains(['+', '/']) {
        true => USUAL,
        false => FOR_URLS,
    };
    engine
        .decode(text)
        .map_err(|error| format!("is not base64url, nor base64: {error}"))
}

/// Certificates in DER: all that stand in a text in PEM (RFC 7468), as makers publish
/// theirs, or one in base64.
pub(crate) fn certificates(text: &str) -> Result<Vec<Vec<u8>>, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    if !text.contains(BEGIN) {
        let letters: String = text.split_ascii_whitespace().collect();
        return Ok(vec![bytes(&letters)?]);
    }
    text.split(BEGIN)
        .skip(1)
        .map(|rest| {
            let (inside, _) = rest
                .split_once(END)
                .ok_or("has a certificate in PEM without its end")?;
            let letters: String = inside.split_ascii_whitespace().collect();
            bytes(&letters)
        })
        .collect()
}

/// A COSE algorithm by its number or its name in the IANA registry; none for a name that
/// is not known here.
pub(crate) fn algorithm(value: &Value) -> Option<i32> {
    const NAMES: [(&str, i32); 20] = [
        ("ES256", -7),
        ("ES384", -35),
        ("ES512", -36),
        ("ES256K", -47),
        ("ESP256", -9),
        ("ESP384", -51),
        ("ESP512", -52),
        ("EdDSA", -8),
        ("Ed25519", -19),
        ("Ed448", -53),
        ("RS1", -65_535),
        ("RS256", -257),
        ("RS384", -258),
        ("RS512", -259),
        ("PS256", -37),
        ("PS384", -38),
        ("PS512", -39),
        ("ML-DSA-44", -48),
        ("ML-DSA-65", -49),
        ("ML-DSA-87", -50),
    ];
    let Value::String(text) = value else {
        return value.as_i64().and_then(|number| number.try_into().ok());
    };
    let named = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    named
        .map(|(_, number)| *number)
        .or_else(|| text.parse().ok())
}

/// A time in milliseconds since the epoch: RFC 3339, or a number of seconds or of
/// milliseconds. Below 10^11 it is seconds: as milliseconds it would be in 1973 or before.
pub(crate) fn moment(value: &Value) -> Result<u64, String> {
    const SECONDS_BELOW: f64 = 1e11;
    let milliseconds = match value {
        Value::String(text) => OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()),
        Value::Number(number) => number.as_f64().and_then(|number| {
            let milliseconds = match number < SECONDS_BELOW {
                true => number * 1000.0,
                false => number,
            };
            // Far beyond any time that a certificate can name.
            (0.0..1e16)
                .contains(&milliseconds)
                .then_some(milliseconds.round() as u64)
        }),
        _ => None,
    };
    milliseconds.ok_or_else(|| {
        "is neither an RFC 3339 time since 1970 nor seconds or milliseconds since the epoch".into()
    })
}
