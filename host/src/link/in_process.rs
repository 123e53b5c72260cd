//! The link within one process: typed values, handed to a fresh instance.

use std::sync::Arc;

use async_trait::async_trait;

use super::lockout::Watched;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::capabilities::bindings::passkeys::{self, Code, Rejection};
use crate::capabilities::{CallContext, CallState, PasskeysLink, busy, each_function};
use crate::policy::action::Action;
use crate::policy::{Permit, action};
use crate::registry::rollout::judge::Ended;
use crate::registry::{CallError, Slot};
use crate::store::LockoutPolicy;

/// Calls the revision of passkey-manager that serves the request.
pub struct InProcess {
    passkey_manager: Arc<Slot<PasskeyManagerPre<CallState>>>,
    lockout: Option<LockoutPolicy>,
}

// === impl InProcess ===

impl InProcess {
    /// A link to the revision in this slot.
    pub fn new(passkey_manager: Arc<Slot<PasskeyManagerPre<CallState>>>) -> Self {
        Self {
            passkey_manager,
            lockout: None,
        }
    }

    /// Count failed sign-ins, and lock accounts that have too many. None counts none.
    #[must_use]
    pub fn with_lockout(self, lockout: Option<LockoutPolicy>) -> Self {
        Self { lockout, ..self }
    }

    /// A call whose failure is counted: the second half of a sign-in.
    fn watched<A: Action>(&self, context: &CallContext) -> Option<Watched> {
        let policy = self.lockout?;
        (A::NAME == action::AuthenticationFinish::NAME).then(|| Watched::new(context, policy))
    }
}

macro_rules! call_an_instance {
    ($(
        $method:ident($action:ident) [$($rp_id:ident)?] {
            $($argument:ident: $type:ty),*
        } -> $answer:ty = $interface:ident.$call:ident($($given:expr),*);
    )+) => {
        #[async_trait]
        impl PasskeysLink for InProcess {
            $(async fn $method(
                &self,
                permit: &Permit<action::$action>,
                context: &CallContext,
                $($argument: $type),*
            ) -> Result<$answer, Rejection> {
                $(let $rp_id = permit.relying_party();)?
                let watched = self.watched::<action::$action>(context);
                let context = watched.as_ref().map_or(context, Watched::context);
                let watch = self.passkey_manager.watch(&context.routes);
                let result = watch
                    .place()
                    .revision
                    .run(context, watch.begun(), async |instance, store| {
                        instance.$interface().$call(store, $($given),*).await
                    })
                    .await;
                watch.ended(ended(&result));
                // The component's failure is the link's: the caller may try again.
                let result = result.unwrap_or_else(|error| Err(busy(&error.to_string())));
                match watched {
                    Some(watched) => watched.judge(permit.relying_party(), result).await,
                    None => result,
                }
            })+
        }
    };
}
each_function!(call_an_instance);

/// How a call went, for the judge of the revision that took it.
fn ended<T>(result: &Result<Result<T, Rejection>, CallError>) -> Option<Ended> {
    match result {
        Ok(Ok(_)) => Some(Ended::Well),
        Ok(Err(rejection)) => Some(match rejection.code {
            Code::Busy => Ended::Error,
            _ => Ended::Denied,
        }),
        Err(error) => error.ended(),
    }
}
