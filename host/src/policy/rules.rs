//! The policies of a bundle over their schema, parsed and strictly validated, each
//! policy with an id of its own.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Entities, Entity, EntityUid, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};

use super::Error;
use super::facts::unfit;
use super::files::{File, Kind};
use super::trial::try_schema;

/// What Cedar is asked with.
#[derive(Debug)]
pub(super) struct Rules {
    schema: Schema,
    actions: HashMap<String, Action>,
    homes: BTreeMap<String, String>,
}

/// An action, and the policies that can have a say in it.
#[derive(Debug)]
struct Action {
    entity: Entity,
    policies: PolicySet,
}

// === impl Rules ===

impl Rules {
    /// Parse and validate the schema and the policies among `files`.
    pub(super) fn read(files: &[File]) -> Result<Self, Error> {
        let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);
        let schema = schema(of_kind(Kind::Schema).next())?;
        try_schema(&schema)?;
        let (policies, homes) = policies(of_kind(Kind::Policies))?;
        validate(&schema, &policies, &homes, files)?;
        let actions = actions(&schema, &policies)?;
        Ok(Self {
            schema,
            actions,
            homes,
        })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// An action of the schema, and the policies whose scope has it: the scope comes
    /// before all conditions, so that the others are neither satisfied nor can they fail.
    pub(super) fn action(&self, name: &str) -> Option<(&Entity, &PolicySet)> {
        let action = self.actions.get(name)?;
        Some((&action.entity, &action.policies))
    }

    /// The file of each policy, by id.
    pub(super) fn homes(&self) -> &BTreeMap<String, String> {
        &self.homes
    }
}

fn schema(file: Option<&File>) -> Result<Schema, Error> {
    let name = "schema.cedarschema";
    let Some(file) = file else {
        let reason = "missing; expected the Cedar schema delivered with zeropass".to_owned();
        return Err(Error::Schema {
            path: name.into(),
            reason,
        });
    };
    let refuse = |place: String, reason| Error::Schema {
        path: place,
        reason,
    };
    let (schema, warnings) = Schema::from_cedarschema_str(&file.text).map_err(|error| {
        let error = DetailedError::from(&error);
        refuse(place(file, &error), say(&error))
    })?;
    match warnings.map(|warning| DetailedError::from(&warning)).next() {
        Some(warning) => Err(refuse(place(file, &warning), say(&warning))),
        None => Ok(schema),
    }
}

fn actions(schema: &Schema, policies: &PolicySet) -> Result<HashMap<String, Action>, Error> {
    let refuse = |error: &dyn std::fmt::Display| unfit("Action", error);
    let entities = schema.action_entities().map_err(|error| refuse(&error))?;
    let mut actions = HashMap::new();
    for entity in entities.iter() {
        let action = Action {
            entity: entity.clone(),
            policies: about(&entity.uid(), &entities, policies).map_err(|error| refuse(&error))?,
        };
        actions.insert(entity.uid().id().unescaped().to_owned(), action);
    }
    Ok(actions)
}

/// Of all policies those whose scope has the action, by itself or by a group of it.
fn about(
    action: &EntityUid,
    all: &Entities,
    policies: &PolicySet,
) -> Result<PolicySet, Box<cedar_policy::PolicySetError>> {
    let groups: Vec<_> = all.ancestors(action).into_iter().flatten().collect();
    let has = |named: &EntityUid| named == action || groups.contains(&named);
    let mut about = PolicySet::new();
    for policy in policies.policies() {
        let concerns = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(named) => named == *action,
            ActionConstraint::In(named) => named.iter().any(has),
        };
        if concerns {
            about.add(policy.clone()).map_err(Box::new)?;
        }
    }
    Ok(about)
}

