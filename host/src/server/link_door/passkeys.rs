//! `zeropass:passkeys` at the link door: the gate, the call, the record.

use bytes::Bytes;

use super::call::{Incall, is, said};
use super::refused::{Refused, unknown};
use crate::audit::target;
use crate::capabilities::bindings::passkeys::Rejection;
use crate::capabilities::settle;
use crate::link::wire::{Package, Wire as _};
use crate::policy::action;

/// If `$function` is `$action`: read, ask the gate, call, settle, and answer.
macro_rules! serve {
    ($incall:ident, $function:ident, $action:ident, $arguments:ident => $rp_id:expr, $target:expr, $method:ident($($argument:expr),*)) => {
        if is::<action::$action>($function) {
            let (context, $arguments) = $incall.read::<action::$action>()?;
            let gate = &context.services.gate;
            let permit =
                gate.authorize::<action::$action>(&context.actor, Some(&$rp_id), &context.trail);
            let result: Result<_, Rejection> = match permit {
                Ok(permit) => {
                    let target: String = $target;
                    let link = &$incall.door.passkeys;
                    let result = link.$method(&permit, &context, $($argument),*).await;
                    settle(permit, target, &result);
                    result
                }
                Err(denied) => Err(denied.into()),
            };
            return Ok(said::<action::$action>(match result {
                Ok(answer) => Ok(crate::link::wire::Wire::of(answer)),
                Err(rejection) => Err(crate::link::wire::Wire::of(rejection)),
            }));
        }
    };
}

/// Answer a call of `function`.
pub(super) async fn answer(incall: &Incall<'_>, function: &str) -> Result<Bytes, Refused> {
    serve!(incall, function, RegistrationBegin, a => a.request.rp_id,
        a.request.user.id.clone(), registration_begin(a.request.native()));
    serve!(incall, function, RegistrationFinish, a => a.rp_id,
        target::ceremony(&a.ceremony), registration_finish(a.ceremony, a.response.native(), a.label));
    serve!(incall, function, AuthenticationBegin, a => a.request.rp_id,
        target::NONE.into(), authentication_begin(a.request.native()));
    serve!(incall, function, AuthenticationFinish, a => a.rp_id,
        target::ceremony(&a.ceremony), authentication_finish(a.ceremony, a.response.native()));
    serve!(incall, function, LifecycleList, a => a.rp_id,
        a.user_id.clone(), list(a.user_id));
    serve!(incall, function, LifecycleGet, a => a.rp_id,
        target::credential(&a.id.0), get(a.user_id, a.id.0));
    serve!(incall, function, LifecycleRename, a => a.rp_id,
        target::credential(&a.id.0), rename(a.user_id, a.id.0, a.label));
    serve!(incall, function, LifecycleSuspend, a => a.rp_id,
        target::credential(&a.id.0), suspend(a.user_id, a.id.0));
    serve!(incall, function, LifecycleResume, a => a.rp_id,
        target::credential(&a.id.0), resume(a.user_id, a.id.0));
    serve!(incall, function, LifecycleRevoke, a => a.rp_id,
        target::credential(&a.id.0), revoke(a.user_id, a.id.0));
    serve!(incall, function, LifecycleChange, a => a.rp_id,
        target::credential(&a.id.0), change(a.user_id, a.id.0, a.change.native()));
    serve!(incall, function, LifecycleWithdraw, a => a.rp_id,
        target::credential(&a.id.0), withdraw(a.user_id, a.id.0));
    Err(unknown(Package::Passkeys, function))
}
