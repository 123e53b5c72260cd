//! Answers without any transport. No `Debug` here: bodies hold tokens.

use serde::Serialize;

use crate::base64url;

/// An answer, ready to send.
pub struct Response {
    /// RFC 9110 section 15.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Empty where the status has none.
    pub body: Vec<u8>,
}

// === impl Response ===

impl Response {
    /// JSON that no cache may keep.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // Our own forms always serialize: string keys, no failing implementation.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self {
            status,
            headers: vec![
                ("content-type", "application/json".into()),
                ("cache-control", "no-store".into()),
            ],
            body,
        }
    }

    /// A status and nothing else.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: vec![("cache-control", "no-store".into())],
            body: Vec::new(),
        }
    }

    /// A public document, the same for a while.
    pub fn document(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![
                ("content-type", content_type.into()),
                ("cache-control", "max-age=300".into()),
            ],
            body,
        }
    }

    /// 201 with the place of a new ceremony. Ceremony ids are base64url, so
    /// one that isn't would not be a valid header either, and is left out.
    pub fn created_at(mut self, collection: &str, id: &str) -> Self {
        if base64url::is_valid(id) {
            self.headers
                .push(("location", format!("{collection}/{id}")));
        }
        self
    }
}
