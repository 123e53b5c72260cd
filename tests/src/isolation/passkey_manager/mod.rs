//! A passkey-manager alone.

mod exports;

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::HasSelf;
use zeropass::capabilities::bindings::passkey_manager::{PasskeyManagerPre, zeropass as wit};
use zeropass::clock::FixedClock;
use zeropass::runtime::{LinkInterface, wasi_interfaces};

use super::calls::{Call, Failure};
use super::component::{LoadError, Sandboxed, load, unfit};
use super::state::State;
use super::{Ceremony, Credential, Model, ModelReport, Profile};

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
}

impl std::fmt::Debug for PasskeyManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasskeyManager").finish_non_exhaustive()
    }
}
