//! A loaded revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::error::LoadError;
use crate::audit::ComponentIdentity;
use crate::capabilities::CallState;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::runtime::Limits;

/// A component that answers HTTP requests.
pub type AuthService = Revision<ProxyPre<CallState>>;
/// A component that runs ceremonies.
pub type PasskeyManager = Revision<PasskeyManagerPre<CallState>>;

/// One component file, ready to be instantiated afresh for every call.
pub struct Revision<P> {
    /// Name, digest and version.
    pub identity: Arc<ComponentIdentity>,
    /// What each call may take.
    pub limits: Limits,
    /// Compiled, linked and type-checked.
    pub(super) pre: P,
    /// As many permits as instances may run at once.
    pub(super) instances: Arc<Semaphore>,
    /// Policy would not admit it any more: it is called no more, not even by requests
    /// that it serves already.
    withdrawn: AtomicBool,
}

/// A revision of either component.
#[derive(Debug, Clone)]
pub enum Linked {
    /// Of the HTTP API.
    AuthService(Arc<AuthService>),
    /// Of the ceremonies.
    PasskeyManager(Arc<PasskeyManager>),
}

// === impl Revision ===

impl<P> Revision<P> {
    /// `instances` is shared by all revisions of a component, so that an old and a new
    /// one together never take more instances than one may.
    pub(super) fn new(
        identity: ComponentIdentity,
        limits: Limits,
        instances: Arc<Semaphore>,
        pre: P,
    ) -> Self {
        Self {
            identity: Arc::new(identity),
            instances,
            limits,
            pre,
            withdrawn: AtomicBool::new(false),
        }
    }

    /// Whether policy has taken it back.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// Let policy take it back, or give it again.
    pub(super) fn withdraw(&self, withdrawn: bool) {
        self.withdrawn.store(withdrawn, Ordering::Release);
    }

    /// Calls that have an instance now, of all revisions of the component.
    pub fn calls(&self) -> usize {
        let free = self.instances.available_permits();
        self.limits.instances.saturating_sub(free)
    }

    /// The preinstantiated component, for the bench and the test kit.
    pub fn pre(&self) -> &P {
        &self.pre
    }
}

impl<P> std::fmt::Debug for Revision<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revision")
            .field("identity", &self.identity)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

// === impl Linked ===

impl Linked {
    /// The revision of auth-service that it is.
    ///
    /// # Errors
    /// It is one of passkey-manager.
    pub fn into_auth_service(self) -> Result<Arc<AuthService>, LoadError> {
        match self {
            Self::AuthService(revision) => Ok(revision),
            Self::PasskeyManager(_) => Err(LoadError::Name),
        }
    }

    /// The revision of passkey-manager that it is.
    ///
    /// # Errors
    /// It is one of auth-service.
    pub fn into_passkey_manager(self) -> Result<Arc<PasskeyManager>, LoadError> {
        match self {
            Self::PasskeyManager(revision) => Ok(revision),
            Self::AuthService(_) => Err(LoadError::Name),
        }
    }
}
