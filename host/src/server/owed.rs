//! Records that must reach the store even when their request is dropped half-way.

use std::sync::Arc;

use crate::audit::Trail;
use crate::capabilities::Services;

/// A trail that is written when it is dropped, if nobody has written it before.
pub(super) struct Owed {
    services: Arc<Services>,
    /// The records.
    pub trail: Trail,
}

// === impl Owed ===

impl Owed {
    /// An empty trail.
    pub fn new(services: &Arc<Services>) -> Self {
        Self {
            services: Arc::clone(services),
            trail: Trail::new(),
        }
    }
}

/// Writes on a task of its own: whoever drops it waits for nothing.
impl Drop for Owed {
    fn drop(&mut self) {
        if self.trail.is_empty() {
            return;
        }
        let (services, trail) = (Arc::clone(&self.services), self.trail.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if services.store.append(&trail).await.is_err() {
                    tracing::error!("audit records of an abandoned request could not be written");
                }
            });
        }
    }
}
