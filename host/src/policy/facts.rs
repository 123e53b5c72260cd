//! The facts that policies judge: which workload is bound to which relying party.
//!
//! Facts come from the host's configuration (or from a golden test), are turned
//! into Cedar entities once, and are checked against the schema then.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;

use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};

use super::interface::Interface;
use super::{Error, NO_RELYING_PARTY};
use crate::audit::ComponentIdentity;

/// The entities of one configuration.
#[derive(Debug)]
pub(super) struct Facts {
    names: Names,
    relying_parties: BTreeMap<String, Entity>,
    no_relying_party: Entity,
    workloads: HashMap<String, Entity>,
}

/// The one host that policies can name: the one that asks.
const THIS_HOST: &str = "this";

/// The entity types of the schema, parsed once, and how entities are made of them.
#[derive(Debug)]
pub(super) struct Names {
    action: EntityTypeName,
    component: EntityTypeName,
    interface: EntityTypeName,
    relying_party: EntityTypeName,
    workload: EntityTypeName,
    operator: EntityTypeName,
    host: EntityTypeName,
}

// === impl Facts ===

impl Facts {
    /// The facts of `bindings`: each relying party with the workloads bound to it.
    pub fn new(schema: &Schema, bindings: &[(String, Vec<String>)]) -> Result<Self, Error> {
        let names = Names::new()?;
        let mut by_party: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut by_workload: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, workloads) in bindings {
            let refuse = |reason: &str| Error::RelyingParty {
                id: id.clone(),
                reason: reason.into(),
            };
            if id.is_empty() || id == NO_RELYING_PARTY {
                return Err(refuse(
                    "not an id that a relying party can have; expected a domain",
                ));
            }
            if by_party
                .insert(id, workloads.iter().map(String::as_str).collect())
                .is_some()
            {
                return Err(refuse("configured twice; expected each id once"));
            }
            for workload in workloads {
                by_workload.entry(workload).or_default().insert(id);
            }
        }

        let relying_parties = by_party
            .into_iter()
            .map(|(id, workloads)| Ok((id.to_owned(), names.relying_party(id, workloads)?)))
            .collect::<Result<BTreeMap<_, _>, Error>>()?;
        let workloads = by_workload
            .into_iter()
            .map(|(id, parties)| Ok((id.to_owned(), names.workload(id, parties)?)))
            .collect::<Result<HashMap<_, _>, Error>>()?;
        let no_relying_party = names.relying_party(NO_RELYING_PARTY, [])?;

        let all = relying_parties
            .values()
            .chain(workloads.values())
            .chain([&no_relying_party]);
        Entities::from_entities(all.cloned(), Some(schema))
            .map_err(|error| unfit("RelyingParty", &error))?;
        Ok(Self {
            names,
            relying_parties,
            no_relying_party,
            workloads,
        })
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The ids of all relying parties, sorted.
    pub fn relying_parties(&self) -> impl Iterator<Item = &str> {
        self.relying_parties.keys().map(String::as_str)
    }

    /// Whether the configuration knows `id`.
    pub fn knows(&self, id: &str) -> bool {
        self.relying_parties.contains_key(id)
    }

    /// The entity of a relying party, or of none.
    pub fn relying_party(&self, id: Option<&str>) -> Option<&Entity> {
        match id {
            Some(id) => self.relying_parties.get(id),
            None => Some(&self.no_relying_party),
        }
    }

    /// The entity of a workload; bound to nothing where the configuration has none.
    pub fn workload(&self, id: &str) -> Result<Entity, Error> {
        match self.workloads.get(id) {
            Some(entity) => Ok(entity.clone()),
            None => self.names.workload(id, []),
        }
    }
}

// === impl Names ===

impl Names {
    pub fn new() -> Result<Self, Error> {
        let name = |text: &str| text.parse().map_err(|error| unfit(text, &error));
        Ok(Self {
            action: name("Action")?,
            component: name("Component")?,
            interface: name("Interface")?,
            relying_party: name("RelyingParty")?,
            workload: name("Workload")?,
            operator: name("Operator")?,
            host: name("Host")?,
        })
    }

    pub fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }

    pub fn component(&self, identity: &ComponentIdentity) -> Result<Entity, Error> {
        let attributes = [
            (
                "digest",
                RestrictedExpression::new_string(identity.digest.clone()),
            ),
            (
                "revision",
                RestrictedExpression::new_string(identity.revision.clone()),
            ),
        ];
        entity(uid(&self.component, &identity.name), attributes)
    }

    /// An operator by its SPIFFE id, told apart by where it is in its trust domain.
    pub fn operator(&self, id: &str) -> Result<Entity, Error> {
        let rest = id.strip_prefix("spiffe://").unwrap_or_default();
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let attributes = [("trustDomain", text(domain)), ("path", text(path))];
        entity(uid(&self.operator, id), attributes)
    }

    /// The host itself.
    pub fn host(&self) -> Result<Entity, Error> {
        entity(uid(&self.host, THIS_HOST), [])
    }

    pub fn interface(&self, interface: &Interface) -> Result<Entity, Error> {
        let package = RestrictedExpression::new_string(interface.package().to_owned());
        entity(uid(&self.interface, interface.id()), [("package", package)])
    }

    fn relying_party<'a>(
        &self,
        id: &str,
        workloads: impl IntoIterator<Item = &'a str>,
    ) -> Result<Entity, Error> {
        let workloads = references(&self.workload, workloads);
        entity(uid(&self.relying_party, id), [("workloads", workloads)])
    }

    fn workload<'a>(
        &self,
        id: &str,
        parties: impl IntoIterator<Item = &'a str>,
    ) -> Result<Entity, Error> {
        let parties = references(&self.relying_party, parties);
        entity(uid(&self.workload, id), [("relyingParties", parties)])
    }
}

pub(super) fn unfit(asked: &str, error: &dyn Display) -> Error {
    Error::Unfit {
        asked: asked.to_owned(),
        reason: error.to_string(),
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn references<'a>(
    kind: &EntityTypeName,
    ids: impl IntoIterator<Item = &'a str>,
) -> RestrictedExpression {
    RestrictedExpression::new_set(
        ids.into_iter()
            .map(|id| RestrictedExpression::new_entity_uid(uid(kind, id))),
    )
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
) -> Result<Entity, Error> {
    let asked = uid.to_string();
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|error| unfit(&asked, &error))
}
