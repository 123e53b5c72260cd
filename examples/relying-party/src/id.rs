//! Ids that stand in paths: ceremonies, accounts and passkeys.
//!
//! An [`Id`] holds base64url letters only (a UUID does too), so that nothing
//! the browser sends can change where a request to zeropass goes.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de};

/// The longest credential id, in bytes (WebAuthn L3 section 7.1 step 25).
const LONGEST: usize = 1023;

/// An id that is safe in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(String);

// === impl Id ===

impl Id {
    /// `None` for anything but unpadded base64url of 1 to 1023 bytes.
    pub fn parse(text: String) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(&text).ok()?;
        (1..=LONGEST).contains(&bytes.len()).then_some(Self(text))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text).ok_or_else(|| de::Error::custom("an id is base64url of 1 to 1023 bytes"))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        Id::parse(text.to_owned()).is_some()
    }

    #[test]
    fn ids_of_zeropass_are_accepted() {
        assert!(accepts("AZ_-09-_"));
        assert!(accepts("6f3b7c1e-8f0a-4f6e-9d58-3f1f2a8f4c11"));
        assert!(accepts(&"A".repeat(1364)));
    }

    #[test]
    fn text_that_could_change_a_path_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "../sessions",
            "a/b",
            "abcd?",
            "abcd#",
            "ab%2F",
            "ab==",
            "abc ",
            "ab\r\n",
        ] {
            assert!(!accepts(text), "{text:?}");
        }
        assert!(!accepts(&"A".repeat(1366)));
    }
}
