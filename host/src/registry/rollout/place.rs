//! Revisions in their places.

use std::sync::Arc;

use crate::registry::Revision;

/// Which revision serves whom.
pub struct Routing<P> {
    /// Serves everybody whom the canary does not.
    pub stable: Place<P>,
    /// Serves its weight's share of the callers.
    pub canary: Option<(Place<P>, u8)>,
    /// Linked and ready to return.
    pub previous: Option<Arc<Revision<P>>>,
}

/// A revision in its place.
pub struct Place<P> {
    /// The revision.
    pub revision: Arc<Revision<P>>,
    /// The number under which it was put here.
    pub(super) number: u64,
}

// === impl Routing ===

impl<P> Clone for Routing<P> {
    fn clone(&self) -> Self {
        Self {
            stable: self.stable.clone(),
            canary: self.canary.clone(),
            previous: self.previous.clone(),
        }
    }
}

// === impl Place ===

impl<P> Clone for Place<P> {
    fn clone(&self) -> Self {
        Self {
            revision: Arc::clone(&self.revision),
            number: self.number,
        }
    }
}
