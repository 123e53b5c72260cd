//! A bundle of policies: schema, policies and golden tests of one folder.
//!
//! A [`Draft`] has been parsed and strictly validated against the schema, the
//! schema has been tried against everything the host asks, and each policy has an
//! id of its own. A [`Bundle`] has in addition passed its golden tests; only a
//! bundle can get into a gate. Both never change: a new folder is a new bundle.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Context, Entities, Entity, PolicyId, PolicySet, Request, RestrictedExpression};
use cedar_policy::{Schema, ValidationMode, Validator};

use super::facts::{Facts, Names, unfit};
use super::files::{self, File, Kind};
use super::golden::{Report, Suite};
use super::{Error, Interface, Signers, action};
use crate::audit::ComponentIdentity;

/// Policies that are valid, their golden tests not yet run.
#[derive(Debug)]
pub struct Draft {
    schema: Schema,
    actions: HashMap<String, Entity>,
    policies: PolicySet,
    /// The file of each policy, by id.
    homes: BTreeMap<String, String>,
    suites: Vec<Suite>,
    signers: Signers,
    /// Where more signers are, for the next reload.
    more_signers: Option<PathBuf>,
    files: usize,
    digest: String,
}

/// Policies that have passed everything and may be put in force.
#[derive(Debug)]
pub struct Bundle(Draft);

// === impl Bundle ===

impl Bundle {
    /// Read a policy folder, validate it and run its golden tests. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// Whatever is wrong first, with file, policy id or test, and what is expected.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        Self::load_with_signers(folder, None)
    }

    /// The same with more signers than those in the policy folder: the `*.toml`
    /// files of the folder `more`.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn load_with_signers(folder: &Path, more: Option<&Path>) -> Result<Self, Error> {
        Draft::read_with_signers(folder, more)?.prove()
    }

    /// Who may sign components.
    pub fn signers(&self) -> &Signers {
        &self.0.signers
    }

    pub(super) fn more_signers(&self) -> Option<&Path> {
        self.0.more_signers.as_deref()
    }

    /// SHA-256 over all files of the bundle but prose, lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        self.0.digest()
    }

    /// How many policies are in force.
    pub fn len(&self) -> usize {
        self.0.homes.len()
    }

    /// Whether nothing is permitted to anybody.
    pub fn is_empty(&self) -> bool {
        self.0.homes.is_empty()
    }

    pub(super) fn draft(&self) -> &Draft {
        &self.0
    }
}

// === impl Draft ===

impl Draft {
    /// Read and validate a policy folder without running its golden tests, for
    /// those who want to see them fail one by one.
    ///
    /// # Errors
    /// As [`Bundle::load`], but for failing tests.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        Self::read_with_signers(folder, None)
    }

    /// See [`Bundle::load_with_signers`].
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_with_signers(folder: &Path, more: Option<&Path>) -> Result<Self, Error> {
        let files = files::read(folder, more)?;
        let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);

        let schema = schema(of_kind(Kind::Schema).next())?;
        let actions = actions(&schema)?;
        try_schema(&schema)?;
        let (policies, homes) = policies(of_kind(Kind::Policies))?;
        validate(&schema, &policies, &homes, &files)?;
        let suites = of_kind(Kind::Tests)
            .map(|file| Suite::parse(&file.path, &file.text, &schema))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            schema,
            actions,
            policies,
            homes,
            suites,
            signers: Signers::read(of_kind(Kind::Signers))?,
            more_signers: more.map(Path::to_owned),
            files: files.len(),
            digest: files::digest(&files),
        })
    }

    /// Run the golden tests.
    pub fn report(&self) -> Report {
        Report::run(self, &self.suites)
    }

    /// Make it a bundle.
    ///
    /// # Errors
    /// [`Error::Golden`] when a golden test fails.
    pub fn prove(self) -> Result<Bundle, Error> {
        match self.report().into_error() {
            Some(error) => Err(error),
            None => Ok(Bundle(self)),
        }
    }

    /// See [`Bundle::digest`].
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many files were read, prose not counted.
    pub fn files(&self) -> usize {
        self.files
    }

    /// The ids of all policies, each with its file.
    pub fn homes(&self) -> &BTreeMap<String, String> {
        &self.homes
    }

    /// See [`Bundle::signers`].
    pub fn signers(&self) -> &Signers {
        &self.signers
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

/// Ask every kind of question once, so that a schema that can't express it is
/// refused now and not by denials later.
fn try_schema(schema: &Schema) -> Result<(), Error> {
    let names = Names::new()?;
    let example = (
        "example.com".to_owned(),
        vec!["spiffe://example.com/caller".to_owned()],
    );
    let facts = Facts::new(schema, std::slice::from_ref(&example))?;
    let nothing = String::new;
    let component = names.component(&ComponentIdentity {
        name: "c".into(),
        digest: nothing(),
        revision: nothing(),
    })?;
    let interface =
        Interface::parse("zeropass:host/log@1").map_err(|error| unfit("Interface", &error))?;
    let interface = names.interface(&interface)?;
    Entities::from_entities([component.clone(), interface.clone()], Some(schema))
        .map_err(|error| unfit("Component, Interface", &error))?;

    let workload = facts.workload("spiffe://example.com/caller")?.uid();
    let call = || {
        let workload = RestrictedExpression::new_entity_uid(workload.clone());
        Context::from_pairs([("workload".to_owned(), workload)])
            .map_err(|error| unfit("workload", &error))
    };
    let Some(party) = facts.relying_party(None).map(Entity::uid) else {
        return Ok(());
    };
    let ask = |principal, name: &str, resource, context| {
        Request::new(
            principal,
            names.action(name),
            resource,
            context,
            Some(schema),
        )
        .map(drop)
        .map_err(|error| unfit(name, &error))
    };
    ask(component.uid(), "link", interface.uid(), Context::empty())?;
    let operator = names.operator("spiffe://example.com/operator")?.uid();
    let host = names.host()?.uid();
    for name in action::OPERATOR {
        let resource = match name.starts_with("components.") {
            true => component.uid(),
            false => host.clone(),
        };
        ask(operator.clone(), name, resource, Context::empty())?;
    }
    for name in action::ALL {
        if name.starts_with("api.") {
            ask(workload.clone(), name, party.clone(), Context::empty())?;
        } else {
            ask(component.uid(), name, party.clone(), call()?)?;
        }
    }
    Ok(())
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
