//! Where a host pulls revisions from when an operator names one.
//!
//! An operator chooses the artifact, the configuration the registries: no request makes
//! the host talk to another. One transfer at a time, within a limit of size and of time.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::{OciError, OciReference, Registry, RegistryOptions};
use crate::registry::SignedComponent;

/// Registries that a host may pull from.
pub struct Source {
    registries: Vec<String>,
    options: RegistryOptions,
    /// Bytes of a component.
    limit: u64,
    timeout: Duration,
    turn: Semaphore,
}

// === impl Source ===

impl Source {
    /// These registries, each `host` or `host:port`; components of at most `limit` bytes,
    /// each within `timeout`.
    pub fn new(
        registries: Vec<String>,
        options: RegistryOptions,
        limit: u64,
        timeout: Duration,
    ) -> Self {
        Self {
            registries,
            options,
            limit,
            timeout,
            turn: Semaphore::new(1),
        }
    }

    /// Pull what the reference names by its digest. Files of certificates and
    /// credentials are read anew each time.
    ///
    /// # Errors
    /// [`OciError`]; there is no half component.
    pub async fn pull(&self, reference: &str) -> Result<SignedComponent, OciError> {
        let reference = OciReference::parse(reference)?;
        let registry = reference.registry().to_owned();
        if !self.registries.contains(&registry) {
            return Err(OciError::NotAllowed {
                registry,
                allowed: self.registries.clone(),
            });
        }
        let transfer = async {
            // Never closed.
            let _turn = self.turn.acquire().await.ok();
            let registry = Registry::new(reference, &self.options)?;
            registry.fetch(self.limit, &|_, _| {}).await
        };
        let late = |_| OciError::Late {
            registry,
            seconds: self.timeout.as_secs(),
        };
        tokio::time::timeout(self.timeout, transfer)
            .await
            .map_err(late)?
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("registries", &self.registries)
            .finish_non_exhaustive()
    }
}
