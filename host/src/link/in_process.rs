//! The link within one process: typed values, handed to a fresh instance.

use std::sync::Arc;

use async_trait::async_trait;

use super::lockout;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::capabilities::bindings::passkeys::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};
use crate::capabilities::{CallContext, CallState, PasskeysLink};
use crate::policy::{Permit, action};
use crate::registry::rollout::judge::Ended;
use crate::registry::{CallError, Slot};
use crate::store::LockoutPolicy;

/// Calls the revision of passkey-manager that serves the request.
pub struct InProcess {
    passkey_manager: Arc<Slot<PasskeyManagerPre<CallState>>>,
    lockout: Option<LockoutPolicy>,
}

macro_rules! call {
    ($self:ident, $context:ident, $interface:ident . $function:ident ( $($argument:expr),* )) => {
        {
            let watch = $self.passkey_manager.watch(&$context.routes);
            let result = watch
                .place()
                .revision
                .run($context, watch.begun(), async |instance, store| {
                    instance.$interface().$function(store, $($argument),*).await
                })
                .await;
            watch.ended(ended(&result));
            result.map_err(rejection)?
        }
    };
}

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

    async fn finish_authentication(
        &self,
        rp: &str,
        context: &CallContext,
        ceremony: &str,
        response: &AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        call!(
            self,
            context,
            zeropass_passkeys_authentication.call_finish(rp, ceremony, response)
        )
    }
}

/// The component's failure is the link's: the caller may try again.
fn rejection(error: CallError) -> Rejection {
    Rejection {
        code: Code::Busy,
        detail: error.to_string(),
        remedy: None,
    }
}

#[async_trait]
impl PasskeysLink for InProcess {
    async fn registration_begin(
        &self,
        _: &Permit<action::RegistrationBegin>,
        context: &CallContext,
        request: RegistrationRequest,
    ) -> Result<CreationOptions, Rejection> {
        call!(
            self,
            context,
            zeropass_passkeys_registration.call_begin(&request)
        )
    }

    async fn registration_finish(
        &self,
        permit: &Permit<action::RegistrationFinish>,
        context: &CallContext,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    ) -> Result<Registered, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_registration.call_finish(rp, &ceremony, &response, label.as_deref())
        )
    }

    async fn authentication_begin(
        &self,
        _: &Permit<action::AuthenticationBegin>,
        context: &CallContext,
        request: AuthenticationRequest,
    ) -> Result<RequestOptions, Rejection> {
        call!(
            self,
            context,
            zeropass_passkeys_authentication.call_begin(&request)
        )
    }

    async fn authentication_finish(
        &self,
        permit: &Permit<action::AuthenticationFinish>,
        context: &CallContext,
        ceremony: String,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        let rp = permit.relying_party();
        let Some(policy) = self.lockout else {
            return self
                .finish_authentication(rp, context, &ceremony, &response)
                .await;
        };
        let (context, attempt) = lockout::watched(context);
        let result = self
            .finish_authentication(rp, &context, &ceremony, &response)
            .await;
        lockout::judge(&context, rp, &attempt, policy, result).await
    }

    async fn list(
        &self,
        permit: &Permit<action::LifecycleList>,
        context: &CallContext,
        user_id: String,
    ) -> Result<Vec<Passkey>, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_list(rp, &user_id)
        )
    }

    async fn get(
        &self,
        permit: &Permit<action::LifecycleGet>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_get(rp, &user_id, &id)
        )
    }

    async fn rename(
        &self,
        permit: &Permit<action::LifecycleRename>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_rename(rp, &user_id, &id, &label)
        )
    }

    async fn suspend(
        &self,
        permit: &Permit<action::LifecycleSuspend>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_suspend(rp, &user_id, &id)
        )
    }

    async fn resume(
        &self,
        permit: &Permit<action::LifecycleResume>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_resume(rp, &user_id, &id)
        )
    }

    async fn revoke(
        &self,
        permit: &Permit<action::LifecycleRevoke>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_revoke(rp, &user_id, &id)
        )
    }

    async fn change(
        &self,
        permit: &Permit<action::LifecycleChange>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_change(rp, &user_id, &id, &change)
        )
    }

    async fn withdraw(
        &self,
        permit: &Permit<action::LifecycleWithdraw>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        let rp = permit.relying_party();
        call!(
            self,
            context,
            zeropass_passkeys_lifecycle.call_withdraw(rp, &user_id, &id)
        )
    }
}
