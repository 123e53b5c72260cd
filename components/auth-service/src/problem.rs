//! Refusals: RFC 9457 problem documents with a stable `code`.
//!
//! The code decides the status, but for two cases of `malformed` where HTTP has
//! a status of its own (405, 415). The detail is for a developer and says what
//! to mend.

use serde::Serialize;

use crate::{
    host::{Code, Rejection, Remedy, StoreError, TokenError},
    response::Response,
    wire::signal::Signal,
};

/// Why a request was refused.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    status: u16,
    detail: String,
    allow: Option<String>,
    /// Seconds.
    retry_after: u32,
    /// Whether the passkey that was presented is not stored here.
    absent: bool,
    signal: Option<Signal>,
}

/// RFC 9457 section 3.1, with `code`, `requestId` and `signal` as extension members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a Signal>,
}

/// All codes, in the order of the contract.
pub const CODES: [Code; 22] = [
    Code::Malformed,
    Code::TooLarge,
    Code::NotPermitted,
    Code::NotFound,
    Code::CeremonyExpired,
    Code::CeremonyUsed,
    Code::OriginMismatch,
    Code::RpIdMismatch,
    Code::ChallengeMismatch,
    Code::UserPresenceMissing,
    Code::UserVerificationMissing,
    Code::SignatureInvalid,
    Code::CounterRegressed,
    Code::CredentialUnknown,
    Code::CredentialSuspended,
    Code::CredentialExists,
    Code::UserHandleMismatch,
    Code::AlgorithmNotAllowed,
    Code::AttestationInvalid,
    Code::AttestationUntrusted,
    Code::RateLimited,
    Code::Busy,
];

/// What a code is called, its status, and its title.
pub fn describe(code: Code) -> (&'static str, u16, &'static str) {
    match code {
        Code::Malformed => (
            "malformed",
            400,
            "The request is not of the documented form",
        ),
        Code::TooLarge => ("too-large", 413, "The request is too large"),
        Code::NotPermitted => ("not-permitted", 403, "This is not permitted"),
        Code::NotFound => ("not-found", 404, "There is no such thing"),
        Code::CeremonyExpired => ("ceremony-expired", 410, "The ceremony's time is over"),
        Code::CeremonyUsed => ("ceremony-used", 409, "The ceremony was finished before"),
        Code::OriginMismatch => (
            "origin-mismatch",
            422,
            "Made on an origin that is not allowed",
        ),
        Code::RpIdMismatch => ("rp-id-mismatch", 422, "Made for another relying party"),
        Code::ChallengeMismatch => ("challenge-mismatch", 422, "Made for another challenge"),
        Code::UserPresenceMissing => ("user-presence-missing", 422, "The user was not present"),
        Code::UserVerificationMissing => (
            "user-verification-missing",
            422,
            "The user was not verified",
        ),
        Code::SignatureInvalid => ("signature-invalid", 422, "The signature is not valid"),
        Code::CounterRegressed => ("counter-regressed", 422, "The signature counter went back"),
        Code::CredentialUnknown => ("credential-unknown", 422, "The passkey is not known"),
        Code::CredentialSuspended => ("credential-suspended", 403, "The passkey is suspended"),
        Code::CredentialExists => (
            "credential-exists",
            409,
            "The passkey is registered already",
        ),
        Code::UserHandleMismatch => ("user-handle-mismatch", 422, "Made for another user"),
        Code::AlgorithmNotAllowed => ("algorithm-not-allowed", 422, "The algorithm is not allowed"),
        Code::AttestationInvalid => ("attestation-invalid", 422, "The attestation is not valid"),
        Code::AttestationUntrusted => (
            "attestation-untrusted",
            422,
            "The attestation is not trusted",
        ),
        Code::RateLimited => ("rate-limited", 429, "Too many requests"),
        Code::Busy => ("busy", 503, "Busy; the same request may succeed later"),
    }
}

/// A request that is not of the documented form. The detail begins with the
/// JSON path of what is wrong.
pub fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Malformed, detail)
}

// === impl Problem ===

impl Problem {
    /// A refusal with its code's status.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (_, status, _) = describe(code);
        Self {
            code,
            status,
            detail: detail.into(),
            allow: None,
            retry_after: 1,
            absent: false,
            signal: None,
        }
    }

    /// For a passkey that is not stored here: what tells its provider so.
    pub fn signalling(self, signal: impl FnOnce() -> Signal) -> Self {
        let signal = self.absent.then(signal);
        Self { signal, ..self }
    }

    /// 413.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(Code::TooLarge, detail)
    }

    /// 403.
    pub fn not_permitted(detail: impl Into<String>) -> Self {
        Self::new(Code::NotPermitted, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// 422: the passkey, or the account it belongs to, is gone.
    pub fn credential_unknown(detail: impl Into<String>) -> Self {
        Self::new(Code::CredentialUnknown, detail)
    }

    /// RFC 9110 section 15.5.6: the path is known, the method isn't.
    pub fn method_not_allowed(allow: String) -> Self {
        Self {
            allow: Some(allow.clone()),
            ..malformed(format!("method: expected {allow}")).with_status(405)
        }
    }

    /// With the status that HTTP has for this very case.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The problem document.
    pub fn into_response(self, request_id: &str) -> Response {
        let (code, _, title) = describe(self.code);
        let mut response = Response::json(
            self.status,
            &Document {
                r#type: format!("urn:zeropass:problem:{code}"),
                title,
                status: self.status,
                code,
                detail: &self.detail,
                request_id,
                signal: self.signal.as_ref(),
            },
        );
        response.headers = vec![
            ("content-type", "application/problem+json".into()),
            ("cache-control", "no-store".into()),
        ];
        if let Some(allow) = self.allow {
            response.headers.push(("allow", allow));
        }
        if matches!(self.code, Code::RateLimited | Code::Busy) {
            response
                .headers
                .push(("retry-after", self.retry_after.to_string()));
        }
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let problem = Self::new(rejection.code, rejection.detail);
        match rejection.remedy {
            Some(Remedy::RetryAfter(retry_after)) => Self {
                retry_after,
                ..problem
            },
            Some(Remedy::SignalUnknownCredential) => Self {
                absent: true,
                ..problem
            },
            None => problem,
        }
    }
}

/// The store's word where a route knows nothing better about it.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotPermitted => Self::not_permitted("policy refused access to the store"),
            StoreError::NotFound => Self::not_found("the store has no such record"),
            StoreError::Exists => Self::new(Code::CredentialExists, "the record exists already"),
            StoreError::Expired => Self::new(Code::CeremonyExpired, "begin a new ceremony"),
            StoreError::Used => Self::new(Code::CeremonyUsed, "begin a new ceremony"),
            StoreError::Last => Self::not_permitted("an account must keep an active passkey"),
            StoreError::Locked => Self::new(
                Code::RateLimited,
                "too many sign-ins to this account failed; try again later",
            ),
            StoreError::Malformed => malformed("the store refused the form or size of a value"),
            // Somebody else changed the record first: the same request may succeed now.
            StoreError::Conflict | StoreError::Busy => {
                Self::new(Code::Busy, "the store is busy; try again")
            }
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotPermitted => Self::not_permitted("policy refused the token"),
            TokenError::Invalid => malformed("token: not a valid token of this host"),
            TokenError::Busy => Self::new(Code::Busy, "the token signer is busy; try again"),
        }
    }
}
