//! The file: a JSON array of recordings, as other people's tools write them.
//! `tests/standalone/README.md` describes it for people.
//!
//! A value that can't be used costs the step that it belongs to and no other: it is kept
//! as what is [`Wrong`], and that step is answered `malformed`. Only what is no array of
//! objects with names is no file of recordings. Members that are not known are ignored,
//! except those of `policy`, which are kept in [`Policy::unknown`]: a policy that is not
//! applied must not go unseen.

use serde_json::{Map, Value};

use crate::values::{self, Members, Wrong};

/// A registration, and possibly a sign-in with what it registered.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Stands at the beginning of each line.
    pub name: String,
    /// What both steps rest on.
    pub setting: Result<Setting, Wrong>,
    /// The first step.
    pub registration: Result<Registration, Wrong>,
    /// The second step.
    pub authentication: Option<Result<Authentication, Wrong>>,
}

/// The relying party.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its id.
    pub rp_id: String,
    /// Exact origins that are accepted.
    pub origins: Vec<String>,
    /// What differs from the defaults.
    pub policy: Policy,
}

/// What `navigator.credentials.create()` returned.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The challenge of the ceremony.
    pub challenge: Vec<u8>,
    /// Client data as the browser wrote them.
    pub client_data_json: Vec<u8>,
    /// In CBOR.
    pub attestation_object: Vec<u8>,
}

/// What `navigator.credentials.get()` returned.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// The challenge of the ceremony.
    pub challenge: Vec<u8>,
    /// Client data as the browser wrote them.
    pub client_data_json: Vec<u8>,
    /// What was signed.
    pub authenticator_data: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// As the authenticator gave it; an empty one is none.
    pub user_handle: Option<Vec<u8>>,
}

/// The relying party's policy for both steps. What is absent or `null` has its default.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Preferred by default.
    pub user_verification: UserVerification,
    /// COSE identifiers; by default all that WebAuthn has a use for.
    pub algorithms: Option<Vec<i32>>,
    /// False by default.
    pub allow_cross_origin: bool,
    /// Exact top origins.
    pub top_origins: Vec<String>,
    /// None by default.
    pub attestation: Attestation,
    /// Trust anchors, certificates in DER. Empty by default: statements are verified, not
    /// anchored.
    pub attestation_roots: Vec<Vec<u8>>,
    /// When the ceremonies take place, in milliseconds since the epoch.
    pub now: Option<u64>,
    /// What this version does not know: members, and algorithms by name.
    pub unknown: Vec<String>,
}

/// WebAuthn L3 section 5.8.6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the standard's own words")]
pub enum UserVerification {
    Required,
    #[default]
    Preferred,
    Discouraged,
}

/// WebAuthn L3 section 5.4.7.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the standard's own words")]
pub enum Attestation {
    #[default]
    None,
    Indirect,
    Direct,
    Enterprise,
}

/// Why a file can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not JSON, or no array.
    #[error(
        "not a file of recorded ceremonies (a JSON array, see tests/standalone/README.md): {0}"
    )]
    Json(#[from] serde_json::Error),
    /// An element is none.
    #[error("element {0} of the array is not an object with the members of a recording")]
    NoObject(usize),
    /// Its lines would have no beginning.
    #[error("recording {0} has no name; give it the member \"name\", a text")]
    NoName(usize),
}

/// Read a file.
///
/// # Errors
/// [`FileError`], with the place and what was expected there.
pub fn parse(file: &[u8]) -> Result<Vec<Recording>, FileError> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let elements: Vec<Value> = serde_json::from_slice(file)?;
    let numbered = elements.iter().zip(1..);
    numbered
        .map(|(element, number)| {
            let members = element.as_object().ok_or(FileError::NoObject(number))?;
            Recording::read(members).ok_or(FileError::NoName(number))
        })
        .collect()
}

// === impl Recording ===

