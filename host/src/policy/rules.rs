//! The policies of a bundle over their schema, parsed and strictly validated, each
//! policy with an id of its own.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Entity, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::Error;
use super::facts::unfit;
use super::files::{File, Kind};
use super::trial::try_schema;

/// What Cedar is asked with.
#[derive(Debug)]
pub(super) struct Rules {
    schema: Schema,
    actions: HashMap<String, Entity>,
    policies: PolicySet,
    homes: BTreeMap<String, String>,
}

// === impl Rules ===

impl Rules {
    /// Parse and validate the schema and the policies among `files`.
    pub(super) fn read(files: &[File]) -> Result<Self, Error> {
        let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);
        let schema = schema(of_kind(Kind::Schema).next())?;
        let actions = actions(&schema)?;
        try_schema(&schema)?;
        let (policies, homes) = policies(of_kind(Kind::Policies))?;
        validate(&schema, &policies, &homes, files)?;
        Ok(Self {
            schema,
            actions,
            policies,
            homes,
        })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn policies(&self) -> &PolicySet {
        &self.policies
    }

    pub(super) fn action(&self, name: &str) -> Option<Entity> {
        self.actions.get(name).cloned()
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

fn actions(schema: &Schema) -> Result<HashMap<String, Entity>, Error> {
    let entities = schema
        .action_entities()
        .map_err(|error| unfit("Action", &error))?;
    Ok(entities
        .iter()
        .map(|entity| (entity.uid().id().unescaped().to_owned(), entity.clone()))
        .collect())
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
