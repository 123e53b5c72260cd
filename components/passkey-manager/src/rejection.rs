//! Refusals: how each part's errors become the codes of the HTTP API.
//!
//! Details are written for a developer and never hold a challenge, a key, a
//! signature or a token.

use crate::bindings::{Code, Rejection, Remedy, relying_party, store};

/// A refusal with its code and what a developer should know.
pub fn reject(code: Code, detail: impl Into<String>) -> Rejection {
    Rejection {
        code,
        detail: detail.into(),
        remedy: None,
    }
}

/// A refusal of a credential that is not stored here, which its provider should
/// stop offering.
pub fn absent(detail: impl Into<String>) -> Rejection {
    Rejection {
        remedy: Some(Remedy::SignalUnknownCredential),
        ..reject(Code::CredentialUnknown, detail)
    }
}

/// A refusal of input that is not of the documented form.
pub fn malformed(detail: impl Into<String>) -> Rejection {
    reject(Code::Malformed, detail)
}

/// A refusal of input beyond its limit.
pub fn too_large(what: &str, length: usize, limit: usize) -> Rejection {
    reject(
        Code::TooLarge,
        format!("{what} has {length} bytes, and at most {limit} are accepted"),
    )
}

// === impl From ===

impl From<relying_party::Error> for Rejection {
    fn from(error: relying_party::Error) -> Self {
        match error {
            relying_party::Error::NotPermitted => reject(
                Code::NotPermitted,
                "policy does not allow this relying party",
            ),
            relying_party::Error::NotFound => {
                reject(Code::NotFound, "no such relying party is configured")
            }
            relying_party::Error::Busy => reject(Code::Busy, "the host is busy; try again"),
        }
    }
}

/// For store calls where no outcome has a meaning of its own. Callers that can
/// say more (`exists`, `conflict`, a ceremony's `not-found`) match first.
impl From<store::Error> for Rejection {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotPermitted => {
                reject(Code::NotPermitted, "policy does not allow this store call")
            }
            store::Error::NotFound => reject(Code::NotFound, "not in the store"),
            store::Error::Exists => reject(Code::CredentialExists, "the store has it already"),
            store::Error::Expired => reject(Code::CeremonyExpired, "the ceremony's time is over"),
            store::Error::Used => reject(Code::CeremonyUsed, "the ceremony was finished before"),
            store::Error::Conflict => reject(
                Code::Busy,
                "the record changed while it was being used; try again",
            ),
            store::Error::Last => reject(
                Code::NotPermitted,
                "this is the account's last active passkey, and one must stay; add another one first",
            ),
            store::Error::Locked => reject(
                Code::RateLimited,
                "too many sign-ins to this account failed; try again later",
            ),
            store::Error::Malformed => malformed("the store refused a value as malformed"),
            store::Error::Busy => reject(Code::Busy, "the store is busy; try again"),
        }
    }
}
