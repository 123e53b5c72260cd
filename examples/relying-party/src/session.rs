//! The session cookie, and who is signed in.
//!
//! The cookie holds the session token of zeropass, a JWT bound to our client
//! certificate: stolen from a browser, it is worth nothing without our key.
//! Nothing here trusts the cookie by itself. [`Person`] asks zeropass on every
//! request, so a revoked session or a suspended passkey counts at once.

use std::{fmt, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};
use serde::{Deserialize, Deserializer, de};

use crate::{App, config::Origin, failure::Failure, id::Id, visitor::Visitor};

/// Browsers keep cookies up to 4096 bytes; a longer token is none of ours.
const LONGEST: usize = 3800;

/// A session token. Its letters are those of a JWT, so that it stands in a
/// cookie and in a form body as it is. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

/// How the session cookie is called and written.
pub struct SessionCookie {
    name: &'static str,
    attributes: &'static str,
}

/// The person who is signed in. As an argument of a handler it is the proof
/// that zeropass has just said so.
pub struct Person {
    pub id: Id,
    pub name: String,
    pub token: SessionToken,
    pub visitor: Visitor,
}

// === impl SessionToken ===

impl SessionToken {
    /// `None` for anything but base64url parts joined by dots.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(plain))
            .then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

impl<'de> Deserialize<'de> for SessionToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a session token"))
    }
}

// === impl SessionCookie ===

impl SessionCookie {
    pub fn new(origin: &Origin) -> Self {
        // `__Host-` makes the browser insist on Secure, Path=/ and this exact
        // host; it can't be had on http://localhost.
        if origin.is_https() {
            Self {
                name: "__Host-session",
                attributes: "Path=/; HttpOnly; SameSite=Strict; Secure",
            }
        } else {
            Self {
                name: "zeropass-demo-session",
                attributes: "Path=/; HttpOnly; SameSite=Strict",
            }
        }
    }

    /// The value of `Set-Cookie` that signs in. The cookie ends with the
    /// browser; when the session ends is for zeropass to say.
    ///
    /// # Errors
    /// Never in practice: a token's letters are all allowed in a header.
    pub fn set(&self, token: &SessionToken) -> Result<HeaderValue, header::InvalidHeaderValue> {
        let mut value =
            HeaderValue::try_from(format!("{}={}; {}", self.name, token.0, self.attributes))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The value of `Set-Cookie` that signs out.
    pub fn clear(&self) -> HeaderValue {
        HeaderValue::try_from(format!("{}=; {}; Max-Age=0", self.name, self.attributes))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The token in a request's cookies, if there is exactly one of the right form.
    pub fn read(&self, headers: &HeaderMap) -> Option<SessionToken> {
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => SessionToken::parse(value),
            // Two cookies of our name: someone tries to plant one.
            _ => None,
        }
    }
}

// === impl Person ===

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let signed_out = || Failure::signed_out(app.cookie.clear());
        let token = app.cookie.read(&parts.headers).ok_or_else(signed_out)?;
        let Ok(visitor) = Visitor::from_request_parts(parts, app).await;
        let zeropass = app.zeropass.on_behalf_of(visitor);
        let (id, name) = zeropass.who_is(&token).await?.ok_or_else(signed_out)?;
        Ok(Self {
            id,
            name,
            token,
            visitor,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(origin: &str) -> SessionCookie {
        SessionCookie::new(&origin.parse().unwrap())
    }

    fn read(cookies: &[&'static str]) -> Option<String> {
        let headers = cookies
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_static(value)))
            .collect();
        cookie("http://localhost:8080")
            .read(&headers)
            .map(|token| token.0)
    }

    #[test]
    fn token_is_found_among_other_cookies() {
        assert_eq!(
            read(&["theme=dark; zeropass-demo-session=aa.bb.c-_;x=y"]).as_deref(),
            Some("aa.bb.c-_")
        );
        assert_eq!(
            read(&["a=b", "zeropass-demo-session=t"]).as_deref(),
            Some("t")
        );
    }

    #[test]
    fn no_token_is_read_from_other_or_odd_cookies() {
        for value in [
            "",
            "zeropass-demo-session",
            "zeropass-demo-session=",
            "zeropass-demo-sessions=t",
            "x-zeropass-demo-session=t",
            "zeropass-demo-session=a b",
            "zeropass-demo-session=a&token_type_hint=x",
            "zeropass-demo-session=%41",
            "zeropass-demo-session=\"t\"",
        ] {
            assert_eq!(read(&[value]), None, "{value:?}");
        }
    }

    #[test]
    fn planted_second_cookie_is_refused() {
        assert_eq!(
            read(&["zeropass-demo-session=a; zeropass-demo-session=b"]),
            None
        );
        assert_eq!(
            read(&["zeropass-demo-session=a", "zeropass-demo-session=a"]),
            None
        );
    }

    #[test]
    fn endless_token_is_refused() {
        assert!(SessionToken::parse(&"a".repeat(LONGEST)).is_some());
        assert!(SessionToken::parse(&"a".repeat(LONGEST + 1)).is_none());
    }

    #[test]
    fn cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let token = SessionToken::parse("a.b.c").unwrap();
        assert_eq!(
            cookie("http://localhost:8080").set(&token).unwrap(),
            "zeropass-demo-session=a.b.c; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            cookie("https://a.example").set(&token).unwrap(),
            "__Host-session=a.b.c; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
    }

    #[test]
    fn clearing_keeps_the_attributes_that_name_the_cookie() {
        assert_eq!(
            cookie("https://a.example").clear(),
            "__Host-session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"
        );
    }

    #[test]
    fn debug_output_does_not_show_the_token() {
        assert_eq!(
            format!("{:?}", SessionToken::parse("a.b.c").unwrap()),
            "SessionToken(..)"
        );
    }
}
