//! A question to policy, and the one place where Cedar is asked.
//!
//! Cedar skips a policy that fails to evaluate, a forbid as well as a permit.
//! Here any such failure denies the question, whatever the others say.

use std::sync::{Arc, LazyLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, Request, RestrictedExpression,
};

use super::facts::Facts;
use super::interface::Interface;
use super::rules::Rules;
use crate::audit::ComponentIdentity;

/// What policy says to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The ids of the policies that decided, sorted: of an allowed question its
    /// permits; of a denied one its forbids, or the policies that failed to
    /// evaluate; none where nothing permitted it.
    pub policies: Arc<[String]>,
}

/// A question to policy.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question<'a> {
    /// May the component import the interface?
    Link {
        component: &'a ComponentIdentity,
        interface: &'a Interface,
    },
    /// May the component, or the workload itself where there is none, take the
    /// action on a relying party, or on none?
    Call {
        component: Option<&'a ComponentIdentity>,
        workload: &'a str,
        action: &'a str,
        relying_party: Option<&'a str>,
    },
    /// May the operator take the action on a revision of a component, or on the host
    /// where none is concerned?
    Operate {
        operator: &'a str,
        action: &'a str,
        component: Option<&'a ComponentIdentity>,
    },
}

// === impl Decision ===

impl Decision {
    /// Denied because nothing permits it. Costs no allocation.
    pub(super) fn denied() -> Self {
        static NONE: LazyLock<Arc<[String]>> = LazyLock::new(|| Arc::new([]));
        Self {
            allowed: false,
            policies: Arc::clone(&NONE),
        }
    }
}

/// Cedar denies when less than 100 KiB of its thread's stack seem to be left. A
/// component's calls arrive on a stack of the sandbox, which it can't measure: it
/// then reads nothing left, and would deny everything. So it gets a stack of its own
/// where the present one looks short. Decisions are cached; this happens rarely.
const STACK_NEEDED: usize = 256 << 10;
const STACK_GIVEN: usize = 1 << 20;

// === impl Question ===

impl Question<'_> {
    /// The answer of `rules`, given `facts`. What can't be asked is denied.
    pub fn decide(&self, rules: &Rules, facts: &Facts) -> Decision {
        stacker::maybe_grow(STACK_NEEDED, STACK_GIVEN, || self.ask(rules, facts)).unwrap_or_else(
            |error| {
                tracing::error!(question = ?self, %error, "policy could not be asked: denied");
                Decision::denied()
            },
        )
    }

    fn ask(&self, rules: &Rules, facts: &Facts) -> Result<Decision, Box<dyn std::error::Error>> {
        let names = facts.names();
        let (action, entities, context) = match *self {
            Self::Link {
                component,
                interface,
            } => (
                "link",
                vec![names.component(component)?, names.interface(interface)?],
                Context::empty(),
            ),
            Self::Operate {
                operator,
                action,
                component,
            } => (
                action,
                vec![
                    names.operator(operator)?,
                    match component {
                        Some(component) => names.component(component)?,
                        None => names.host()?,
                    },
                ],
                Context::empty(),
            ),
            Self::Call {
                component,
                workload,
                action,
                relying_party,
            } => {
                let Some(resource) = facts.relying_party(relying_party).cloned() else {
                    return Ok(Decision::denied());
                };
                let workload = facts.workload(workload)?;
                match component {
                    None => (action, vec![workload, resource], Context::empty()),
                    Some(component) => {
                        let caller = RestrictedExpression::new_entity_uid(workload.uid());
                        let context = Context::from_pairs([("workload".to_owned(), caller)])?;
                        (
                            action,
                            vec![names.component(component)?, resource, workload],
                            context,
                        )
                    }
                }
            }
        };
        let [principal, resource, ..] = entities.as_slice() else {
            return Ok(Decision::denied());
        };
        let request = Request::new(
            principal.uid(),
            names.action(action),
            resource.uid(),
            context,
            Some(rules.schema()),
        )?;
        let Some((action, policies)) = rules.action(action) else {
            return Ok(Decision::denied());
        };
        // The action comes along because it knows its groups.
        let all = entities.into_iter().chain([action.clone()]);
        let entities = Entities::from_entities(all, None)?;
        let response = Authorizer::new().is_authorized(&request, policies, &entities);

        let failed: Vec<String> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(failure)| {
                tracing::error!(policy = %failure.policy_id(), question = ?self, %failure, "a policy failed: denied");
                failure.policy_id().to_string()
            })
            .collect();
        Ok(if failed.is_empty() {
            let allowed = response.decision() == cedar_policy::Decision::Allow;
            Decision {
                allowed,
                policies: sorted(
                    response
                        .diagnostics()
                        .reason()
                        .map(ToString::to_string)
                        .collect(),
                ),
            }
        } else {
            Decision {
                allowed: false,
                policies: sorted(failed),
            }
        })
    }
}

fn sorted(mut ids: Vec<String>) -> Arc<[String]> {
    ids.sort_unstable();
    ids.into()
}
