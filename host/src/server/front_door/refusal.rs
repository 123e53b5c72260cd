//! Answers of the front door's own, each with a code for the caller and one for the
//! audit log. A guest's own words are in neither: they may hold anything.

use http::StatusCode;

use super::super::handler::Response;
use super::super::problem::problem;
use crate::audit::Origin;
use crate::policy::Denied;
use crate::registry::CallError;

/// An answer of the host's own.
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// The code in the audit log, which may say more.
    pub(super) recorded: &'static str,
    detail: String,
}

// === impl Refusal ===

impl Refusal {
    /// A refusal with the same code for the caller and for the audit log.
    pub(super) fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            status,
            code,
            recorded: code,
            detail: detail.to_owned(),
        }
    }

    /// The caller may try again.
    pub(super) fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// The problem document.
    pub(super) fn respond(self, origin: &Origin) -> Response {
        problem(self.status, self.code, &self.detail, &origin.request_id)
    }
}

impl From<Denied> for Refusal {
    fn from(_: Denied) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-permitted",
            "policy does not allow this workload to do this",
        )
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        // The guest's own words may hold anything; they are in the log.
        let detail = match error {
            CallError::Busy => "too many requests at once",
            CallError::Deadline | CallError::Overrun => "the request took too long",
            CallError::Withdrawn => "the component that answers this was withdrawn",
            _ => "the request could not be completed",
        };
        Self {
            recorded: match error {
                CallError::Withdrawn => error.code(),
                _ => "busy",
            },
            ..Self::busy(detail)
        }
    }
}
