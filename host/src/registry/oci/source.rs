//! Where a host pulls revisions from when an operator names one.
//!
//! An operator chooses the artifact, the configuration the registries: no request makes
//! the host talk to another. One transfer at a time, within a limit of size and of time.

use std::sync::{Mutex, MutexGuard, PoisonError};
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
    under_way: Mutex<Option<Transfer>>,
}

/// How far the transfer is that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The reference.
    pub reference: String,
    /// Bytes that have come.
    pub done: u64,
    /// Bytes in all; 0 until they are known.
    pub total: u64,
}

/// Nothing is under way any more, whatever came of it.
struct Ended<'a>(&'a Source);

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
            under_way: Mutex::default(),
        }
    }

    /// The transfer that is under way.
    pub fn under_way(&self) -> Option<Transfer> {
        self.transfer().clone()
    }

    fn transfer(&self) -> MutexGuard<'_, Option<Transfer>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
            let registry = Registry::new(reference.clone(), &self.options)?;
            let _ended = Ended(self);
            let progress = |done, total| {
                *self.transfer() = Some(Transfer {
                    reference: reference.to_string(),
                    done,
                    total,
                });
            };
            progress(0, 0);
            registry.fetch(self.limit, &progress).await
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

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        *self.0.transfer() = None;
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("registries", &self.registries)
            .finish_non_exhaustive()
    }
}
