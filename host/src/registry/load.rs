//! From a file to a revision: digest, compile or load from the cache, check the
//! grants, link, preinstantiate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use wasmtime::component::{Component, InstancePre};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::grants::{Refused, link};
use super::revision::{AuthService, PasskeyManager, Revision};
use crate::audit::ComponentIdentity;
use crate::capabilities::CallState;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::policy::Gate;
use crate::runtime::precompiled::{Cache, Source, hex};
use crate::runtime::{Limits, Runtime};

/// Loads component files against one engine and one gate.
pub struct Loader {
    runtime: Runtime,
    cache: Cache,
    gate: Arc<Gate>,
}

/// Why a component file can't serve.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("component {name}: {path}: {source}")]
    Unreadable {
        /// The component's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a component that this engine can compile.
    #[error("component {name}: not a valid component: {reason}")]
    Invalid {
        /// The component's name.
        name: String,
        /// What wasmtime said.
        reason: String,
    },
    /// It imports what it may not have.
    #[error("component {name}: {refused}")]
    Refused {
        /// The component's name.
        name: String,
        /// Each import.
        refused: Refused,
    },
    /// An import or export has another type than the interface says, or an export
    /// is missing.
    #[error("component {name}: does not fit its world: {reason}")]
    Unfit {
        /// The component's name.
        name: String,
        /// What wasmtime said.
        reason: String,
    },
}

// === impl LoadError ===

impl LoadError {
    /// A stable code for audit records and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "component-unreadable",
            Self::Invalid { .. } => "component-invalid",
            Self::Refused { .. } => "import-not-granted",
            Self::Unfit { .. } => "world-mismatch",
        }
    }
}

// === impl Loader ===

impl Loader {
    /// A loader.
    pub fn new(runtime: Runtime, cache: Cache, gate: Arc<Gate>) -> Self {
        Self {
            runtime,
            cache,
            gate,
        }
    }

    /// Load `file` as auth-service.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn auth_service(&self, file: &Path, limits: Limits) -> Result<AuthService, LoadError> {
        self.auth_service_of(&read("auth-service", file)?, limits)
    }

    /// Load `file` as passkey-manager.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn passkey_manager(
        &self,
        file: &Path,
        limits: Limits,
    ) -> Result<PasskeyManager, LoadError> {
        self.passkey_manager_of(&read("passkey-manager", file)?, limits)
    }

    /// Load these bytes as auth-service.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn auth_service_of(&self, wasm: &[u8], limits: Limits) -> Result<AuthService, LoadError> {
        let (identity, pre) = self.link("auth-service", wasm)?;
        let pre = ProxyPre::new(pre).map_err(unfit(&identity.name))?;
        Ok(Revision::new(identity, limits, pre))
    }

    /// Load these bytes as passkey-manager.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn passkey_manager_of(
        &self,
        wasm: &[u8],
        limits: Limits,
    ) -> Result<PasskeyManager, LoadError> {
        let (identity, pre) = self.link("passkey-manager", wasm)?;
        let pre = PasskeyManagerPre::new(pre).map_err(unfit(&identity.name))?;
        Ok(Revision::new(identity, limits, pre))
    }

    /// What these bytes are called.
    pub fn identity(name: &str, wasm: &[u8]) -> ComponentIdentity {
        let digest = hex(digest::digest(&digest::SHA256, wasm).as_ref());
        ComponentIdentity {
            name: name.to_owned(),
            revision: digest.chars().take(12).collect(),
            digest,
        }
    }

    fn link(
        &self,
        name: &str,
        wasm: &[u8],
    ) -> Result<(ComponentIdentity, InstancePre<CallState>), LoadError> {
        let identity = Self::identity(name, wasm);
        let component = self.compile(name, wasm)?;
        let linker =
            link(&component, &identity, &self.gate).map_err(|refused| LoadError::Refused {
                name: name.to_owned(),
                refused,
            })?;
        let pre = linker.instantiate_pre(&component).map_err(unfit(name))?;
        Ok((identity, pre))
    }

    fn compile(&self, name: &str, wasm: &[u8]) -> Result<Component, LoadError> {
        let started = std::time::Instant::now();
        let (component, source) =
            self.cache
                .load(self.runtime.engine(), wasm)
                .map_err(|error| LoadError::Invalid {
                    name: name.to_owned(),
                    reason: format!("{error:#}"),
                })?;
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

fn read(name: &str, path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Unreadable {
        name: name.to_owned(),
        path: path.to_owned(),
        source,
    })
}


fn unfit(name: &str) -> impl FnOnce(wasmtime::Error) -> LoadError {
    let name = name.to_owned();
    move |error| LoadError::Unfit {
        name,
        reason: format!("{error:#}"),
    }
}
