//! What admission has found out about a revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::revision::Linked;
use super::surface::Surface;
use super::verify::Verified;
use crate::audit::ComponentIdentity;

/// A revision that may serve.
#[derive(Debug)]
pub struct Admitted {
    /// Name, digest and version.
    pub identity: Arc<ComponentIdentity>,
    /// Who signed what; none for an unsigned one where that is allowed.
    pub verified: Option<Verified>,
    /// What it asks for and offers.
    pub surface: Surface,
    /// Compiled, linked and probed.
    pub revision: Linked,
    /// The last epoch of policy that was asked about all of it and admitted it; 0 for none.
    pub(super) sound: AtomicU64,
}

// === impl Admitted ===

impl Admitted {
    /// Whether policy of this epoch has admitted it before: it would say so again.
    pub(super) fn is_sound(&self, epoch: u64) -> bool {
        self.sound.load(Ordering::Acquire) == epoch
    }

    /// Policy of this epoch admits it.
    pub(super) fn found_sound(&self, epoch: u64) {
        self.sound.store(epoch, Ordering::Release);
    }
}
