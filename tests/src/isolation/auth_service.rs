//! An auth-service alone: the HTTP API without a network.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::Mutex;
use wasmtime::component::HasSelf;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use zeropass::capabilities::bindings::{auth_service, passkey_manager};
use zeropass::clock::FixedClock;
use zeropass::runtime::{LinkInterface, wasi_interfaces};

use super::calls::{Call, Failure};
use super::component::{CallError, LoadError, Sandboxed, load, unfit};
use super::link::{Answer, Link, SharedLink};
use super::state::State;
use super::{Account, Code, Identity, PasskeyManager, Question, Rejection, ServedParty, Session};

/// An auth-service component and its capabilities in memory. Clones share both.
///
/// Tokens are `token-1`, `token-2` and so on; what they say is kept here.
#[derive(Clone)]
pub struct AuthService {
    pre: Arc<ProxyPre<State>>,
    sandboxed: Sandboxed,
    link: SharedLink,
}

/// What the world `auth-service` imports, and WASI.
fn interfaces() -> Vec<(&'static str, LinkInterface<State>)> {
    use auth_service::zeropass::{host, passkeys, store};
    use passkey_manager::zeropass as shared;
    type S = HasSelf<State>;
    let mut all: Vec<(&'static str, LinkInterface<State>)> = vec![
        ("zeropass:host/caller@1", |l| {
            host::caller::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/tokens@1", |l| {
            host::tokens::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:host/log@1", |l| {
            shared::host::log::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/types@1", |l| {
            shared::store::types::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/accounts@1", |l| {
            store::accounts::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:store/sessions@1", |l| {
            store::sessions::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/types@1", |l| {
            shared::passkeys::types::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/registration@1", |l| {
            passkeys::registration::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/authentication@1", |l| {
            passkeys::authentication::add_to_linker::<_, S>(l, |s| s)
        }),
        ("zeropass:passkeys/lifecycle@1", |l| {
            passkeys::lifecycle::add_to_linker::<_, S>(l, |s| s)
        }),
    ];
    all.extend(wasi_interfaces());
    all
}

/// The link of a kit that nobody connected.
fn unconnected(_: Question) -> Answer {
    Answer::Rejected(Rejection {
        code: Code::Busy,
        detail: "the kit's link is not connected".into(),
        remedy: None,
    })
}

// === impl AuthService ===

impl AuthService {
    /// Load a component file.
    ///
    /// # Errors
    /// [`LoadError`], also for a component that imports what this kind may not have.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let loaded = load("auth-service", path, &interfaces())?;
        Ok(Self {
            pre: Arc::new(ProxyPre::new(loaded.pre).map_err(unfit(path))?),
            sandboxed: loaded.sandboxed,
            link: Arc::new(Mutex::new(Box::new(unconnected))),
        })
    }

    /// Let `link` answer for passkey-manager from now on: a closure, or a queue of
    /// answers.
    pub async fn link(&self, link: impl Link + 'static) {
        *self.link.lock().await = Box::new(link);
    }

    /// Let a component answer for passkey-manager, and go by its clock.
    pub async fn connect(&self, manager: &PasskeyManager) {
        self.sandboxed.world.lock().clock = manager.clock();
        self.link(manager.clone()).await;
    }

    /// A relying party that the caller may act for.
    pub fn serve(&self, party: ServedParty) {
        self.sandboxed
            .world
            .lock()
            .identity
            .relying_parties
            .push(party);
    }

    /// The same by its id alone.
    pub fn serve_id(&self, rp_id: &str) {
        self.serve(ServedParty {
            id: rp_id.to_owned(),
            related_origins: Vec::new(),
            enroll_url: None,
            manage_url: None,
            fresh_sign_in: None,
        });
    }

    /// Change who the caller is. At first it is `spiffe://example.test/relying-party`,
    /// which may act for no relying party.
    pub fn caller(&self, change: impl FnOnce(&mut Identity)) {
        change(&mut self.sandboxed.world.lock().identity);
    }

    /// The clock of the component and of its store.
    pub fn clock(&self) -> Arc<FixedClock> {
        Arc::clone(&self.sandboxed.world.lock().clock)
    }

    /// The calls of capabilities since the beginning or [`Self::forget_calls`].
    pub fn calls(&self) -> Vec<Call> {
        self.sandboxed.world.lock().recorder.calls.clone()
    }

    /// Begin a new record of calls.
    pub fn forget_calls(&self) {
        self.sandboxed.world.lock().recorder.calls.clear();
    }

    /// Let the next call of `function` (`accounts.create`) fail.
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

    /// The accounts in the store.
    pub fn accounts(&self) -> Vec<Account> {
        self.sandboxed.world.lock().accounts.clone()
    }

    /// Put an account into the store.
    pub fn put_account(&self, account: Account) {
        self.sandboxed.world.lock().accounts.push(account);
    }

    /// The sessions in the store.
    pub fn sessions(&self) -> Vec<Session> {
        self.sandboxed.world.lock().sessions.clone()
    }

    /// Answer one request on a fresh instance.
    ///
    /// # Errors
    /// [`CallError::Failed`] when the component gave no answer.
    pub async fn request(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, CallError> {
        let mut store = self
            .sandboxed
            .store(self.pre.engine(), Some(Arc::clone(&self.link)));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let request = request.map(|body| {
            Full::new(body).map_err(|never| -> wasmtime_wasi_http::Error { match never {} })
        });
        let failed = |error: &dyn std::fmt::Display| CallError::Failed(error.to_string());
        let run = async {
            let mut http = store.data_mut().http();
            let request = http.new_incoming_request(Scheme::Https, request)?;
            let outparam = http.new_response_outparam(sender)?;
            let proxy = self.pre.instantiate_async(&mut store).await?;
            proxy
                .wasi_http_incoming_handler()
                .call_handle(&mut store, request, outparam)
                .await
        };
        // The guest writes the body while it runs, so both sides must move.
        let answer = async {
            let response = receiver
                .await
                .map_err(|_| CallError::Failed("it set no response".into()))?
                .map_err(|code| CallError::Failed(format!("{code:?}")))?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| failed(&error))?;
            Ok(http::Response::from_parts(parts, body.to_bytes()))
        };
        let (ran, answered) = tokio::join!(run, answer);
        ran.map_err(|error| CallError::failed(&error))?;
        answered
    }
}

impl std::fmt::Debug for AuthService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthService").finish_non_exhaustive()
    }
}
