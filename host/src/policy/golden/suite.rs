//! A test file: its form, and the requests that come of it.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Schema;
use serde::Deserialize;

use crate::audit::ComponentIdentity;
use crate::policy::facts::Facts;
use crate::policy::{Error, Interface, action};

/// A test file, parsed.
#[derive(Debug)]
pub(in crate::policy) struct Suite {
    pub(super) path: String,
    pub(super) facts: Facts,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) test: String,
    pub(super) component: Option<ComponentIdentity>,
    pub(super) operator: Option<String>,
    pub(super) workload: String,
    pub(super) relying_party: Option<String>,
    pub(super) asked: Asked,
    pub(super) expect_allowed: bool,
    pub(super) expect_policies: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Asked {
    Interface(Interface),
    Action(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FileForm {
    #[serde(default)]
    relying_parties: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    components: BTreeMap<String, RevisionForm>,
    tests: Vec<TestForm>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
struct RevisionForm {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    revision: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TestForm {
    name: String,
    component: Option<String>,
    workload: Option<String>,
    operator: Option<String>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    interfaces: Vec<String>,
    relying_party: Option<String>,
    expect: Expect,
    #[serde(default)]
    policies: BTreeSet<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Allow,
    Deny,
}

// === impl Suite ===

impl Suite {
    pub fn parse(path: &str, text: &str, schema: &Schema) -> Result<Self, Error> {
        let refuse = |reason: String| Error::TestFile {
            path: path.to_owned(),
            reason,
        };
        let form: FileForm =
            serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let bindings: Vec<_> = form.relying_parties.into_iter().collect();
        let facts = Facts::new(schema, &bindings).map_err(|error| refuse(error.to_string()))?;
        let mut cases = Vec::new();
        for test in form.tests {
            let name = test.name.clone();
            cases.extend(
                test.cases(&facts, &form.components)
                    .map_err(|reason| refuse(format!("golden test \"{name}\": {reason}")))?,
            );
        }
        Ok(Self {
            path: path.to_owned(),
            facts,
            cases,
        })
    }
}

// === impl TestForm ===

impl TestForm {
    /// One case for each action and interface.
    fn cases(
        self,
        facts: &Facts,
        revisions: &BTreeMap<String, RevisionForm>,
    ) -> Result<Vec<Case>, String> {
        if self.interfaces.is_empty() == self.actions.is_empty() {
            return Err(
                "expected either `actions` or `interfaces`, with at least one entry".into(),
            );
        }
        if self.expect == Expect::Allow && self.policies.is_empty() {
            return Err("expected `policies`: the ids that allow it".into());
        }
        if !self.interfaces.is_empty()
            && (self.component.is_none()
                || self.workload.is_some()
                || self.operator.is_some()
                || self.relying_party.is_some())
        {
            return Err(
                "`interfaces` are asked for a `component`, without `workload` or `relyingParty`"
                    .into(),
            );
        }
        if !self.actions.is_empty() && self.workload.is_some() == self.operator.is_some() {
            return Err(
                "expected either `workload`, the caller of the request, or `operator`".into(),
            );
        }
        if self.operator.is_some() && self.relying_party.is_some() {
            return Err(
                "`operator` acts on a component or on the host, on no relying party".into(),
            );
        }
        if let Some(id) = self.relying_party.as_deref().filter(|id| !facts.knows(id)) {
            return Err(format!(
                "relying party `{id}` is not in `relyingParties` of this file"
            ));
        }
        let mut asked = Vec::new();
        for text in &self.interfaces {
            asked.push(Asked::Interface(
                Interface::parse(text).map_err(|error| error.to_string())?,
            ));
        }
        for name in self.actions {
            let operators = action::OPERATOR.contains(&name.as_str());
            if !operators && !action::ALL.contains(&name.as_str()) {
                return Err(format!("action `{name}` is none that the host asks for"));
            }
            if operators != self.operator.is_some() {
                return Err(format!(
                    "action `{name}`: who takes it is {}",
                    match operators {
                        true => "an `operator`",
                        false => "a `workload`, not an `operator`",
                    }
                ));
            }
            if operators {
                if name.starts_with("components.") != self.component.is_some() {
                    return Err(format!(
                        "action `{name}`: `components.` actions are on a `component`, all others on the host"
                    ));
                }
                asked.push(Asked::Action(name));
                continue;
            }
            if name.starts_with("api.") == self.component.is_some() {
                return Err(format!(
                    "action `{name}`: `api.` actions are a workload's own, all others a component's"
                ));
            }
            asked.push(Asked::Action(name));
        }
        let component = self.component.map(|name| {
            let RevisionForm { digest, revision } =
                revisions.get(&name).cloned().unwrap_or_default();
            ComponentIdentity {
                name,
                digest,
                revision,
            }
        });
        let expect_policies: Vec<String> = self.policies.into_iter().collect();
        Ok(asked
            .into_iter()
            .map(|asked| Case {
                test: self.name.clone(),
                component: component.clone(),
                operator: self.operator.clone(),
                workload: self.workload.clone().unwrap_or_default(),
                relying_party: self.relying_party.clone(),
                asked,
                expect_allowed: self.expect == Expect::Allow,
                expect_policies: expect_policies.clone(),
            })
            .collect())
    }
}
