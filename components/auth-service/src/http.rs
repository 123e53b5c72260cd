//! Requests without any transport.
//!
//! The component fills a [`Request`] from `wasi:http`, tests write one by hand.
//! No `Debug` here: bodies hold assertions and tokens.

use crate::problem::{Problem, malformed};

/// Bytes of a request body that are read at most; the host has the same limit.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The header in which a backend presents the session token of the person whose
/// passkeys it wants to add to, change or remove.
pub const SESSION_HEADER: &str = "zeropass-session";

/// The methods this API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// RFC 9110 section 9.3.1.
    Get,
    /// RFC 9110 section 9.3.3.
    Post,
    /// RFC 5789.
    Patch,
    /// RFC 9110 section 9.3.5.
    Delete,
    /// Any other one: no route has it.
    Other,
}

/// What came of reading a request's body.
pub enum Body {
    /// All of it.
    Complete(Vec<u8>),
    /// It went on beyond [`BODY_LIMIT`].
    TooLarge,
    /// It broke off.
    Incomplete,
}

/// A request.
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Path and query, as in the request line.
    pub target: String,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The header of [`SESSION_HEADER`].
    pub session: Option<String>,
    /// Its body; complete and empty when there is none.
    pub body: Body,
}

// === impl Method ===

impl Method {
    /// As it stands in a request line, and in `Allow`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "",
        }
    }
}

// === impl Request ===

impl Request {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query; the first one of that name.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body, when it is of this media type and within the limit.
    pub fn body_of_type(&self, expected: &str) -> Result<&[u8], Problem> {
        let found = self.content_type.as_deref().unwrap_or_default();
        let media_type = found.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(expected) {
            return Err(malformed(format!("content-type: expected {expected}")).with_status(415));
        }
        match &self.body {
            Body::Complete(body) if body.len() <= BODY_LIMIT => Ok(body),
            Body::Complete(_) | Body::TooLarge => Err(Problem::too_large(format!(
                "body: over the limit of {BODY_LIMIT} bytes"
            ))),
            Body::Incomplete => Err(malformed("body: broke off before its end")),
        }
    }
}
