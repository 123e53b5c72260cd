//! [`PasskeysLink`] over a [`LinkClient`].

use std::sync::Arc;

use async_trait::async_trait;

use super::client::{Failed, LinkClient};
use crate::capabilities::bindings::passkeys::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, CreationOptions, Passkey,
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

/// The link's failure, for whoever called: it may try again.
fn rejection(failed: &Failed) -> Rejection {
    busy(&failed.to_string())
}

#[async_trait]
impl PasskeysLink for Mtls {
    async fn registration_begin(
        &self,
        _: &Permit<action::RegistrationBegin>,
        context: &CallContext,
        request: RegistrationRequest,
    ) -> Result<CreationOptions, Rejection> {
        let request = Wire::of(request);
        self.call::<action::RegistrationBegin, _>(context, w::BeginRegistration { request })
            .await
    }

    async fn registration_finish(
        &self,
        permit: &Permit<action::RegistrationFinish>,
        context: &CallContext,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    ) -> Result<Registered, Rejection> {
        let arguments = w::FinishRegistration {
            rp_id: permit.relying_party().to_owned(),
            ceremony,
            response: Wire::of(response),
            label,
        };
        self.call::<action::RegistrationFinish, _>(context, arguments)
            .await
    }

    async fn authentication_begin(
        &self,
        _: &Permit<action::AuthenticationBegin>,
        context: &CallContext,
        request: AuthenticationRequest,
    ) -> Result<RequestOptions, Rejection> {
        let request = Wire::of(request);
        self.call::<action::AuthenticationBegin, _>(context, w::BeginAuthentication { request })
            .await
    }

    async fn authentication_finish(
        &self,
        permit: &Permit<action::AuthenticationFinish>,
        context: &CallContext,
        ceremony: String,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        let arguments = w::FinishAuthentication {
            rp_id: permit.relying_party().to_owned(),
            ceremony,
            response: Wire::of(response),
        };
        self.call::<action::AuthenticationFinish, _>(context, arguments)
            .await
    }

    async fn list(
        &self,
        permit: &Permit<action::LifecycleList>,
        context: &CallContext,
        user_id: String,
    ) -> Result<Vec<Passkey>, Rejection> {
        let rp_id = permit.relying_party().to_owned();
        self.call::<action::LifecycleList, _>(context, w::List { rp_id, user_id })
            .await
    }

    async fn get(
        &self,
        permit: &Permit<action::LifecycleGet>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let (rp_id, id) = (permit.relying_party().to_owned(), Bytes(id));
        self.call::<action::LifecycleGet, _>(context, w::Get { rp_id, user_id, id })
            .await
    }

    async fn rename(
        &self,
        permit: &Permit<action::LifecycleRename>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection> {
        let arguments = w::Rename {
            rp_id: permit.relying_party().to_owned(),
            user_id,
            id: Bytes(id),
            label,
        };
        self.call::<action::LifecycleRename, _>(context, arguments)
            .await
    }

    async fn suspend(
        &self,
        permit: &Permit<action::LifecycleSuspend>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let (rp_id, id) = (permit.relying_party().to_owned(), Bytes(id));
        self.call::<action::LifecycleSuspend, _>(context, w::Suspend { rp_id, user_id, id })
            .await
    }

    async fn resume(
        &self,
        permit: &Permit<action::LifecycleResume>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        let (rp_id, id) = (permit.relying_party().to_owned(), Bytes(id));
        self.call::<action::LifecycleResume, _>(context, w::Resume { rp_id, user_id, id })
            .await
    }

    async fn revoke(
        &self,
        permit: &Permit<action::LifecycleRevoke>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        let (rp_id, id) = (permit.relying_party().to_owned(), Bytes(id));
        self.call::<action::LifecycleRevoke, _>(context, w::Revoke { rp_id, user_id, id })
            .await
    }

    async fn change(
        &self,
        permit: &Permit<action::LifecycleChange>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        let arguments = w::Change {
            rp_id: permit.relying_party().to_owned(),
            user_id,
            id: Bytes(id),
            change: Wire::of(change),
        };
        self.call::<action::LifecycleChange, _>(context, arguments)
            .await
    }

    async fn withdraw(
        &self,
        permit: &Permit<action::LifecycleWithdraw>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        let (rp_id, id) = (permit.relying_party().to_owned(), Bytes(id));
        self.call::<action::LifecycleWithdraw, _>(context, w::Withdraw { rp_id, user_id, id })
            .await
    }
}
