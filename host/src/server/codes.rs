//! The outcome of a request, read off auth-service's answer for the audit log. Records hold
//! no code that is not in [`CODES`], whatever a component answers.

use bytes::Bytes;
use serde::Deserialize;

use crate::audit::Outcome;
use crate::capabilities::CODES;

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
