//! Origins, exactly as authenticators report them in client data.
//!
//! They are compared byte by byte later, so everything that a browser would write in another
//! way is refused here: a path, upper case, a port that goes without saying.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::format::Parsed;
use super::web;

/// An origin that ceremonies may come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    /// None for an Android app.
    host: Option<Host>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Host {
    name: String,
    secure: bool,
}

pub(super) const ORIGIN: Parsed<Origin> = Parsed {
    expected: "an exact origin: \"https://\" and a host, \"http://localhost\" and a port, or \"android:apk-key-hash:\" and a hash",
    parse: Origin::parse,
};

const ANDROID: &str = "android:apk-key-hash:";
const SHA256: usize = 32;

// === impl Origin ===

impl Origin {
    /// The origin as it stands in client data.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of a web origin; none for an Android app.
    pub fn host(&self) -> Option<&str> {
        self.host.as_ref().map(|host| host.name.as_str())
    }

    /// Whether it is a web origin with `https`.
    pub(super) fn is_https(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.secure)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let host = if let Some(hash) = text.strip_prefix(ANDROID) {
            let bytes = URL_SAFE_NO_PAD.decode(hash).unwrap_or_default();
            if bytes.len() != SHA256 {
                return Err("the hash is a SHA-256 in base64url without padding".to_owned());
            }
            None
        } else if let Some(rest) = text.strip_prefix("https://") {
            Some(Host::parse(rest, true)?)
        } else if let Some(rest) = text.strip_prefix("http://") {
            let host = Host::parse(rest, false)?;
            if host.name != "localhost" {
                return Err("without TLS only localhost has passkeys".to_owned());
            }
            Some(host)
        } else {
            return Err(String::new());
        };
        Ok(Self {
            text: text.to_owned(),
            host,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

// === impl Host ===

impl Host {
    fn parse(text: &str, secure: bool) -> Result<Self, String> {
        if text.contains(['/', '?', '#']) {
            return Err("an origin ends after host and port".to_owned());
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        if name != "localhost" {
            web::domain(name)?;
        }
        let usual = if secure { 443 } else { 80 };
        match port.map(|port| (port, port.parse::<u16>())) {
            None => {}
            Some((_, Ok(number))) if number == usual => {
                return Err(format!(
                    "browsers leave out the usual port: without \":{usual}\""
                ));
            }
            // The parser takes a sign and leading zeros; browsers write neither.
            Some((port, Ok(number))) if number > 0 && number.to_string() == port => {}
            Some((port, _)) => return Err(format!("{port:?} is no port")),
        }
        Ok(Self {
            name: name.to_owned(),
            secure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_exact() {
        let hash = URL_SAFE_NO_PAD.encode([7; 32]);
        for (good, host) in [
            ("https://example.com", Some("example.com")),
            ("https://login.example.com:8443", Some("login.example.com")),
            ("http://localhost:8080", Some("localhost")),
            ("http://localhost", Some("localhost")),
            ("https://localhost:8443", Some("localhost")),
            (&format!("{ANDROID}{hash}"), None),
        ] {
            let origin = Origin::parse(good).unwrap();
            assert_eq!((origin.as_str(), origin.host()), (good, host));
        }
        for wrong in [
            "",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/login",
            "https://example.com?",
            "https://Example.com",
            "HTTPS://example.com",
            "https://example.com:443",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:08443",
            "https://example.com:+8443",
            "https://example.com:70000",
            "https://user@example.com",
            "https://192.0.2.1",
            "https://*.example.com",
            "http://example.com",
            "http://localhost:80",
            "http://127.0.0.1:8080",
            "android:apk-key-hash:",
            "android:apk-key-hash:AAAA",
            "null",
        ] {
            assert!(Origin::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Origin::parse(&format!("{ANDROID}{hash}=")).is_err());
    }
}
