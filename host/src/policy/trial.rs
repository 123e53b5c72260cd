//! A schema is tried before it is used.

use cedar_policy::{Context, Entities, Entity, Request, RestrictedExpression, Schema};

use super::facts::{Facts, Names, unfit};
use super::{Error, Interface, action};
use crate::audit::ComponentIdentity;

/// Ask every kind of question once, so that a schema that can't express it is
/// refused now and not by denials later.
pub(super) fn try_schema(schema: &Schema) -> Result<(), Error> {
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
