//! The way from auth-service to passkey-manager, whatever carries it.

use super::bindings::passkeys::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};
use super::context::CallContext;
use crate::policy::Permit;
use crate::policy::action;

/// A way to call passkey-manager. The permit is settled by the caller of these
/// functions with what they return; they take it by reference as the proof that
/// the gate was asked.
#[async_trait::async_trait]
#[allow(missing_docs, reason = "`zeropass:passkeys` says what each answers")]
pub trait PasskeysLink: Send + Sync {
    async fn registration_begin(
        &self,
        permit: &Permit<action::RegistrationBegin>,
        context: &CallContext,
        request: RegistrationRequest,
    ) -> Result<CreationOptions, Rejection>;
    async fn registration_finish(
        &self,
        permit: &Permit<action::RegistrationFinish>,
        context: &CallContext,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    ) -> Result<Registered, Rejection>;
    async fn authentication_begin(
        &self,
        permit: &Permit<action::AuthenticationBegin>,
        context: &CallContext,
        request: AuthenticationRequest,
    ) -> Result<RequestOptions, Rejection>;
    async fn authentication_finish(
        &self,
        permit: &Permit<action::AuthenticationFinish>,
        context: &CallContext,
        ceremony: String,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, Rejection>;
    async fn list(
        &self,
        permit: &Permit<action::LifecycleList>,
        context: &CallContext,
        user_id: String,
    ) -> Result<Vec<Passkey>, Rejection>;
    async fn get(
        &self,
        permit: &Permit<action::LifecycleGet>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection>;
    async fn rename(
        &self,
        permit: &Permit<action::LifecycleRename>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection>;
    async fn suspend(
        &self,
        permit: &Permit<action::LifecycleSuspend>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection>;
    async fn resume(
        &self,
        permit: &Permit<action::LifecycleResume>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection>;
    async fn change(
        &self,
        permit: &Permit<action::LifecycleChange>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection>;
    async fn revoke(
        &self,
        permit: &Permit<action::LifecycleRevoke>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection>;
    async fn withdraw(
        &self,
        permit: &Permit<action::LifecycleWithdraw>,
        context: &CallContext,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection>;
}
