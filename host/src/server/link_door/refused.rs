//! Why a call was not begun, or its answer is withheld: a status and a code.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};

use crate::link::wire::envelope::Refusal;
use crate::link::wire::{self, Package};
use crate::server::handler::{Response, full};

/// A status with a code: the call was not begun, or its answer is withheld.
pub(super) struct Refused(pub StatusCode, pub &'static str, pub String);

// === impl Refused ===

impl Refused {
    pub(super) fn respond(self) -> Response {
        let Self(status, code, detail) = self;
        let body = wire::encode(&Refusal {
            code: code.to_owned(),
            detail,
        });
        let mut answer = respond(status, body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

/// An answer with a body of the wire.
pub(super) fn respond(status: StatusCode, body: Bytes) -> Response {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE));
    headers.insert(
        wire::VERSION_HEADER,
        HeaderValue::from_static(wire::VERSION),
    );
    answer
}

// === kinds ===

/// Policy does not trust the revision that calls.
pub(super) fn not_admitted(reason: &dyn std::fmt::Display) -> Refused {
    let code = wire::REVISION_NOT_ADMITTED;
    Refused(StatusCode::FORBIDDEN, code, reason.to_string())
}

/// This host has no front tier.
pub(super) fn not_served() -> Refused {
    let detail = "this host serves no front tier: set link.role = \"back\" for it";
    Refused(StatusCode::NOT_FOUND, "not-served", detail.into())
}

/// The package has no such function.
pub(super) fn unknown(package: Package, function: &str) -> Refused {
    let function: String = function.chars().take(64).collect();
    let detail = format!("{} has no function `{function}` here", package.name());
    Refused(StatusCode::NOT_FOUND, "unknown-function", detail)
}
