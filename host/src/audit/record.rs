//! The audit record and what it is made of.

use std::fmt;
use std::sync::Arc;

use super::target;
use crate::clock::Timestamp;

/// Where a request came from: fixed for all records of that request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The request's id, the same in logs, answers and records.
    pub request_id: String,
    /// The verified SPIFFE id of the caller, or a host duty such as `host`.
    pub workload: String,
    /// The caller's address, or `local` for the host's own doing.
    pub address: String,
}

/// A component revision as audit and policy name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComponentIdentity {
    /// `auth-service` or `passkey-manager`.
    pub name: String,
    /// SHA-256 of the component file, lower-case hexadecimal.
    pub digest: String,
    /// The revision's version, or the first 12 digits of the digest.
    pub revision: String,
}

/// Who acted: the workload of the request, directly or through a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The request that the action served.
    pub origin: Arc<Origin>,
    /// The component that made the call; none at the front door.
    pub component: Option<Arc<ComponentIdentity>>,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Allowed and done.
    Success,
    /// Allowed and done, with something that a reader of the log should see.
    Noted(&'static str),
    /// Refused by policy.
    Denied,
    /// Allowed, but it did not succeed; the stable code says why.
    Failed(&'static str),
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the action was decided, milliseconds since the Unix epoch.
    pub time: Timestamp,
    /// Who acted, and from where.
    pub actor: Actor,
    /// The action's name in the policy schema, for example `credentials.insert`.
    pub action: &'static str,
    /// The relying party, or [`target::NONE`] where none is concerned.
    pub relying_party: String,
    /// What was acted upon: ids only, never personal data.
    pub target: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The ids of the policies that decided.
    pub policies: Arc<[String]>,
}

// === impl Actor ===

impl Actor {
    /// The host by itself.
    pub fn host() -> Self {
        Self::local("host")
    }

    /// Somebody at this host, for a request of its own.
    pub fn local(workload: impl Into<String>) -> Self {
        Self {
            origin: Arc::new(Origin {
                request_id: uuid::Uuid::now_v7().to_string(),
                workload: workload.into(),
                address: "local".into(),
            }),
            component: None,
        }
    }
}

// === impl Record ===

impl Record {
    /// Of something that concerns no relying party, and that no policy decided.
    pub fn plain(
        time: Timestamp,
        actor: Actor,
        action: &'static str,
        target: impl Into<String>,
        outcome: Outcome,
    ) -> Self {
        Self {
            time,
            actor,
            action,
            relying_party: target::NONE.to_owned(),
            target: target.into(),
            outcome,
            policies: Arc::from([]),
        }
    }
}

// === impl Outcome ===

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Noted(note) => write!(f, "success:{note}"),
            Self::Denied => f.write_str("denied"),
            Self::Failed(code) => write!(f, "failed:{code}"),
        }
    }
}
