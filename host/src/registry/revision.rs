//! A loaded revision.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

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
}

// === impl Revision ===

impl<P> Revision<P> {
    pub(super) fn new(identity: ComponentIdentity, limits: Limits, pre: P) -> Self {
        Self {
            identity: Arc::new(identity),
            instances: Arc::new(Semaphore::new(limits.instances)),
            limits,
            pre,
        }
    }

    /// Count its calls with those of all other revisions of its component, so that
    /// an old and a new one together never take more instances than one may.
    #[must_use]
    pub fn sharing(mut self, instances: &Arc<Semaphore>) -> Self {
        self.instances = Arc::clone(instances);
        self
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
