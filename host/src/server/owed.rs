//! Records that must reach the store even when their request is dropped half-way.

use std::sync::Arc;

use crate::audit::Trail;
use crate::capabilities::Services;

/// A trail that is handed to the store when it is dropped, if nobody has written it
/// before: it was dropped on the way, or its answer was withheld because the store could
/// not write.
pub(super) struct Owed {
    services: Arc<Services>,
    /// The records.
    pub trail: Trail,
}

// === impl Owed ===

impl Owed {
    /// An empty trail, of an answer that leaves when it has been written.
    pub fn new(services: &Arc<Services>) -> Self {
        Self {
            services: Arc::clone(services),
            trail: Trail::that_withholds(),
        }
    }
}

/// Hands over on a task of its own: whoever drops it waits for nothing.
impl Drop for Owed {
    fn drop(&mut self) {
        if self.trail.is_empty() {
            return;
        }
        let (services, trail) = (Arc::clone(&self.services), self.trail.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                services.store.owe(&trail).await;
            });
        }
    }
}
