//! What the page is told when something fails: a status and a stable `code`.
//!
//! The codes are those of zeropass, and a few of our own: `cross-origin`,
//! `signed-out`, `unreachable` and `unexpected`. The page has plain words for each.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A refused or failed request.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: String,
    /// What the page tells the provider of a passkey, as zeropass gives it.
    signal: Option<Box<Value>>,
    set_cookie: Option<HeaderValue>,
}

// === impl Failure ===

impl Failure {
    pub fn new(status: StatusCode, code: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            signal: None,
            set_cookie: None,
        }
    }

    /// With what the page tells the provider of a passkey.
    pub fn signalling(self, signal: Option<Value>) -> Self {
        Self {
            signal: signal.map(Box::new),
            ..self
        }
    }

    /// The request is not of the documented form.
    pub fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed")
    }

    /// Nobody is signed in (any more); `set_cookie` removes the cookie.
    pub fn signed_out(set_cookie: HeaderValue) -> Self {
        Self {
            set_cookie: Some(set_cookie),
            ..Self::new(StatusCode::UNAUTHORIZED, "signed-out")
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({ "code": self.code });
        if let (Some(signal), Some(body)) = (self.signal, body.as_object_mut()) {
            body.insert("signal".into(), *signal);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(cookie) = self.set_cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}
