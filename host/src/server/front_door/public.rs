//! Public documents while the database is away.
//!
//! What stands under `/.well-known`, and `/openapi.json`, is for everybody; whoever checks session
//! tokens needs the keys there, also while nobody can sign in. A document that has left this host
//! before, for the same workload and word for word, tells nothing new: when the database could not
//! be reached the last time, it leaves again, and its record waits with those of withheld answers
//! for the next commit, as long as there is room for them. Everything else is withheld, and so are
//! documents when the database is there and does not take the record.
//!
//! Bounds: [`KNOWN`] documents of [`WORKLOADS`] workloads.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::{Method, StatusCode, Uri};

use super::area::Area;
use super::refusal::Refusal;
use crate::audit::Origin;
use crate::audit::merkle::Hash;

/// Documents that are remembered of a workload, and workloads of which any are. When there are
/// more, those of the workload, or of all, are forgotten: until they have left again they are
/// withheld.
const KNOWN: usize = 64;
const WORKLOADS: usize = 1024;

/// How long a document that may leave waits for its record, when the database was away the last
/// time.
pub(super) const PROMPT: Duration = Duration::from_millis(500);

/// What has left, by workload.
#[derive(Default)]
pub(super) struct Public {
    left: Mutex<HashMap<String, HashSet<Hash>>>,
}

/// An answer that is a public document.
pub(super) struct Document {
    workload: String,
    digest: Hash,
}

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
        public.then(|| Self {
            workload: origin.workload.clone(),
            digest: digest(uri, answer),
        })
    }
}

/// Of the place and all that is told of it.
fn digest(uri: &Uri, answer: &http::Response<Bytes>) -> Hash {
    let mut context = Context::new(&SHA256);
    let mut add = |part: &[u8]| {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    };
    add(uri
        .path_and_query()
        .map_or("", |place| place.as_str())
        .as_bytes());
    add(answer.body());
    let headers = answer.headers().iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    // Values of one name keep their order.
    headers.sort_by_key(|(name, _)| *name);
    for (name, value) in headers {
        add(name.as_bytes());
        add(value);
    }
    Hash::from_digest(&context.finish())
}

// === impl Public ===

impl Public {
    /// It leaves, and its record is durable.
    pub(super) fn leaves(&self, document: Document) {
        let Document { workload, digest } = document;
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= WORKLOADS && !left.contains_key(&workload) {
            left.clear();
        }
        let of_workload = left.entry(workload).or_default();
        if of_workload.len() >= KNOWN && !of_workload.contains(&digest) {
            of_workload.clear();
        }
        of_workload.insert(digest);
    }

    /// Whether it has left before.
    pub(super) fn has_left(&self, document: &Document) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let of_workload = left.get(&document.workload);
        of_workload.is_some_and(|left| left.contains(&document.digest))
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
    fn another_header_is_another_document() {
        let public = Public::default();
        let jwks = "/.well-known/jwks.json";
        let with = |headers: &[(&'static str, &'static str)]| {
            let mut answer = http::Response::new(Bytes::from("keys"));
            for (name, value) in headers {
                let value = http::HeaderValue::from_static(value);
                answer.headers_mut().append(*name, value);
            }
            let uri = Uri::from_static(jwks);
            let area = Area::of(jwks);
            Document::of(area, (&Method::GET, &uri), &origin("a"), &Ok(answer)).unwrap()
        };
        public.leaves(with(&[("a", "1"), ("b", "2")]));
        assert!(public.has_left(&with(&[("b", "2"), ("a", "1")])));
        for other in [
            &[("a", "1")][..],
            &[("a", "1"), ("b", "3")],
            &[("a", "1"), ("b", "2"), ("b", "2")],
        ] {
            assert!(!public.has_left(&with(other)), "{other:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_one_workload_forgets_for_itself() {
        let public = Public::default();
        let numbered = |workload: &str, number: usize| {
            document(workload, "/.well-known/webauthn", number.to_string().leak())
        };
        public.leaves(numbered("other", 0));
        for number in 0..=KNOWN {
            public.leaves(numbered("a", number));
        }
        assert!(public.has_left(&numbered("a", KNOWN)));
        assert!(!public.has_left(&numbered("a", 0)));
        assert!(public.has_left(&numbered("other", 0)));
        for number in 0..WORKLOADS {
            public.leaves(numbered(&number.to_string(), 0));
        }
        assert!(!public.has_left(&numbered("other", 0)));
        assert!(public.left.lock().unwrap().len() <= WORKLOADS);
    }
}