impl Recording {
    /// None without a name.
    fn read(members: &Map<String, Value>) -> Option<Self> {
        let name = members.get("name")?.as_str()?.to_owned();
        let members = Members::new("", members);
        Some(Recording {
            name,
            setting: Setting::read(&members),
            registration: members
                .object("registration")
                .and_then(|step| Registration::read(&step)),
            authentication: members
                .value("authentication")
                .map(|_| members.object("authentication"))
                .map(|step| step.and_then(|step| Authentication::read(&step))),
        })
    }
}

// === impl Setting ===

impl Setting {
    fn read(members: &Members<'_>) -> Result<Self, Wrong> {
        Ok(Setting {
            rp_id: members.text("rpId")?,
            origins: members.texts("origins")?,
            policy: match members.value("policy") {
                Some(_) => Policy::read(&members.object("policy")?)?,
                None => Policy::default(),
            },
        })
    }
}

// === impl Registration ===

impl Registration {
    fn read(members: &Members<'_>) -> Result<Self, Wrong> {
        Ok(Registration {
            challenge: members.bytes("challenge")?,
            client_data_json: members.bytes("clientDataJSON")?,
            attestation_object: members.bytes("attestationObject")?,
        })
    }
}

// === impl Authentication ===

impl Authentication {
    fn read(members: &Members<'_>) -> Result<Self, Wrong> {
        let handle = match members.value("userHandle") {
            Some(_) => Some(members.bytes("userHandle")?),
            None => None,
        };
        Ok(Authentication {
            challenge: members.bytes("challenge")?,
            client_data_json: members.bytes("clientDataJSON")?,
            authenticator_data: members.bytes("authenticatorData")?,
            signature: members.bytes("signature")?,
            user_handle: handle.filter(|handle| !handle.is_empty()),
        })
    }
}

// === impl Policy ===

impl Policy {
    const KNOWN: [&str; 7] = [
        "userVerification",
        "algorithms",
        "allowCrossOrigin",
        "topOrigins",
        "attestation",
        "attestationRoots",
        "now",
    ];

    fn read(members: &Members<'_>) -> Result<Self, Wrong> {
        let unknown = members
            .names()
            .filter(|name| !Self::KNOWN.contains(name))
            .map(|name| format!("policy.{name}"));
        let mut policy = Policy {
            unknown: unknown.collect(),
            ..Policy::default()
        };
        if members.value("userVerification").is_some() {
            policy.user_verification = members.one_of(
                "userVerification",
                &[
                    ("required", UserVerification::Required),
                    ("preferred", UserVerification::Preferred),
                    ("discouraged", UserVerification::Discouraged),
                ],
            )?;
        }
        if members.value("algorithms").is_some() {
            let mut algorithms = Vec::new();
            for algorithm in members.list("algorithms")? {
                match values::algorithm(algorithm) {
                    Some(number) => algorithms.push(number),
                    None => policy.unknown.push(format!("the algorithm {algorithm}")),
                }
            }
            policy.algorithms = Some(algorithms);
        }
        if members.value("allowCrossOrigin").is_some() {
            policy.allow_cross_origin = members.truth("allowCrossOrigin")?;
        }
        if members.value("topOrigins").is_some() {
            policy.top_origins = members.texts("topOrigins")?;
        }
        if members.value("attestation").is_some() {
            policy.attestation = members.one_of(
                "attestation",
                &[
                    ("none", Attestation::None),
                    ("indirect", Attestation::Indirect),
                    ("direct", Attestation::Direct),
                    ("enterprise", Attestation::Enterprise),
                ],
            )?;
        }
        if members.value("attestationRoots").is_some() {
            for root in members.texts("attestationRoots")? {
                let roots = values::certificates(&root);
                policy
                    .attestation_roots
                    .extend(members.wrong("attestationRoots", roots)?);
            }
        }
        if let Some(now) = members.value("now") {
            policy.now = Some(members.wrong("now", values::moment(now))?);
        }
        Ok(policy)
    }
}

#[cfg(test)]
mod tests;
