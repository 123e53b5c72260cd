//! The inside of a host without listener and database: engine, gate, components.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;
use wasmtime::component::Component;
use zeropass::audit::{ComponentIdentity, Trail};
use zeropass::capabilities::{CallContext, CallState, Caller, Services};
use zeropass::registry::{AuthService, Loader, PasskeyManager};
use zeropass::runtime::engine::Options;
use zeropass::runtime::output::Output;
use zeropass::runtime::precompiled::Cache;
use zeropass::runtime::{Deadline, Limits, Runtime, Sandbox};
use zeropass::secrets::{Pseudonyms, Signer};
use zeropass::store::Store;

use crate::empty_store::EmptyStore;
use crate::rows::Places;
use crate::subject::{RP_ID, WORKLOAD, actor, clock, gate, relying_party};

/// What keeps compiled components for one run of the bench.
const CACHE_KEY: [u8; 32] = [7; 32];

/// What wasmtime says, which is no standard error.
pub fn sandbox(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("the sandbox: {error:#}")
}

/// A host's inside.
pub struct Bare {
    runtime: Runtime,
    cache: Cache,
    /// What the components' calls reach.
    pub services: Arc<Services>,
    /// The limits of a call, as configured by default.
    pub limits: Limits,
    _keys: TempDir,
}

// === impl Bare ===

impl Bare {
    /// An engine, with or without a pool, over a store that is empty and in memory.
    ///
    /// # Errors
    /// Policies, keys or the engine can't be had.
    pub fn new(places: &Places, pooling: bool) -> anyhow::Result<Self> {
        Self::over(places, pooling, Arc::new(EmptyStore))
    }

    /// The same over this store.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn over(places: &Places, pooling: bool, store: Arc<dyn Store>) -> anyhow::Result<Self> {
        let keys = tempfile::tempdir()?;
        let services = Services {
            gate: gate(&places.policies)?,
            store,
            relying_parties: BTreeMap::from([(RP_ID.to_owned(), relying_party())]),
            metadata: Arc::default(),
            signer: Signer::open(keys.path(), "https://bench.invalid")?,
            pseudonyms: Pseudonyms::new(&[1; 32]),
            clock: clock(),
            session_idle: 900_000,
            requests: Default::default(),
        };
        let limits = Limits::default();
        // As the host derives it from a configuration that says nothing.
        let options = Options {
            instances: 64,
            memory: limits.memory,
            table_elements: limits.table_elements,
            pooling,
            ..Options::default()
        };
        Ok(Self {
            runtime: Runtime::new(&options).map_err(sandbox)?,
            cache: Cache::new(places.scratch.path().join("cache"), &CACHE_KEY),
            services: Arc::new(services),
            limits,
            _keys: keys,
        })
    }

    /// The compiled passkey-manager.
    ///
    /// # Errors
    /// It is missing or no component.
    pub fn passkey_manager_component(&self, places: &Places) -> anyhow::Result<Component> {
        let file = places.component("passkey-manager");
        let wasm = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let loaded = self.cache.load(self.runtime.engine(), &wasm);
        Ok(loaded.map_err(sandbox)?.0)
    }

    /// Both components as the host loads them.
    ///
    /// # Errors
    /// One is missing or refused.
    pub fn components(&self, places: &Places) -> anyhow::Result<(AuthService, PasskeyManager)> {
        let cache = Cache::new(places.scratch.path().join("cache"), &CACHE_KEY);
        let gate = Arc::clone(&self.services.gate);
        let loader = Loader::new(self.runtime.clone(), cache, gate);
        let limits = || self.limits.clone();
        Ok((
            loader.auth_service(&places.component("auth-service"), limits())?,
            loader.passkey_manager(&places.component("passkey-manager"), limits())?,
        ))
    }

    /// The context of one request's call of auth-service.
    pub fn context(&self) -> CallContext {
        CallContext {
            actor: actor("auth-service"),
            caller: Arc::new(Caller {
                workload: WORKLOAD.into(),
                thumbprint: [0; 32],
                relying_parties: vec![RP_ID.into()],
            }),
            routes: zeropass::capabilities::Routes::default(),
            trail: Trail::new(),
            deadline: Deadline::within(self.limits.deadline * 60),
            attempt: None,
            services: Arc::clone(&self.services),
        }
    }

    /// A store for one call, made as the host makes one.
    pub fn store(
        &self,
        context: &CallContext,
        component: &Arc<ComponentIdentity>,
    ) -> wasmtime::Store<CallState> {
        let context = context.nested(Arc::clone(component), context.deadline);
        let output = Output::new(
            Arc::clone(component),
            Arc::from(context.actor.origin.request_id.as_str()),
            self.limits.output_bytes,
        );
        let sandbox = Sandbox::new(&self.limits, output);
        let deadline = context.deadline;
        let state = CallState {
            sandbox,
            context,
            passkeys: None,
        };
        let mut store = wasmtime::Store::new(self.runtime.engine(), state);
        store.limiter(|state| &mut state.sandbox.limiter);
        store.set_hostcall_fuel(self.limits.hostcall_bytes);
        deadline.arm(&mut store);
        store
    }
}