fn policies<'a>(
    files: impl Iterator<Item = &'a File>,
) -> Result<(PolicySet, BTreeMap<String, String>), Error> {
    let mut all = PolicySet::new();
    let mut homes: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let parsed: PolicySet = file
            .text
            .parse()
            .map_err(|error: cedar_policy::ParseErrors| {
                let error = DetailedError::from(&error);
                Error::Syntax {
                    path: place(file, &error),
                    reason: say(&error),
                }
            })?;
        let path = || file.path.clone();
        if parsed.templates().next().is_some() {
            return Err(Error::Template { path: path() });
        }
        // Cedar numbers the policies of a text from `policy0`.
        let number = |id: &PolicyId| {
            id.to_string()
                .trim_start_matches("policy")
                .parse()
                .unwrap_or(0_usize)
                + 1
        };
        let mut policies: Vec<_> = parsed.policies().collect();
        policies.sort_by_key(|policy| number(policy.id()));
        for policy in policies {
            let Some(id) = policy.annotation("id").map(str::to_owned) else {
                return Err(Error::MissingId {
                    path: path(),
                    number: number(policy.id()),
                });
            };
            if !is_policy_id(&id) {
                return Err(Error::MalformedId { path: path(), id });
            }
            if let Some(first) = homes.insert(id.clone(), path()) {
                return Err(Error::DuplicateId {
                    path: path(),
                    id,
                    first,
                });
            }
            all.add(policy.new_id(PolicyId::new(&id)))
                .map_err(|error| Error::Syntax {
                    path: path(),
                    reason: error.to_string(),
                })?;
        }
    }
    Ok((all, homes))
}

fn is_policy_id(id: &str) -> bool {
    (1..=100).contains(&id.len())
        && id.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
        })
}

/// Strict validation. Warnings are refused too: a policy that can never apply,
/// or whose text reads other than it is, is a mistake or a trick.
fn validate(
    schema: &Schema,
    policies: &PolicySet,
    homes: &BTreeMap<String, String>,
    files: &[File],
) -> Result<(), Error> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| (error.policy_id(), DetailedError::from(error)));
    let warnings = result
        .validation_warnings()
        .map(|warning| (warning.policy_id(), DetailedError::from(warning)));
    let Some((id, error)) = errors.chain(warnings).next() else {
        return Ok(());
    };
    let policy = id.to_string();
    let home = homes.get(&policy).cloned().unwrap_or_default();
    let path = match files.iter().find(|file| file.path == home) {
        Some(file) => place(file, &error),
        None => home,
    };
    Err(Error::Invalid {
        path,
        policy,
        reason: say(&error),
    })
}

/// The file, with the line where Cedar points at one.
fn place(file: &File, error: &DetailedError) -> String {
    let start = error.source_locations.first().map(|label| label.loc.start);
    match start.and_then(|start| file.text.get(..start)) {
        Some(before) => format!("{}:{}", file.path, before.matches('\n').count() + 1),
        None => file.path.clone(),
    }
}

/// What Cedar found, what it stumbled over, and its hint.
fn say(error: &DetailedError) -> String {
    let label = error
        .source_locations
        .iter()
        .find_map(|label| label.label.clone());
    [Some(error.message.clone()), label, error.help.clone()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"
        entity Person; entity Thing;
        action "all";
        action "look", "take" in ["all"] appliesTo { principal: Person, resource: Thing };
        action "other" appliesTo { principal: Person, resource: Thing };
    "#;

    const POLICIES: &str = r#"
        @id("any") permit (principal, action, resource);
        @id("group") permit (principal, action in [Action::"all"], resource);
        @id("one") forbid (principal, action == Action::"take", resource);
        @id("two") permit (principal, action in [Action::"look", Action::"other"], resource);
    "#;

    #[test]
    fn action_is_judged_by_the_policies_that_name_it_its_group_or_anything() {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let parsed: PolicySet = POLICIES.parse().unwrap();
        let actions = actions(&schema, &parsed).unwrap();
        let about = |action: &str| {
            let policies = actions[action].policies.policies();
            let ids = policies.map(|policy| policy.annotation("id").unwrap().to_owned());
            let mut ids: Vec<String> = ids.collect();
            ids.sort();
            ids.join(" ")
        };
        assert_eq!(about("look"), "any group two");
        assert_eq!(about("take"), "any group one");
        assert_eq!(about("other"), "any two");
        assert_eq!(about("all"), "any group");
    }
}
