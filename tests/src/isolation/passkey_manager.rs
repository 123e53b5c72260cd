//! A passkey-manager alone.

use std::path::Path;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::HasSelf;
use zeropass::capabilities::bindings::passkey_manager::{
    PasskeyManager as Instance, PasskeyManagerPre, zeropass as wit,
};
use zeropass::clock::FixedClock;
use zeropass::runtime::{LinkInterface, wasi_interfaces};

use super::calls::{Call, Failure};
use super::component::{CallError, LoadError, Sandboxed, load, unfit};
use super::link::{Answer, Question};
use super::state::State;
use super::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Ceremony, CreationOptions,
    Credential, Model, ModelReport, Passkey, PasskeyChange, Profile, Registered,
    RegistrationRequest, RegistrationResponse, Rejection, RequestOptions,
};

/// A passkey-manager component and its capabilities in memory. Clones share both.
#[derive(Clone)]
pub struct PasskeyManager {
    pre: Arc<PasskeyManagerPre<State>>,
    sandboxed: Sandboxed,
}

/// What the world `passkey-manager` imports, and WASI without HTTP.
fn interfaces() -> Vec<(&'static str, LinkInterface<State>)> {
    type S = HasSelf<State>;
    let mut all: Vec<(&'static str, LinkInterface<State>)> = vec![
        ("zeropass:host/relying-party@1", |l| {
            wit::host::relying_party::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/signatures@1", |l| {
            wit::host::signatures::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/log@1", |l| {
            wit::host::log::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/types@1", |l| {
            wit::store::types::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/credentials@1", |l| {
            wit::store::credentials::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/ceremonies@1", |l| {
            wit::store::ceremonies::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/types@1", |l| {
            wit::passkeys::types::add_to_linker::<_, S>(l, |s| s)
        }),
    ];
    all.extend(
        wasi_interfaces()
            .into_iter()
            .filter(|(id, _)| !id.starts_with("wasi:http/")),
    );
    all
}

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

// === impl PasskeyManager ===

impl PasskeyManager {
    /// Load a component file.
    ///
    /// # Errors
    /// [`LoadError`], also for a component that imports what this kind may not have.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let loaded = load("passkey-manager", path, &interfaces())?;
        Ok(Self {
            pre: Arc::new(PasskeyManagerPre::new(loaded.pre).map_err(unfit(path))?),
            sandboxed: loaded.sandboxed,
        })
    }

    /// The same component with nothing remembered: no relying party, no
    /// credential, no call, and the clock at its beginning.
    #[must_use]
    pub fn afresh(&self) -> Self {
        let mut new = self.clone();
        new.sandboxed.world = super::memory::World::new();
        new
    }

    /// Add a relying party, or replace it.
    pub fn relying_party(&self, profile: Profile) {
        self.sandboxed
            .world
            .lock()
            .parties
            .insert(profile.id.clone(), profile);
    }

    /// The trust anchors of attestation at a relying party, certificates in DER. They
    /// count where its profile says `anchored`.
    pub fn anchors(&self, rp_id: &str, roots: Vec<Vec<u8>>) {
        self.sandboxed
            .world
            .lock()
            .anchors
            .insert(rp_id.to_owned(), roots);
    }

    /// What metadata say of a model from now on.
    pub fn metadata(&self, model: Model, report: ModelReport) {
        let mut memory = self.sandboxed.world.lock();
        memory.metadata.retain(|(known, _)| *known != model);
        memory.metadata.push((model, report));
    }

    /// The clock of the component and of its store.
    pub fn clock(&self) -> Arc<FixedClock> {
        Arc::clone(&self.sandboxed.world.lock().clock)
    }

    /// Randomness from another seed.
    pub fn seed(&self, seed: u64) {
        self.sandboxed.world.lock().seed = seed;
    }

    /// The calls of capabilities since the beginning or [`Self::forget_calls`].
    pub fn calls(&self) -> Vec<Call> {
        self.sandboxed.world.lock().recorder.calls.clone()
    }

    /// Begin a new record of calls.
    pub fn forget_calls(&self) {
        self.sandboxed.world.lock().recorder.calls.clear();
    }

    /// Let the next call of `function` (`credentials.insert`) fail.
    ///
    /// # Panics
    /// When there is no such function, or the error is not one of its interface.
    #[track_caller]
    pub fn fail_next(&self, function: &str, failure: impl Into<Failure>) {
        self.sandboxed
            .world
            .lock()
            .recorder
            .fail_next(function, failure.into());
    }

    /// What the component wrote through its log interface, as `warn: text`.
    pub fn log(&self) -> Vec<String> {
        self.sandboxed.world.lock().log.clone()
    }

    /// What is stored.
    pub fn credentials(&self) -> Vec<Credential> {
        self.sandboxed.world.lock().credentials.clone()
    }

    /// Put a credential into the store, in place of one with the same id.
    pub fn put_credential(&self, credential: Credential) {
        let mut memory = self.sandboxed.world.lock();
        memory
            .credentials
            .retain(|known| (&known.rp_id, &known.id) != (&credential.rp_id, &credential.id));
        memory.credentials.push(credential);
    }

    /// The ceremonies that wait for their second request.
    pub fn ceremonies(&self) -> Vec<Ceremony> {
        let memory = self.sandboxed.world.lock();
        let waiting = memory.ceremonies.iter().filter(|(_, used)| !used);
        waiting.map(|(ceremony, _)| ceremony.clone()).collect()
    }

    /// Put a ceremony into the store as it is, in place of one with the same id.
    pub fn put_ceremony(&self, ceremony: Ceremony) {
        let mut memory = self.sandboxed.world.lock();
        memory
            .ceremonies
            .retain(|(known, _)| known.id != ceremony.id);
        memory.ceremonies.push((ceremony, false));
    }

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
    pub(super) async fn answer(&self, question: Question) -> Answer {
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

impl std::fmt::Debug for PasskeyManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyManager").finish_non_exhaustive()
    }
}
