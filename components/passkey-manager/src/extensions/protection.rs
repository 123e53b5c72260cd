//! Credential protection (CTAP 2.2 section 12.1): a level that was demanded is compared
//! with the one that the authenticator reports.
//!
//! The demand is kept with the stored ceremony, as one more identifier: `credProtect:3`
//! beside `credProtect`. What the browser returns can't lower it, and a revision of this
//! component that does not know it passes it over.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::CRED_PROTECT;
use crate::bindings::{Code, Rejection};
use crate::rejection::reject;

/// What may be done with a passkey without user verification, as a request names it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Protection {
    /// Everything.
    #[serde(rename = "userVerificationOptional")]
    Optional = 1,
    /// Only what names the passkey.
    #[serde(rename = "userVerificationOptionalWithCredentialIDList")]
    OptionalWithList = 2,
    /// Nothing.
    #[serde(rename = "userVerificationRequired")]
    Required = 3,
}

// === impl Protection ===

impl Protection {
    /// What each level that can be demanded is kept as. Level 1 is what every passkey has,
    /// so nothing is kept of it.
    const DEMANDS: [(Self, &'static str); 2] = [
        (Self::OptionalWithList, "credProtect:2"),
        (Self::Required, "credProtect:3"),
    ];

    /// The identifier that keeps the demand for this level, if it needs one.
    pub(super) fn demand(self) -> Option<&'static str> {
        let kept = Self::DEMANDS.iter().find(|(level, _)| *level == self);
        kept.map(|(_, identifier)| *identifier)
    }

    /// The highest level that a ceremony demands.
    fn demanded(asked: &[String]) -> Option<Self> {
        let mut highest_first = Self::DEMANDS.iter().rev();
        let kept = highest_first.find(|(_, identifier)| asked.iter().any(|one| one == identifier));
        kept.map(|(level, _)| *level)
    }
}

/// Whether the level in `outputs` is the one that the ceremony demands, or a higher one.
/// An authenticator that reports none has no protection to offer: level 1.
///
/// # Errors
/// `not-permitted` for a lower level.
pub(super) fn check(asked: &[String], outputs: &Map<String, Json>) -> Result<(), Rejection> {
    let Some(demanded) = Protection::demanded(asked) else {
        return Ok(());
    };
    let demanded = demanded as i64;
    let reported = outputs.get(CRED_PROTECT).and_then(Json::as_i64);
    if reported.unwrap_or(Protection::Optional as i64) >= demanded {
        return Ok(());
    }
    let reported = match reported {
        Some(level) => format!("reports the level {level}"),
        None => "reports no level".to_owned(),
    };
    Err(reject(
        Code::NotPermitted,
        format!(
            "credProtect: level {demanded} was demanded (enforceCredentialProtectionPolicy), and the authenticator {reported}; use another authenticator"
        ),
    ))
}
