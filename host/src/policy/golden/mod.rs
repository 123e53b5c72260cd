//! Golden tests: requests of which the bundle's author knows the answer.
//!
//! A test file brings its own facts, so that a bundle is proven before any
//! configuration is known. What a test asks must make sense: an action that does
//! not exist would be denied too, and its test would pass for the wrong reason.
//! The format is described in `policies/README.md`.

mod suite;

use self::suite::{Asked, Case};
use super::decision::{Decision, Question};
use super::error::Failure;
use super::rules::Rules;
use super::{Error, NO_RELYING_PARTY, action};

pub(super) use self::suite::Suite;

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

// === impl Report ===

impl Report {
    pub(super) fn run(rules: &Rules, suites: &[Suite]) -> Self {
        let rows = suites
            .iter()
            .flat_map(|suite| suite.cases.iter().map(|case| case.run(rules, suite)))
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

// === impl Case ===

impl Case {
    fn run(&self, rules: &Rules, suite: &Suite) -> Row {
        let (request, action, got) = match (&self.asked, &self.component) {
            (Asked::Interface(interface), Some(component)) => (
                format!("{} link {interface}", component.name),
                "link",
                Question::Link {
                    component,
                    interface,
                }
                .decide(rules, &suite.facts),
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
                    question.decide(rules, &suite.facts),
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
