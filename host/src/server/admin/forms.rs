//! What the admin API says and hears, as JSON.

use serde::{Deserialize, Serialize};

use crate::audit::ComponentIdentity;
use crate::clock::rfc3339;
use crate::registry::rollout::{Overview, Pushed, Running};
use crate::store::rollouts::{HistoryEntry, HostReport, RevisionInfo};

/// `POST /v1/components/{name}/revisions` without a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pull {
    /// `oci://HOST/REPOSITORY@sha256:DIGEST`.
    pub(super) oci: String,
}

/// `POST /v1/components/{name}/activate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Activate {
    /// A digest, the beginning of one, or a version.
    pub(super) revision: String,
    /// Per cent.
    pub(super) canary: Option<u64>,
    #[serde(default)]
    pub(super) rollback: bool,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) reason: String,
}

/// `POST /v1/components/{name}/rollback`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RollBack {
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Components {
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    name: String,
    epoch: u64,
    stable: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<Canary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    revisions: Vec<Revision>,
    hosts: Vec<Host>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Canary {
    digest: String,
    weight: u8,
    /// Calls that ended well on the host that answers.
    healthy_calls: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    digest: String,
    version: String,
    size: u64,
    pushed_at: String,
    pushed_by: String,
    /// `stable`, `canary`, `previous` or `-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    serves: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Host {
    host: String,
    component: String,
    epoch: u64,
    stable: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    problem: String,
    seen_at: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Push {
    #[serde(flatten)]
    revision: Revision,
    new: bool,
    #[serde(rename = "dryRun")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

#[derive(Debug, Serialize)]
struct Held {
    code: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct History {
    pub(super) history: Vec<Change>,
}

#[derive(Debug, Serialize)]
pub(super) struct Change {
    epoch: u64,
    time: String,
    who: String,
    what: String,
    from: String,
    to: String,
    why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    pub(super) epoch: u64,
    pub(super) digest: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) dry_run: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) host: String,
    pub(super) version: &'static str,
    pub(super) policy: Policy,
    pub(super) components: Vec<Runs>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runs {
    name: &'static str,
    stable: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<Identity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Identity>,
}

#[derive(Debug, Serialize)]
struct Identity {
    digest: String,
    version: String,
}

impl From<Overview> for Component {
    fn from(overview: Overview) -> Self {
        let Overview {
            state,
            running,
            revisions,
            hosts,
        } = overview;
        let previous = state.predecessors.last().cloned();
        let serves = |digest: &str| {
            if state.stable == digest {
                Some("stable")
            } else if state
                .canary
                .as_ref()
                .is_some_and(|one| one.digest == digest)
            {
                Some("canary")
            } else if previous.as_deref() == Some(digest) {
                Some("previous")
            } else {
                None
            }
        };
        let revisions = revisions
            .into_iter()
            .map(|info| Revision {
                serves: serves(&info.digest),
                ..Revision::from(info)
            })
            .collect();
        Self {
            revisions,
            name: state.component,
            epoch: state.epoch,
            stable: state.stable,
            canary: state.canary.map(|canary| Canary {
                digest: canary.digest,
                weight: canary.weight,
                healthy_calls: running.healthy,
            }),
            previous,
            hosts: hosts.into_iter().map(Host::from).collect(),
        }
    }
}

impl From<RevisionInfo> for Revision {
    fn from(info: RevisionInfo) -> Self {
        Self {
            digest: info.digest,
            version: info.version,
            size: info.size,
            pushed_at: rfc3339(info.pushed_at),
            pushed_by: info.pushed_by,
            serves: None,
        }
    }
}

impl From<HostReport> for Host {
    fn from(report: HostReport) -> Self {
        Self {
            host: report.host,
            component: report.component,
            epoch: report.epoch,
            stable: report.stable,
            canary: report.canary,
            problem: report.problem,
            seen_at: rfc3339(report.seen_at),
        }
    }
}

impl Push {
    pub(super) fn of(pushed: Pushed, dry_run: bool) -> Self {
        Self {
            revision: pushed.info.into(),
            new: pushed.new,
            dry_run,
            held: pushed.held.map(|refusal| Held {
                code: refusal.code(),
                reason: refusal.refusal.to_string(),
            }),
        }
    }
}

impl From<HistoryEntry> for Change {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            epoch: entry.epoch,
            time: rfc3339(entry.time),
            who: entry.who,
            what: entry.what,
            from: entry.from,
            to: entry.to,
            why: entry.why,
        }
    }
}

impl From<&ComponentIdentity> for Identity {
    fn from(identity: &ComponentIdentity) -> Self {
        Self {
            digest: identity.digest.clone(),
            version: identity.revision.clone(),
        }
    }
}

impl From<(&'static str, Running)> for Runs {
    fn from((name, running): (&'static str, Running)) -> Self {
        Self {
            name,
            stable: Identity::from(&*running.stable),
            weight: running.canary.as_ref().map(|(_, weight)| *weight),
            canary: running.canary.map(|(canary, _)| Identity::from(&*canary)),
            previous: running.previous.map(|previous| Identity::from(&*previous)),
        }
    }
}
