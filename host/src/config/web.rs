//! Domains and URLs of the web platform.

use std::fmt;

use http::Uri;

use super::format::Parsed;

/// A relying party id: a domain in its ASCII form, or `localhost`
/// (WebAuthn L3 section 5.1.2; HTML, valid domain).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RpId(String);

/// A page for people: `https://`, or `http://localhost` in development.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUrl(String);

/// Who issues tokens: an `https://` or `spiffe://` URL (RFC 8414 section 2: no query, no fragment).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

pub(super) const RP_ID: Parsed<RpId> = Parsed {
    expected: "a domain such as \"login.example.com\", or \"localhost\"",
    parse: |text| match text {
        "localhost" => Ok(RpId(text.to_owned())),
        _ => domain(text).map(|()| RpId(text.to_owned())),
    },
};

pub(super) const WEB_URL: Parsed<WebUrl> = Parsed {
    expected: "an https:// URL, or http://localhost in development",
    parse: |text| {
        let uri = uri(text)?;
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), _) | (Some("http"), Some("localhost")) => Ok(WebUrl(text.to_owned())),
            _ => Err(String::new()),
        }
    },
};

pub(super) const ISSUER: Parsed<Issuer> = Parsed {
    expected: "an https:// or spiffe:// URL without query and fragment",
    parse: |text| {
        let uri = uri(text)?;
        match uri.scheme_str() {
            Some("https" | "spiffe") if uri.query().is_none() => Ok(Issuer(text.to_owned())),
            _ => Err(String::new()),
        }
    },
};

const DOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// At least two labels of lower-case letters, digits and inner hyphens, and no IP address.
pub(super) fn domain(text: &str) -> Result<(), String> {
    if text.len() > DOMAIN_MAX {
        return Err(format!("a domain has at most {DOMAIN_MAX} bytes"));
    }
    if text.contains(|letter: char| letter.is_ascii_uppercase()) {
        return Err("a domain is written in lower case".to_owned());
    }
    if !text.is_ascii() {
        return Err("an international domain is written in its xn-- form".to_owned());
    }
    let label_is_good = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if let Some(label) = text.split('.').find(|label| !label_is_good(label)) {
        return Err(format!("{label:?} is no label of a domain"));
    }
    match text.rsplit_once('.') {
        None => Err("one label is no domain".to_owned()),
        // The URL standard takes such a host for an IPv4 address.
        Some((_, last)) if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("an IP address has no passkeys".to_owned())
        }
        Some(_) => Ok(()),
    }
}

/// An absolute URL with a host, without user information and fragment.
fn uri(text: &str) -> Result<Uri, String> {
    // `Uri` drops a fragment without a word.
    if text.contains('#') {
        return Err("it has no fragment".to_owned());
    }
    let uri: Uri = text.parse().map_err(|_| String::new())?;
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("it has no user information".to_owned())
        }
        Some(_) => Ok(uri),
        None => Err(String::new()),
    }
}

// === impl RpId ===

impl RpId {
    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a host is this domain or below it.
    pub(super) fn covers(&self, host: &str) -> bool {
        host.strip_suffix(self.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl WebUrl ===

impl WebUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl Issuer ===

impl Issuer {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relying_party_id_is_a_domain_or_localhost() {
        for good in ["localhost", "example.com", "a.b-c.xn--mnchen-3ya.de"] {
            assert!((RP_ID.parse)(good).is_ok(), "{good:?}");
        }
        for wrong in [
            "",
            "com",
            "Example.com",
            "example.com.",
            ".example.com",
            "exa mple.com",
            "-a.example.com",
            "https://example.com",
            "example.com:443",
            "127.0.0.1",
            "münchen.de",
            "*.example.com",
        ] {
            assert!((RP_ID.parse)(wrong).is_err(), "{wrong:?}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert!((RP_ID.parse)(&long).is_err());
    }

    #[test]
    fn relying_party_id_covers_itself_and_what_is_below() {
        let id = (RP_ID.parse)("example.com").unwrap();
        assert!(id.covers("example.com"));
        assert!(id.covers("login.example.com"));
        assert!(!id.covers("notexample.com"));
        assert!(!id.covers("com"));
        assert!(!id.covers("example.com.evil.org"));
    }

    #[test]
    fn page_is_https_or_on_localhost() {
        for good in [
            "https://example.com/passkeys?new=1",
            "http://localhost:8080/add",
        ] {
            assert!((WEB_URL.parse)(good).is_ok(), "{good:?}");
        }
        for wrong in [
            "",
            "/add",
            "example.com",
            "http://example.com/",
            "javascript:alert(1)",
            "https://u:p@example.com/",
            "https://example.com/#top",
            "http://localhost.evil.org/",
        ] {
            assert!((WEB_URL.parse)(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn issuer_is_an_https_or_spiffe_url() {
        for good in [
            "https://zeropass.internal",
            "spiffe://zeropass.internal/host",
        ] {
            assert!((ISSUER.parse)(good).is_ok(), "{good:?}");
        }
        for wrong in [
            "zeropass",
            "http://zeropass.internal",
            "https://a.example/?b",
            "https://a.example/#b",
        ] {
            assert!((ISSUER.parse)(wrong).is_err(), "{wrong:?}");
        }
    }
}
