//! Golden tests: requests of which the bundle's author knows the answer.
//!
//! A test file brings its own facts, so that a bundle is proven before any
//! configuration is known. What a test asks must make sense: an action that does
//! not exist would be denied too, and its test would pass for the wrong reason.
//! The format is described in `policies/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Schema;
use serde::Deserialize;

use super::bundle::Draft;
use super::decision::{Decision, Question};
use super::error::Failure;
use super::facts::Facts;
use super::{Error, Interface, NO_RELYING_PARTY, action};
use crate::audit::ComponentIdentity;

/// What came of all golden tests of a bundle.
#[derive(Debug)]
pub struct Report {
    /// One row for each request, in the order of files and tests.
    pub rows: Vec<Row>,
}

/// One request of a golden test.
#[derive(Debug)]
pub struct Row {
    /// The test file, relative to the policy folder.
    pub file: String,
    /// The test's name.
    pub test: String,
    /// Who asked for what, for people.
    pub request: String,
    /// The action asked for, or `link`.
    pub action: String,
    /// Whether the test expects the request to be allowed.
    pub expect_allowed: bool,
    /// The policies that the test expects to decide, sorted.
    pub expect_policies: Vec<String>,
    /// What the policies said.
    pub got: Decision,
}

/// A test file, parsed.
#[derive(Debug)]
pub(super) struct Suite {
    path: String,
    facts: Facts,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    test: String,
    component: Option<ComponentIdentity>,
    operator: Option<String>,
    workload: String,
    relying_party: Option<String>,
    asked: Asked,
    expect_allowed: bool,
    expect_policies: Vec<String>,
}

#[derive(Debug)]
enum Asked {
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

// === impl Report ===

impl Report {
    pub(super) fn run(draft: &Draft, suites: &[Suite]) -> Self {
        let rows = suites
            .iter()
            .flat_map(|suite| suite.cases.iter().map(|case| case.run(draft, suite)))
            .collect();
        Self { rows }
    }

    /// How many requests got another answer than expected.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| !row.passed()).count()
    }

    /// The actions that no test expects to be allowed to anybody.
    pub fn never_allowed(&self) -> Vec<&'static str> {
        let allowed = |name: &str| {
            self.rows
                .iter()
                .any(|row| row.expect_allowed && row.action == name)
        };
        action::ALL
            .iter()
            .chain(action::OPERATOR)
            .copied()
            .filter(|name| !allowed(name))
            .collect()
    }

    /// The first failure as an error.
    pub(super) fn into_error(self) -> Option<Error> {
        let (failed, total) = (self.failed(), self.rows.len());
        let row = self.rows.into_iter().find(|row| !row.passed())?;
        Some(Error::Golden(Box::new(Failure {
            expected: said(row.expect_allowed, &row.expect_policies),
            got: said(row.got.allowed, &row.got.policies),
            path: row.file,
            test: row.test,
            request: row.request,
            failed,
            total,
        })))
    }
}

fn said(allowed: bool, policies: &[String]) -> String {
    let word = if allowed { "allow" } else { "deny" };
    match policies {
        [] => format!("{word} by no policy"),
        ids => format!("{word} by {}", ids.join(", ")),
    }
}

// === impl Row ===

impl Row {
    /// Whether decision and deciding policies are as expected.
    pub fn passed(&self) -> bool {
        self.got.allowed == self.expect_allowed && *self.got.policies == *self.expect_policies
    }
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

// === impl Case ===

impl Case {
    fn run(&self, draft: &Draft, suite: &Suite) -> Row {
        let (request, action, got) = match (&self.asked, &self.component) {
            (Asked::Interface(interface), Some(component)) => (
                format!("{} link {interface}", component.name),
                "link",
                Question::Link {
                    component,
                    interface,
                }
                .decide(draft, &suite.facts),
            ),
            // A test that asks for interfaces has a component, see `cases`.
            (Asked::Interface(interface), None) => {
                (format!("link {interface}"), "link", Decision::denied())
            }
            (Asked::Action(action), component) => {
                let question = match &self.operator {
                    Some(operator) => Question::Operate {
                        operator,
                        action,
                        component: component.as_ref(),
                    },
                    None => Question::Call {
                        component: component.as_ref(),
                        workload: &self.workload,
                        action,
                        relying_party: self.relying_party.as_deref(),
                    },
                };
                (
                    self.describe(action),
                    action.as_str(),
                    question.decide(draft, &suite.facts),
                )
            }
        };
        Row {
            file: suite.path.clone(),
            test: self.test.clone(),
            request,
            action: action.to_owned(),
            expect_allowed: self.expect_allowed,
            expect_policies: self.expect_policies.clone(),
            got,
        }
    }

    fn describe(&self, action: &str) -> String {
        if let Some(operator) = &self.operator {
            let on = self.component.as_ref().map_or("the host", |one| &one.name);
            return format!("{operator} {action} on {on}");
        }
        let party = self.relying_party.as_deref().unwrap_or(NO_RELYING_PARTY);
        match &self.component {
            Some(component) => format!(
                "{} {action} on {party} for {}",
                component.name, self.workload
            ),
            None => format!("{} {action} on {party}", self.workload),
        }
    }
}
