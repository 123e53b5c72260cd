//! Paying a permit's debt for calls that change nothing.

use std::future::Future;

use crate::audit::{Outcome, target};
use crate::policy::Permit;
use crate::policy::action::Action;

use super::Error;

/// Go on with a permit when its arguments are in order, else settle it. What is
/// malformed is not written down.
pub(super) fn checked<A: Action, T>(
    permit: Permit<A>,
    arguments: Result<T, Error>,
) -> Result<(Permit<A>, T), Error> {
    match arguments {
        Ok(arguments) => Ok((permit, arguments)),
        Err(error) => {
            permit.settle(target::NONE, error.outcome());
            Err(error)
        }
    }
}

/// Do a read and settle its permit with what came of it. A read that is
/// cancelled leaves its permit to settle itself as abandoned.
pub(super) async fn read<A: Action, T>(
    permit: Permit<A>,
    target: String,
    read: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let answer = read.await;
    let outcome = match &answer {
        Ok(_) => Outcome::Success,
        Err(error) => error.outcome(),
    };
    permit.settle(target, outcome);
    answer
}
