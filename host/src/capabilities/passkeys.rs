//! `zeropass:passkeys`: the link from auth-service to passkey-manager.
//!
//! The gate decides here, on the caller's side; what carries the call to the
//! active revision of passkey-manager is behind [`PasskeysLink`], which only the state of
//! an auth-service has. The rejection that comes back is recorded as the outcome of the
//! call.
//!
//! [`PasskeysLink`]: super::PasskeysLink

use super::bindings::passkeys::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};
use super::bindings::{authentication, lifecycle, registration};
use super::codes::code_name;
use super::state::CallState;
use crate::audit::{Outcome, target};
use crate::policy::Permit;
use crate::policy::action::{self, Action};

// === impl CallState ===

/// Ask the gate, make the call, settle. `server::link_door` does the same at the
/// other end of a link.
macro_rules! forward {
    ($self:ident, $action:ident, $rp_id:expr, $target:expr, $method:ident($($argument:expr),*)) => {{
        let context = &$self.context;
        let permit = context.permit::<action::$action>(&$rp_id)?;
        let target: String = $target;
        let awaiting = context.routes.awaiting();
        let result = match &$self.passkeys {
            Some(link) => link.$method(&permit, context, $($argument),*).await,
            None => Err(busy("there is no way to passkey-manager here")),
        };
        if !matches!(&result, Err(rejection) if rejection.code == Code::Busy) {
            awaiting.answered();
        }
        settle(permit, target, &result);
        result
    }};
}

impl registration::Host for CallState {
    async fn begin(&mut self, request: RegistrationRequest) -> Result<CreationOptions, Rejection> {
        forward!(
            self,
            RegistrationBegin,
            request.rp_id,
            request.user.id.clone(),
            registration_begin(request)
        )
    }

    async fn finish(
        &mut self,
        rp_id: String,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    ) -> Result<Registered, Rejection> {
        forward!(
            self,
            RegistrationFinish,
            rp_id,
            target::ceremony(&ceremony),
            registration_finish(ceremony, response, label)
        )
    }
}

impl authentication::Host for CallState {
    async fn begin(&mut self, request: AuthenticationRequest) -> Result<RequestOptions, Rejection> {
        forward!(
            self,
            AuthenticationBegin,
            request.rp_id,
            target::NONE.into(),
            authentication_begin(request)
        )
    }

    async fn finish(
        &mut self,
        rp_id: String,
        ceremony: String,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        forward!(
            self,
            AuthenticationFinish,
            rp_id,
            target::ceremony(&ceremony),
            authentication_finish(ceremony, response)
        )
    }
}

impl lifecycle::Host for CallState {
    async fn list(&mut self, rp_id: String, user_id: String) -> Result<Vec<Passkey>, Rejection> {
        forward!(self, LifecycleList, rp_id, user_id.clone(), list(user_id))
    }

    async fn get(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        forward!(
            self,
            LifecycleGet,
            rp_id,
            target::credential(&id),
            get(user_id, id)
        )
    }

    async fn rename(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection> {
        forward!(
            self,
            LifecycleRename,
            rp_id,
            target::credential(&id),
            rename(user_id, id, label)
        )
    }

    async fn suspend(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        forward!(
            self,
            LifecycleSuspend,
            rp_id,
            target::credential(&id),
            suspend(user_id, id)
        )
    }

    async fn resume(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        forward!(
            self,
            LifecycleResume,
            rp_id,
            target::credential(&id),
            resume(user_id, id)
        )
    }

    async fn change(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        forward!(
            self,
            LifecycleChange,
            rp_id,
            target::credential(&id),
            change(user_id, id, change)
        )
    }

    async fn revoke(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        forward!(
            self,
            LifecycleRevoke,
            rp_id,
            target::credential(&id),
            revoke(user_id, id)
        )
    }

    async fn withdraw(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        forward!(
            self,
            LifecycleWithdraw,
            rp_id,
            target::credential(&id),
            withdraw(user_id, id)
        )
    }
}

/// A link that can't answer now.
pub(crate) fn busy(detail: &str) -> Rejection {
    Rejection {
        code: Code::Busy,
        detail: detail.into(),
        remedy: None,
    }
}

pub(crate) fn settle<A: Action, T>(
    permit: Permit<A>,
    target: String,
    result: &Result<T, Rejection>,
) {
    permit.settle(
        target,
        match result {
            Ok(_) => Outcome::Success,
            Err(rejection) => Outcome::Failed(code_name(rejection.code)),
        },
    );
}
