//! The way from auth-service to passkey-manager, whatever carries it.

use super::bindings::passkeys;
use super::context::CallContext;
use crate::policy::Permit;
use crate::policy::action;

/// Every function of the link, given to the macro `$with`: its name here, its action, its
/// arguments, its answer, and the call of an instance of passkey-manager. The relying party
/// in brackets is the permit's, for functions whose arguments name none.
macro_rules! each_function {
    ($with:ident) => {
        $with! {
            registration_begin(RegistrationBegin) [] {
                request: passkeys::RegistrationRequest
            } -> passkeys::CreationOptions
                = zeropass_passkeys_registration.call_begin(&request);
            registration_finish(RegistrationFinish) [rp_id] {
                ceremony: String, response: passkeys::RegistrationResponse, label: Option<String>
            } -> passkeys::Registered
                = zeropass_passkeys_registration.call_finish(
                    rp_id, &ceremony, &response, label.as_deref());
            authentication_begin(AuthenticationBegin) [] {
                request: passkeys::AuthenticationRequest
            } -> passkeys::RequestOptions
                = zeropass_passkeys_authentication.call_begin(&request);
            authentication_finish(AuthenticationFinish) [rp_id] {
                ceremony: String, response: passkeys::AuthenticationResponse
            } -> passkeys::Authenticated
                = zeropass_passkeys_authentication.call_finish(rp_id, &ceremony, &response);
            list(LifecycleList) [rp_id] { user_id: String } -> Vec<passkeys::Passkey>
                = zeropass_passkeys_lifecycle.call_list(rp_id, &user_id);
            get(LifecycleGet) [rp_id] { user_id: String, id: Vec<u8> } -> passkeys::Passkey
                = zeropass_passkeys_lifecycle.call_get(rp_id, &user_id, &id);
            rename(LifecycleRename) [rp_id] {
                user_id: String, id: Vec<u8>, label: String
            } -> passkeys::Passkey
                = zeropass_passkeys_lifecycle.call_rename(rp_id, &user_id, &id, &label);
            suspend(LifecycleSuspend) [rp_id] {
                user_id: String, id: Vec<u8>
            } -> passkeys::Passkey
                = zeropass_passkeys_lifecycle.call_suspend(rp_id, &user_id, &id);
            resume(LifecycleResume) [rp_id] {
                user_id: String, id: Vec<u8>
            } -> passkeys::Passkey
                = zeropass_passkeys_lifecycle.call_resume(rp_id, &user_id, &id);
            change(LifecycleChange) [rp_id] {
                user_id: String, id: Vec<u8>, change: passkeys::PasskeyChange
            } -> passkeys::Passkey
                = zeropass_passkeys_lifecycle.call_change(rp_id, &user_id, &id, &change);
            revoke(LifecycleRevoke) [rp_id] { user_id: String, id: Vec<u8> } -> ()
                = zeropass_passkeys_lifecycle.call_revoke(rp_id, &user_id, &id);
            withdraw(LifecycleWithdraw) [rp_id] { user_id: String, id: Vec<u8> } -> ()
                = zeropass_passkeys_lifecycle.call_withdraw(rp_id, &user_id, &id);
        }
    };
}
pub(crate) use each_function;

macro_rules! declare {
    ($(
        $method:ident($action:ident) [$($rp_id:ident)?] {
            $($argument:ident: $type:ty),*
        } -> $answer:ty = $interface:ident.$call:ident($($given:expr),*);
    )+) => {
        /// A way to call passkey-manager. The permit is settled by the caller of these
        /// functions with what they return; they take it by reference as the proof that
        /// the gate was asked.
        #[async_trait::async_trait]
        #[allow(missing_docs, reason = "`zeropass:passkeys` says what each answers")]
        pub trait PasskeysLink: Send + Sync {
            $(async fn $method(
                &self,
                permit: &Permit<action::$action>,
                context: &CallContext,
                $($argument: $type),*
            ) -> Result<$answer, passkeys::Rejection>;)+
        }
    };
}
each_function!(declare);
