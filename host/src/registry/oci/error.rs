//! Why a component could not be fetched or published.

use std::path::PathBuf;

/// Why a component could not be fetched or published.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The reference is none, or not of the kind that is needed.
    #[error("{reference}: {reason}")]
    Reference {
        /// What was given.
        reference: String,
        /// What is expected.
        reason: &'static str,
    },
    /// The credentials can't be used. No message holds any of them.
    #[error("{}: {reason}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The certificate authorities can't be used, or TLS can't be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The registry can't be reached, or went away.
    #[error("{registry}: {reason}; nothing was changed, try again later")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What happened.
        reason: String,
    },
    /// The registry is none of those that the host may pull from.
    #[error("{registry}: this host does not pull from it; oci.registries names {}", .allowed.join(", "))]
    NotAllowed {
        /// The registry.
        registry: String,
        /// Those that it may pull from.
        allowed: Vec<String>,
    },
    /// The registry names a token service that credentials are not sent to.
    #[error(
        "{registry}: it wants the credentials to go to {host}; over https, and if the file of credentials names that host under \"auths\", they do"
    )]
    Elsewhere {
        /// The registry.
        registry: String,
        /// Where it leads.
        host: String,
    },
    /// The transfer took longer than it may.
    #[error(
        "{registry}: the transfer took longer than {seconds} s; nothing was changed, try again later"
    )]
    Late {
        /// The registry.
        registry: String,
        /// How long it may take.
        seconds: u64,
    },
    /// The registry does not let us in.
    #[error(
        "{registry}: access is denied; --credentials FILE, or oci.credentials on a host, names somebody who may"
    )]
    Denied {
        /// The registry.
        registry: String,
    },
    /// The registry has no such artifact.
    #[error("{reference}: the registry has no such artifact")]
    Missing {
        /// What was asked for.
        reference: String,
    },
    /// The artifact is no component.
    #[error("{reference}: {reason}")]
    NoComponent {
        /// What was asked for.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The component is larger than is taken.
    #[error("{reference}: the component has {size} bytes, and the limit is {limit}")]
    TooLarge {
        /// What was asked for.
        reference: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// What came is not what the digest says.
    #[error(
        "{reference}: the registry's content is not what its digest says (expected {expected}, got {actual}); it was changed, don't use it"
    )]
    Changed {
        /// What was asked for.
        reference: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// The registry answered in a way that makes no sense.
    #[error("{registry}: {reason}")]
    Registry {
        /// The registry.
        registry: String,
        /// What it said.
        reason: String,
    },
}

// === impl OciError ===

impl OciError {
    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reference { .. } => "reference-malformed",
            Self::Credentials { .. } => "credentials-unusable",
            Self::Tls(_) => "tls-unusable",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::NotAllowed { .. } => "registry-not-allowed",
            Self::Elsewhere { .. } => "registry-elsewhere",
            Self::Late { .. } => "registry-late",
            Self::Denied { .. } => "registry-denied",
            Self::Missing { .. } => "artifact-missing",
            Self::NoComponent { .. } => "artifact-no-component",
            Self::TooLarge { .. } => "artifact-too-large",
            Self::Changed { .. } => "artifact-changed",
            Self::Registry { .. } => "registry-error",
        }
    }
}

/// The last cause says what happened; the ones before it only where.
pub(super) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
