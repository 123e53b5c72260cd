//! The outcome of a request, read off auth-service's answer for the audit log.

use bytes::Bytes;
use serde::Deserialize;

use crate::audit::Outcome;

/// The codes of the HTTP API. Audit records hold nothing that is not in this list,
/// whatever a component answers.
const CODES: &[&str] = &[
    "malformed",
    "too-large",
    "not-permitted",
    "not-found",
    "ceremony-expired",
    "ceremony-used",
    "origin-mismatch",
    "rp-id-mismatch",
    "challenge-mismatch",
    "user-presence-missing",
    "user-verification-missing",
    "signature-invalid",
    "counter-regressed",
    "credential-unknown",
    "credential-suspended",
    "credential-exists",
    "user-handle-mismatch",
    "algorithm-not-allowed",
    "attestation-invalid",
    "attestation-untrusted",
    "rate-limited",
    "busy",
];

#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// What the answer says came of the request.
pub(super) fn outcome(answer: &http::Response<Bytes>) -> Outcome {
    if answer.status().is_success() {
        return Outcome::Success;
    }
    let code = serde_json::from_slice::<Problem>(answer.body())
        .ok()
        .and_then(|problem| CODES.iter().find(|code| **code == problem.code));
    Outcome::Failed(code.copied().unwrap_or("refused"))
}
