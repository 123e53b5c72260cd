//! SPIFFE ids and trust domains (SPIFFE ID specification, section 2).
//!
//! Both types are parsed once and can't hold a malformed value, so that
//! policy may compare them as text. Parsing is stricter than that of a URI:
//! no upper case in scheme or trust domain, no user, port, query, fragment or
//! percent-encoding, no empty and no dot segments. A workload's id has a path;
//! the bare trust domain names a signing authority and is refused.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The longest id that a SPIFFE implementation has to understand, in bytes.
pub const MAX_ID_BYTES: usize = 2048;

/// The longest trust domain name, in bytes.
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

const SCHEME: &str = "spiffe://";

/// The name of a trust domain, such as `zeropass.internal`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(Arc<str>);

/// The id of one workload, such as `spiffe://zeropass.internal/host`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: Arc<str>,
    trust_domain: TrustDomain,
}

/// Why a text is not a SPIFFE id of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpiffeIdError {
    /// Longer than [`MAX_ID_BYTES`].
    #[error("a SPIFFE id has at most {MAX_ID_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Another scheme, or none.
    #[error("`{0}` is not a SPIFFE id: it must start with `{SCHEME}` in lower case")]
    Scheme(String),
    /// The trust domain is empty, too long or holds a character outside `a-z 0-9 . - _`.
    #[error(
        "`{0}` is not a trust domain: 1 to {MAX_TRUST_DOMAIN_BYTES} characters of a-z, 0-9, `.`, `-` and `_`"
    )]
    TrustDomain(String),
    /// A trust domain without a path names no workload.
    #[error("`{0}` has no path: a workload's id looks like `{SCHEME}domain/name`")]
    NoPath(String),
    /// An empty segment, a trailing slash, `.` or `..`.
    #[error("`{0}` has an empty or a dot segment in its path")]
    Segment(String),
    /// A character outside `a-z A-Z 0-9 . - _` in the path.
    #[error(
        "`{id}` has `{character}` in its path: only letters, digits, `.`, `-`, `_` and `/` may stand there"
    )]
    Character {
        /// The whole text.
        id: String,
        /// The first character that is not allowed.
        character: char,
    },
}

// === impl TrustDomain ===

impl TrustDomain {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
        };
        if text.is_empty() || text.len() > MAX_TRUST_DOMAIN_BYTES || !text.bytes().all(allowed) {
            return Err(SpiffeIdError::TrustDomain(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

// === impl SpiffeId ===

impl SpiffeId {
    /// Read an id.
    ///
    /// # Errors
    /// [`SpiffeIdError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_ID_BYTES {
            return Err(SpiffeIdError::TooLong(text.len()));
        }
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| SpiffeIdError::Scheme(text.to_owned()))?;
        let (domain, path) = match rest.split_once('/') {
            Some((domain, path)) => (domain, Some(path)),
            None => (rest, None),
        };
        let trust_domain = domain.parse()?;
        let path = path.ok_or_else(|| SpiffeIdError::NoPath(text.to_owned()))?;
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") {
                return Err(SpiffeIdError::Segment(text.to_owned()));
            }
            let stranger = segment
                .chars()
                .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')));
            if let Some(character) = stranger {
                let id = text.to_owned();
                return Err(SpiffeIdError::Character { id, character });
            }
        }
        Ok(Self {
            text: text.into(),
            trust_domain,
        })
    }

    /// The whole id, `spiffe://` included.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain that vouches for the workload.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The path with its leading slash, such as `/workload/relying-party`.
    pub fn path(&self) -> &str {
        self.text
            .get(SCHEME.len() + self.trust_domain.0.len()..)
            .unwrap_or_default()
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_keeps_its_text_domain_and_path() {
        let id = SpiffeId::parse("spiffe://zeropass.internal/component/Auth-service_1.2").unwrap();
        assert_eq!(
            id.to_string(),
            "spiffe://zeropass.internal/component/Auth-service_1.2"
        );
        assert_eq!(id.trust_domain().as_str(), "zeropass.internal");
        assert_eq!(id.path(), "/component/Auth-service_1.2");
    }

    #[test]
    fn another_scheme_is_refused() {
        for text in ["https://td/a", "SPIFFE://td/a", "spiffe:/td/a", "td/a", ""] {
            assert_eq!(
                SpiffeId::parse(text),
                Err(SpiffeIdError::Scheme(text.to_owned()))
            );
        }
    }

    #[test]
    fn trust_domain_outside_the_charset_is_refused() {
        for domain in ["", "Td", "td:8080", "user@td", "t%64", "dömain"] {
            let refused = SpiffeId::parse(&format!("spiffe://{domain}/a"));
            assert_eq!(refused, Err(SpiffeIdError::TrustDomain(domain.to_owned())));
        }
        let long = "a".repeat(MAX_TRUST_DOMAIN_BYTES + 1);
        assert_eq!(
            long.parse::<TrustDomain>(),
            Err(SpiffeIdError::TrustDomain(long.clone()))
        );
        assert!(long[1..].parse::<TrustDomain>().is_ok());
    }

    #[test]
    fn id_without_a_path_is_refused() {
        let text = "spiffe://td";
        assert_eq!(
            SpiffeId::parse(text),
            Err(SpiffeIdError::NoPath(text.to_owned()))
        );
    }

    #[test]
    fn empty_and_dot_segments_are_refused() {
        for path in ["/", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/./b"] {
            let text = format!("spiffe://td{path}");
            assert_eq!(SpiffeId::parse(&text), Err(SpiffeIdError::Segment(text)));
        }
    }

    #[test]
    fn query_fragment_and_encoding_are_refused() {
        for (path, character) in [
            ("/a?b", '?'),
            ("/a#b", '#'),
            ("/a%20", '%'),
            ("/ä", 'ä'),
            ("/a b", ' '),
        ] {
            let id = format!("spiffe://td{path}");
            assert_eq!(
                SpiffeId::parse(&id),
                Err(SpiffeIdError::Character { id, character })
            );
        }
    }

    #[test]
    fn id_over_2048_bytes_is_refused() {
        let longest = format!("spiffe://td/{}", "a".repeat(MAX_ID_BYTES - 12));
        assert!(SpiffeId::parse(&longest).is_ok());
        assert_eq!(
            SpiffeId::parse(&format!("{longest}a")),
            Err(SpiffeIdError::TooLong(2049))
        );
    }
}
