//! What a store call can answer instead of a result.

use crate::audit::Outcome;

/// Why the store did not do what it was asked, as `zeropass:store/types.error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The relying party of the permit has no such thing.
    #[error("not found")]
    NotFound,
    /// A unique value is taken.
    #[error("a unique value is taken")]
    Exists,
    /// The ceremony's time is over.
    #[error("the ceremony's time is over; begin another one")]
    Expired,
    /// The ceremony was taken before.
    #[error("the ceremony was taken before; begin another one")]
    Used,
    /// What the change rests on has changed since it was read.
    #[error("what the change rests on has changed; read it again")]
    Conflict,
    /// The account must keep an active passkey, and this is the last one.
    #[error("it is the account's last active passkey, and one must stay")]
    Last,
    /// Too many sign-ins to the account failed.
    #[error("too many sign-ins failed; the account is locked for a while")]
    Locked,
    /// A value is not of the documented form or size.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The host that keeps the store does not permit it; this one's gate did.
    #[error("the host that keeps the store does not permit this; compare the policies of both")]
    NotPermitted,
    /// The store can't answer now, or can't write its audit log.
    #[error("the store can't answer now; try again later")]
    Busy,
}

// === impl Error ===

impl Error {
    /// The stable code, the same in WIT and in audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Conflict => "conflict",
            Self::Last => "last",
            Self::Locked => "locked",
            Self::Malformed(_) => "malformed",
            Self::NotPermitted => "not-permitted",
            Self::Busy => "busy",
        }
    }

    /// The audit outcome of a call that ended so.
    pub fn outcome(&self) -> Outcome {
        Outcome::Failed(self.code())
    }
}
