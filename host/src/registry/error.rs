//! Why a component can't serve.

use super::difference::{Difference, code, listed};

/// Why a component can't serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("{0}")]
    Unreadable(String),
    /// This host has no place for a component of this name.
    #[error("this host runs auth-service and passkey-manager, and no component of this name")]
    Name,
    /// Not a component that this engine can compile.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It does not fit this host and its policy.
    #[error("{}", listed(.0))]
    Differs(Vec<Difference>),
}

// === impl LoadError ===

impl LoadError {
    /// A stable code for audit records and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "component-unreadable",
            Self::Name => "component-unknown",
            Self::Invalid(_) => "component-invalid",
            Self::Differs(differences) => code(differences),
        }
    }
}
