//! Failed sign-ins, counted where passkey-manager is called.
//!
//! What counts is what the call came back with and which account the host saw it
//! work on; passkey-manager has no say in it. Names without an account are pinned to
//! stand-ins by their ceremonies, and are counted and locked like all others.
//!
//! The verdict of an attempt is given out only after the failure was counted: of
//! any number of parallel attempts, no more than the limit learn that they failed,
//! and the store refuses the use of a passkey whose account is locked by then. While an
//! account is locked, right and wrong answers sound the same.

use std::sync::Arc;

use crate::audit::{Outcome, Record};
use crate::capabilities::bindings::passkeys::{Code, Rejection, Remedy};
use crate::capabilities::{Attempt, CallContext};
use crate::clock::Timestamp;
use crate::store::{Failed, LockoutPolicy};

/// The audit record's action when an account is locked.
const LOCK: &str = "authentication.lock";

/// A call in which the host notes whose sign-in it is.
pub(super) struct Watched {
    context: CallContext,
    attempt: Attempt,
    policy: LockoutPolicy,
}

// === impl Watched ===

impl Watched {
    /// Watch the call of this context, and judge it by `policy`.
    pub(super) fn new(context: &CallContext, policy: LockoutPolicy) -> Self {
        let attempt = Attempt::default();
        let context = CallContext {
            attempt: Some(Arc::clone(&attempt)),
            ..context.clone()
        };
        Self {
            context,
            attempt,
            policy,
        }
    }

    /// For the call.
    pub(super) fn context(&self) -> &CallContext {
        &self.context
    }

    /// Count a failure, and say what the caller may know of it.
    pub(super) async fn judge<T>(
        self,
        rp_id: &str,
        result: Result<T, Rejection>,
    ) -> Result<T, Rejection> {
        let Self {
            context,
            attempt,
            policy,
        } = self;
        let (Err(rejection), Some(subject)) = (&result, attempt.get()) else {
            return result;
        };
        if !counts(rejection.code) {
            return result;
        }
        let services = &context.services;
        let failed = services
            .store
            .authentication_failed(&context.trail, rp_id.to_owned(), subject.clone(), policy)
            .await;
        match failed {
            Ok(Failed::Counted) => result,
            Ok(Failed::Locks { .. }) => {
                tracing::warn!(
                    rp_id,
                    subject,
                    "too many failed sign-ins: the account is locked"
                );
                context.trail.push(Record {
                    time: services.clock.now(),
                    actor: context.actor.clone(),
                    action: LOCK,
                    relying_party: rp_id.to_owned(),
                    target: subject.clone(),
                    outcome: Outcome::Success,
                    policies: Arc::from([]),
                });
                result
            }
            Ok(Failed::Locked { until }) => Err(locked(services.clock.now(), until)),
            // Uncounted attempts would be free: nobody learns what came of this one.
            Err(error) => Err(Rejection {
                code: Code::Busy,
                detail: error.to_string(),
                remedy: None,
            }),
        }
    }
}

/// What a wrong answer to a challenge is told, and what a right one is told while its
/// account is locked. Not: what the store, policy or the form of a message refused.
fn counts(code: Code) -> bool {
    matches!(
        code,
        Code::OriginMismatch
            | Code::RpIdMismatch
            | Code::ChallengeMismatch
            | Code::UserPresenceMissing
            | Code::UserVerificationMissing
            | Code::SignatureInvalid
            | Code::CounterRegressed
            | Code::CredentialUnknown
            | Code::UserHandleMismatch
            | Code::RateLimited
    )
}

fn locked(now: Timestamp, until: Timestamp) -> Rejection {
    let seconds = until.saturating_sub(now).div_ceil(1000).max(1);
    Rejection {
        code: Code::RateLimited,
        detail: "too many sign-ins to this account failed; try again later".into(),
        remedy: Some(Remedy::RetryAfter(
            u32::try_from(seconds).unwrap_or(u32::MAX),
        )),
    }
}
