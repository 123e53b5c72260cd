//! What the admin door answers: JSON, text or nothing, or a problem document.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::audit::Outcome;
use crate::policy::Denied;
use crate::registry::oci::OciError;
use crate::registry::rollout::RolloutError;
use crate::server::handler::{Response, full};

/// An answer that is none of success.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

pub(super) type Answered = Result<(StatusCode, Said), Refused>;

/// The body of an answer.
pub(super) enum Said {
    Json(Vec<u8>),
    Text(String),
    Nothing,
}

// === impl Said ===

impl Said {
    pub(super) fn respond(self, status: StatusCode) -> Response {
        let (kind, body) = match self {
            Self::Json(json) => (Some("application/json"), full(json)),
            Self::Text(text) => (Some("text/plain; version=0.0.4"), full(text)),
            Self::Nothing => (None, full(Bytes::new())),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

// === impl Refused ===

impl From<Denied> for Refused {
    fn from(_: Denied) -> Self {
        refused(
            StatusCode::FORBIDDEN,
            "not-permitted",
            "policy does not allow this operator to do this",
        )
    }
}

impl From<RolloutError> for Refused {
    fn from(error: RolloutError) -> Self {
        let status = match &error {
            RolloutError::NoComponent(_) | RolloutError::NoRevision { .. } => StatusCode::NOT_FOUND,
            RolloutError::Ambiguous { .. } | RolloutError::Weight(_) => StatusCode::BAD_REQUEST,
            RolloutError::Already { .. }
            | RolloutError::NoPredecessor(_)
            | RolloutError::Conflict
            | RolloutError::SignedLater { .. }
            | RolloutError::Unexplained { .. }
            | RolloutError::InUse(_) => StatusCode::CONFLICT,
            RolloutError::Refused { refusal, .. } if refusal.code() == "busy" => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            RolloutError::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            RolloutError::Store => StatusCode::SERVICE_UNAVAILABLE,
        };
        refused(status, error.code(), &error.to_string())
    }
}

impl From<OciError> for Refused {
    fn from(error: OciError) -> Self {
        let status = match &error {
            OciError::Reference { .. } => StatusCode::BAD_REQUEST,
            OciError::NotAllowed { .. } => StatusCode::FORBIDDEN,
            OciError::Missing { .. } => StatusCode::NOT_FOUND,
            OciError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            OciError::NoComponent { .. } | OciError::Changed { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            OciError::Credentials { .. } | OciError::Tls(_) => StatusCode::INTERNAL_SERVER_ERROR,
            OciError::Unreachable { .. }
            | OciError::Denied { .. }
            | OciError::Elsewhere { .. }
            | OciError::Registry { .. } => StatusCode::BAD_GATEWAY,
            OciError::Late { .. } => StatusCode::GATEWAY_TIMEOUT,
        };
        refused(status, error.code(), &error.to_string())
    }
}

pub(super) fn refused(status: StatusCode, code: &'static str, detail: &str) -> Refused {
    Refused {
        status,
        code,
        detail: detail.to_owned(),
    }
}

pub(super) fn malformed(detail: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, "malformed", detail)
}

pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answered {
    // Text and numbers always serialize.
    Ok((
        status,
        Said::Json(serde_json::to_vec(value).unwrap_or_default()),
    ))
}

pub(super) fn outcome<T>(result: &Result<T, RolloutError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(error) => Outcome::Failed(error.code()),
    }
}
