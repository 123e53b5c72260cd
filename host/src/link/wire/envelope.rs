//! What surrounds arguments and answers.

use serde::{Deserialize, Serialize};

use super::Bytes;
use crate::audit::ComponentIdentity;

/// A call: on whose behalf, by which revision, for how long, and what.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call<A> {
    /// The request that the call is part of.
    pub request: Request,
    /// The revision that calls. Its name is that of the certificate, not this one.
    pub component: Component,
    /// What is left until the caller gives up, milliseconds.
    pub deadline: u64,
    /// The function's arguments by name.
    pub arguments: A,
}

/// The request at the front door, as far as the other end needs to know it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// Its id, the same in the records of both ends.
    pub id: String,
    /// The SPIFFE id of the workload that sent it.
    pub workload: String,
    /// SHA-256 of the workload's certificate in DER, where the function needs it.
    #[serde(default)]
    pub thumbprint: Option<Bytes>,
    /// On which side of a canary the request is, 0 to 9,999; the same for a person at
    /// every component. It says nothing else of the person.
    #[serde(default)]
    pub place: Option<u16>,
    /// The relying parties that the front door lets it act for.
    #[serde(default)]
    pub relying_parties: Vec<String>,
}

/// A component revision.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// `auth-service`.
    pub name: String,
    /// SHA-256 of its file, lower-case hexadecimal.
    pub digest: String,
    /// Its version.
    pub revision: String,
}

/// What vouches for a revision.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown {
    /// The text of its `.minisig` file.
    pub minisig: String,
}

/// What came of a call that was begun (status 200).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<T, E> {
    /// The function's result.
    Ok(T),
    /// The function's refusal.
    Error(E),
}

/// Why a call was not begun, or its answer is withheld (any other status). Only 503
/// says that nothing was begun and that another host may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// A stable code.
    pub code: String,
    /// For people; no secret.
    #[serde(default)]
    pub detail: String,
}

// === impl Component ===

impl From<&ComponentIdentity> for Component {
    fn from(identity: &ComponentIdentity) -> Self {
        Self {
            name: identity.name.clone(),
            digest: identity.digest.clone(),
            revision: identity.revision.clone(),
        }
    }
}
