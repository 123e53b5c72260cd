//! Public documents while the database is away.
//!
//! What stands under `/.well-known` is for everybody; whoever checks session tokens needs the
//! keys there, also while nobody can sign in. A document that has left this host before, for the
//! same workload and word for word, tells nothing new: when the database can't be reached it
//! leaves again, and its record waits with those of withheld answers for the next commit.
//! Everything else is withheld, and so are documents when the database can be reached and does
//! not take the record.
//!
//! Bounds: [`KNOWN`] documents.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::{Method, StatusCode, Uri};

use super::area::Area;
use super::refusal::Refusal;
use crate::audit::Origin;
use crate::audit::merkle::Hash;

/// Documents that are remembered. When there are more, all are forgotten: until they have left
/// again they are withheld.
const KNOWN: usize = 1024;

/// How long a document that may leave waits for its record, when the database was away the last
/// time.
pub(super) const PROMPT: Duration = Duration::from_millis(500);

/// What has left.
#[derive(Default)]
pub(super) struct Public {
    left: Mutex<HashSet<Hash>>,
}

/// An answer that is a public document.
pub(super) struct Document(Hash);

// === impl Document ===

impl Document {
    /// None when an answer is no such document.
    pub(super) fn of(
        area: Option<Area>,
        (method, uri): (&Method, &Uri),
        origin: &Origin,
        answer: &Result<http::Response<Bytes>, Refusal>,
    ) -> Option<Self> {
        let answer = answer.as_ref().ok()?;
        let public = area == Some(Area::Metadata)
            && method == Method::GET
            && answer.status() == StatusCode::OK;
        public.then(|| {
            let mut context = Context::new(&SHA256);
            let place = uri.path_and_query().map_or("", |place| place.as_str());
            for part in [
                origin.workload.as_bytes(),
                place.as_bytes(),
                answer.body().as_ref(),
            ] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
            Self(Hash::from_digest(&context.finish()))
        })
    }
}

// === impl Public ===

impl Public {
    /// It leaves, and its record is durable.
    pub(super) fn leaves(&self, document: Document) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= KNOWN && !left.contains(&document.0) {
            left.clear();
        }
        left.insert(document.0);
    }

    /// Whether it has left before.
    pub(super) fn has_left(&self, document: &Document) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.contains(&document.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(workload: &str) -> Origin {
        Origin {
            request_id: "r".into(),
            workload: workload.into(),
            address: "local".into(),
        }
    }

    fn document(workload: &str, path: &'static str, body: &'static str) -> Document {
        let uri = Uri::from_static(path);
        let answer = Ok(http::Response::new(Bytes::from(body)));
        let area = Area::of(uri.path());
        Document::of(area, (&Method::GET, &uri), &origin(workload), &answer).unwrap()
    }

    #[test]
    fn what_has_left_is_known_by_whom_where_and_what() {
        let public = Public::default();
        let (jwks, webauthn) = ("/.well-known/jwks.json", "/.well-known/webauthn");
        public.leaves(document("a", jwks, "keys"));
        assert!(public.has_left(&document("a", jwks, "keys")));
        for (workload, path, body) in [
            ("b", jwks, "keys"),
            ("a", "/.well-known/jwks.json?rpId=x", "keys"),
            ("a", webauthn, "keys"),
            ("a", jwks, "keys2"),
            ("a", jwks, ""),
        ] {
            let other = document(workload, path, body);
            assert!(!public.has_left(&other), "{workload} {path} {body}");
        }
    }

    #[test]
    fn only_documents_are_public() {
        let of = |method: Method, path: &'static str, status: StatusCode| {
            let uri = Uri::from_static(path);
            let mut answer = http::Response::new(Bytes::new());
            *answer.status_mut() = status;
            let area = Area::of(uri.path());
            Document::of(area, (&method, &uri), &origin("a"), &Ok(answer)).is_some()
        };
        let jwks = "/.well-known/jwks.json";
        assert!(of(Method::GET, jwks, StatusCode::OK));
        assert!(of(Method::GET, "/openapi.json", StatusCode::OK));
        assert!(!of(Method::POST, jwks, StatusCode::OK));
        assert!(!of(Method::GET, jwks, StatusCode::SERVICE_UNAVAILABLE));
        let passkeys = "/v1/users/ada/passkeys";
        assert!(!of(Method::GET, passkeys, StatusCode::OK));
    }

    #[test]
    fn memory_is_bounded() {
        let public = Public::default();
        for number in 0..=KNOWN {
            let body: &'static str = number.to_string().leak();
            public.leaves(document("a", "/.well-known/webauthn", body));
        }
        assert!(public.has_left(&document("a", "/.well-known/webauthn", "1024")));
        assert!(!public.has_left(&document("a", "/.well-known/webauthn", "0")));
    }
}
