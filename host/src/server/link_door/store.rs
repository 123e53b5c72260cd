//! Accounts and sessions at the link door, for a front tier that keeps neither. Nothing
//! is begun for a caller whose time is over, and nobody waits longer than the caller.

use bytes::Bytes;

use super::call::{Incall, is, said};
use super::refused::{Refused, unknown};
use crate::link::wire::{Package, Wire};
use crate::policy::action;
use crate::runtime::Deadline;
use crate::store::Error;

/// If `$function` is `$action`: read, ask the gate, call the store, which settles, and
/// answer.
macro_rules! serve {
    ($incall:ident, $function:ident, $action:ident, $arguments:ident => $method:ident($($argument:expr),+)) => {
        if is::<action::$action>($function) {
            let (context, $arguments) = $incall.read::<action::$action>()?;
            let services = &context.services;
            let permit = services.gate.authorize::<action::$action>(
                &context.actor,
                Some(&$arguments.rp_id),
                &context.trail,
            );
            let result = match permit {
                Ok(permit) => {
                    let called = services.store.$method(permit, $($argument),+);
                    in_time(context.deadline, called).await
                }
                Err(_) => Err(Error::NotPermitted),
            };
            return Ok(said::<action::$action>(match result {
                Ok(answer) => Ok(Wire::of(answer)),
                Err(error) => Err(Wire::of(error)),
            }));
        }
    };
}

/// What the store says before the caller goes away. A permit that comes too late leaves
/// its record all the same.
async fn in_time<T>(
    deadline: Deadline,
    called: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if deadline.passed() {
        return Err(Error::Busy);
    }
    tokio::time::timeout_at(deadline.instant(), called)
        .await
        .unwrap_or(Err(Error::Busy))
}

/// Answer a call of `function`.
pub(super) async fn answer(incall: &Incall<'_>, function: &str) -> Result<Bytes, Refused> {
    serve!(incall, function, AccountsCreate, a => accounts_create(a.account.native()));
    serve!(incall, function, AccountsActivate, a => accounts_activate(a.id));
    serve!(incall, function, AccountsChange, a => accounts_change(a.id, a.change.native()));
    serve!(incall, function, AccountsFindById, a => accounts_find_by_id(a.id));
    serve!(incall, function, AccountsFindByName, a => accounts_find_by_name(a.name));
    serve!(incall, function, SessionsCreate, a => sessions_create(a.session.native()));
    serve!(incall, function, SessionsGet, a => sessions_get(a.id));
    serve!(incall, function, SessionsTouch, a => sessions_touch(a.id, a.idle));
    serve!(incall, function, SessionsRevoke, a => sessions_revoke(a.id));
    Err(unknown(Package::Store, function))
}
