//! The exports of a passkey-manager alone, each call on a fresh instance.

use wasmtime::Store;
use zeropass::capabilities::bindings::passkey_manager::PasskeyManager as Instance;

use super::PasskeyManager;
use crate::isolation::component::CallError;
use crate::isolation::link::{Answer, Question};
use crate::isolation::state::State;
use crate::isolation::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};

/// Call an export on a fresh instance.
macro_rules! call {
    ($self:ident, $interface:ident . $function:ident ( $($argument:expr),* )) => {
        $self
            .run(async |instance, store| {
                instance.$interface().$function(store, $($argument),*).await
            })
            .await
    };
}

impl PasskeyManager {
    /// `registration.begin`.
    ///
    /// # Errors
    /// [`CallError`], as for all calls.
    pub async fn registration_begin(
        &self,
        request: RegistrationRequest,
    ) -> Result<CreationOptions, CallError> {
        call!(self, zeropass_passkeys_registration.call_begin(&request))
    }

    /// `registration.finish`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn registration_finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: RegistrationResponse,
        label: Option<&str>,
    ) -> Result<Registered, CallError> {
        call!(
            self,
            zeropass_passkeys_registration.call_finish(rp_id, ceremony, &response, label)
        )
    }

    /// `authentication.begin`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn authentication_begin(
        &self,
        request: AuthenticationRequest,
    ) -> Result<RequestOptions, CallError> {
        call!(self, zeropass_passkeys_authentication.call_begin(&request))
    }

    /// `authentication.finish`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn authentication_finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, CallError> {
        call!(
            self,
            zeropass_passkeys_authentication.call_finish(rp_id, ceremony, &response)
        )
    }

    /// `lifecycle.list`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list(&self, rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, CallError> {
        call!(self, zeropass_passkeys_lifecycle.call_list(rp_id, user_id))
    }

    /// `lifecycle.get`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_get(rp_id, user_id, id)
        )
    }

    /// `lifecycle.rename`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn rename(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Passkey, CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_rename(rp_id, user_id, id, label)
        )
    }

    /// `lifecycle.suspend`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn suspend(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
    ) -> Result<Passkey, CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_suspend(rp_id, user_id, id)
        )
    }

    /// `lifecycle.resume`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn resume(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
    ) -> Result<Passkey, CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_resume(rp_id, user_id, id)
        )
    }

    /// `lifecycle.revoke`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn revoke(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_revoke(rp_id, user_id, id)
        )
    }

    /// `lifecycle.change`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn change(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: PasskeyChange,
    ) -> Result<Passkey, CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_change(rp_id, user_id, id, &change)
        )
    }

    /// `lifecycle.withdraw`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn withdraw(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), CallError> {
        call!(
            self,
            zeropass_passkeys_lifecycle.call_withdraw(rp_id, user_id, id)
        )
    }

    async fn run<T>(
        &self,
        call: impl AsyncFnOnce(&Instance, &mut Store<State>) -> wasmtime::Result<Result<T, Rejection>>,
    ) -> Result<T, CallError> {
        let mut store = self.sandboxed.store(self.pre.engine(), None);
        let result = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            call(&instance, &mut store).await
        };
        Ok(result.await.map_err(|error| CallError::failed(&error))??)
    }

    /// A question from the link.
    pub(in crate::isolation) async fn answer(&self, question: Question) -> Answer {
        fn told<T: Into<Answer>>(result: Result<T, CallError>) -> Answer {
            result.map_err(CallError::into_rejection).into()
        }
        match question {
            Question::RegistrationBegin(request) => told(self.registration_begin(request).await),
            Question::RegistrationFinish {
                rp_id,
                ceremony,
                response,
                label,
            } => told(
                self.registration_finish(&rp_id, &ceremony, response, label.as_deref())
                    .await,
            ),
            Question::AuthenticationBegin(request) => {
                told(self.authentication_begin(request).await)
            }
            Question::AuthenticationFinish {
                rp_id,
                ceremony,
                response,
            } => told(
                self.authentication_finish(&rp_id, &ceremony, response)
                    .await,
            ),
            Question::List { rp_id, user_id } => told(self.list(&rp_id, &user_id).await),
            Question::Get { rp_id, user_id, id } => told(self.get(&rp_id, &user_id, &id).await),
            Question::Rename {
                rp_id,
                user_id,
                id,
                label,
            } => told(self.rename(&rp_id, &user_id, &id, &label).await),
            Question::Suspend { rp_id, user_id, id } => {
                told(self.suspend(&rp_id, &user_id, &id).await)
            }
            Question::Resume { rp_id, user_id, id } => {
                told(self.resume(&rp_id, &user_id, &id).await)
            }
            Question::Revoke { rp_id, user_id, id } => {
                told(self.revoke(&rp_id, &user_id, &id).await)
            }
            Question::Change {
                rp_id,
                user_id,
                id,
                change,
            } => told(self.change(&rp_id, &user_id, &id, change).await),
            Question::Withdraw { rp_id, user_id, id } => {
                told(self.withdraw(&rp_id, &user_id, &id).await)
            }
        }
    }
}
