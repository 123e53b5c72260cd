//! From bytes to a revision: compile or load from the cache, check what it asks
//! for and offers, link, preinstantiate.
//!
//! A loader trusts the bytes it is given; whether they are to be trusted is
//! decided before, in `admission`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use wasmtime::component::Component;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::difference::Difference;
use super::error::LoadError;
use super::exports::{self, Caller};
use super::grants::link;
use super::revision::{AuthService, Linked, PasskeyManager, Revision};
use super::surface::Surface;
use super::verify::sha256;
use crate::audit::ComponentIdentity;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::policy::Gate;
use crate::runtime::precompiled::{Cache, Source};
use crate::runtime::{Limits, Runtime};

/// Loads components against one engine and one gate.
pub struct Loader {
    runtime: Runtime,
    cache: Cache,
    gate: Arc<Gate>,
    /// For each component, as many permits as instances may run at once.
    instances: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// What a loader made of a component's bytes.
#[derive(Debug)]
pub(super) struct Loaded {
    pub surface: Surface,
    pub revision: Linked,
}

// === impl Loader ===

impl Loader {
    /// A loader.
    pub fn new(runtime: Runtime, cache: Cache, gate: Arc<Gate>) -> Self {
        Self {
            runtime,
            cache,
            gate,
            instances: Mutex::default(),
        }
    }

    /// The gate that it asks for grants.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Load `file` as auth-service, whoever may have made it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn auth_service(&self, file: &Path, limits: Limits) -> Result<AuthService, LoadError> {
        let revision = self
            .file("auth-service", file, limits)?
            .into_auth_service()?;
        Arc::into_inner(revision).ok_or(LoadError::Name)
    }

    /// Load `file` as passkey-manager, whoever may have made it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn passkey_manager(
        &self,
        file: &Path,
        limits: Limits,
    ) -> Result<PasskeyManager, LoadError> {
        let revision = self
            .file("passkey-manager", file, limits)?
            .into_passkey_manager()?;
        Arc::into_inner(revision).ok_or(LoadError::Name)
    }

    fn file(&self, name: &str, file: &Path, limits: Limits) -> Result<Linked, LoadError> {
        let wasm = std::fs::read(file)
            .map_err(|error| LoadError::Unreadable(format!("{}: {error}", file.display())))?;
        let identity = identity(name, &wasm, None);
        Ok(self.load(identity, &wasm, limits, None, None)?.revision)
    }

    /// Compile, check and link `wasm` as the revision `identity`. `before` is the
    /// surface of the revision that it would follow, `caller` the component that
    /// calls it. Seconds of CPU where nothing is cached.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(super) fn load(
        &self,
        identity: ComponentIdentity,
        wasm: &[u8],
        limits: Limits,
        before: Option<&Surface>,
        caller: Option<&Caller>,
    ) -> Result<Loaded, LoadError> {
        let component = self.compile(&identity.name, wasm)?;
        let surface = Surface::of(&component);
        let pre = link(&component, &surface, &identity, &self.gate);
        let mut differences = exports::check(&identity.name, &surface, before, caller);
        let pre = match pre {
            Ok(pre) if differences.is_empty() => pre,
            Ok(_) => return Err(LoadError::Differs(differences)),
            Err(mut found) => {
                found.append(&mut differences);
                return Err(LoadError::Differs(found));
            }
        };
        let unfit = |error: wasmtime::Error| {
            LoadError::Differs(vec![Difference::Unfit(format!("{error:#}"))])
        };
        let instances = self.instances(&identity.name, &limits);
        let revision = match identity.name.as_str() {
            "auth-service" => Linked::AuthService(Arc::new(Revision::new(
                identity,
                limits,
                instances,
                ProxyPre::new(pre).map_err(unfit)?,
            ))),
            "passkey-manager" => Linked::PasskeyManager(Arc::new(Revision::new(
                identity,
                limits,
                instances,
                PasskeyManagerPre::new(pre).map_err(unfit)?,
            ))),
            _ => return Err(LoadError::Name),
        };
        Ok(Loaded { surface, revision })
    }

    fn instances(&self, name: &str, limits: &Limits) -> Arc<Semaphore> {
        let mut all = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let shared = all
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(limits.instances)));
        Arc::clone(shared)
    }

    /// Let go of the compiled code of a file.
    pub(super) fn forget(&self, digest: &str) {
        self.cache.forget(self.runtime.engine(), digest);
    }

    fn compile(&self, name: &str, wasm: &[u8]) -> Result<Component, LoadError> {
        let started = std::time::Instant::now();
        let (component, source) = self
            .cache
            .load(self.runtime.engine(), wasm)
            .map_err(|error| LoadError::Invalid(format!("{error:#}")))?;
        tracing::info!(
            component = name,
            bytes = wasm.len(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            cached = source == Source::Cached,
            "component loaded"
        );
        Ok(component)
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// Without a version the revision is named by its digest.
pub(super) fn identity(name: &str, wasm: &[u8], version: Option<String>) -> ComponentIdentity {
    let digest = sha256(wasm);
    ComponentIdentity {
        name: name.to_owned(),
        revision: version.unwrap_or_else(|| digest.chars().take(12).collect()),
        digest,
    }
}
