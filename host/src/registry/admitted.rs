//! What admission has found out about a revision.

use std::sync::Arc;

use super::revision::Linked;
use super::surface::Surface;
use super::verify::Verified;
use crate::audit::ComponentIdentity;

/// A revision that may serve.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Name, digest and version.
    pub identity: Arc<ComponentIdentity>,
    /// Who signed what; none for an unsigned one where that is allowed.
    pub verified: Option<Verified>,
    /// What it asks for and offers.
    pub surface: Surface,
    /// Compiled, linked and probed.
    pub revision: Linked,
}
