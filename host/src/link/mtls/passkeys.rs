//! [`PasskeysLink`] over a [`LinkClient`].

use std::sync::Arc;

use async_trait::async_trait;

use super::client::{Failed, LinkClient};
use crate::capabilities::bindings::passkeys::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};
use crate::capabilities::{CallContext, PasskeysLink, busy};
use crate::link::wire::envelope::Request;
use crate::link::wire::passkeys as w;
use crate::link::wire::{Bytes, Function, Wire};
use crate::policy::{Permit, action};

/// Calls passkey-manager over mutually authenticated TLS.
#[derive(Debug)]
pub struct Mtls {
    client: Arc<LinkClient>,
}

// === impl Mtls ===

impl Mtls {
    /// A link through this client.
    pub fn new(client: Arc<LinkClient>) -> Self {
        Self { client }
    }

    async fn call<F, T>(
        &self,
        context: &CallContext,
        arguments: F::Arguments,
    ) -> Result<T, Rejection>
    where
        F: Function<Error = w::Rejection>,
        F::Answer: Wire<T>,
    {
        let Some(component) = &context.actor.component else {
            return Err(busy("only a component can call over a link"));
        };
        let request = Request {
            id: context.actor.origin.request_id.clone(),
            workload: context.caller.workload.clone(),
            thumbprint: Some(Bytes(context.caller.thumbprint.to_vec())),
            place: Some(context.routes.place()),
            relying_parties: context.caller.relying_parties.clone(),
        };
        let called = self
            .client
            .call::<F>(request, component, context.deadline, arguments)
            .await;
        match called {
            Ok(Ok(answer)) => Ok(answer.native()),
            Ok(Err(rejection)) => Err(rejection.native()),
            Err(failed) => Err(rejection(&failed)),
        }
    }
}

/// The link's failure, for whoever called: it may try again, unless its revision is not
/// wanted.
fn rejection(failed: &Failed) -> Rejection {
    match failed {
        Failed::NotAdmitted => Rejection {
            code: Code::NotPermitted,
            detail: failed.to_string(),
            remedy: None,
        },
        _ => busy(&failed.to_string()),
    }
}

/// Every function of the link: its action, what it is on the wire, its arguments as they
/// are given here, and its answer. The relying party in brackets is the permit's.
macro_rules! carried {
    ($(
        $method:ident($action:ident) = $wire:ident [$($of:ident)?] {
            $($argument:ident: $type:ty),*
        } -> $answer:ty;
    )+) => {
        #[async_trait]
        impl PasskeysLink for Mtls {
            $(async fn $method(
                &self,
                permit: &Permit<action::$action>,
                context: &CallContext,
                $($argument: $type),*
            ) -> Result<$answer, Rejection> {
                let arguments = w::$wire {
                    $($of: permit.relying_party().to_owned(),)?
                    $($argument: Wire::of($argument)),*
                };
                let _ = permit;
                self.call::<action::$action, _>(context, arguments).await
            })+
        }
    };
}

carried! {
    registration_begin(RegistrationBegin) = BeginRegistration [] {
        request: RegistrationRequest
    } -> CreationOptions;
    registration_finish(RegistrationFinish) = FinishRegistration [rp_id] {
        ceremony: String, response: RegistrationResponse, label: Option<String>
    } -> Registered;
    authentication_begin(AuthenticationBegin) = BeginAuthentication [] {
        request: AuthenticationRequest
    } -> RequestOptions;
    authentication_finish(AuthenticationFinish) = FinishAuthentication [rp_id] {
        ceremony: String, response: AuthenticationResponse
    } -> Authenticated;
    list(LifecycleList) = List [rp_id] { user_id: String } -> Vec<Passkey>;
    get(LifecycleGet) = Get [rp_id] { user_id: String, id: Vec<u8> } -> Passkey;
    rename(LifecycleRename) = Rename [rp_id] {
        user_id: String, id: Vec<u8>, label: String
    } -> Passkey;
    suspend(LifecycleSuspend) = Suspend [rp_id] { user_id: String, id: Vec<u8> } -> Passkey;
    resume(LifecycleResume) = Resume [rp_id] { user_id: String, id: Vec<u8> } -> Passkey;
    change(LifecycleChange) = Change [rp_id] {
        user_id: String, id: Vec<u8>, change: PasskeyChange
    } -> Passkey;
    revoke(LifecycleRevoke) = Revoke [rp_id] { user_id: String, id: Vec<u8> } -> ();
    withdraw(LifecycleWithdraw) = Withdraw [rp_id] { user_id: String, id: Vec<u8> } -> ();
}
