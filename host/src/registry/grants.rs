//! What a component asks for, against what there is and what policy grants.
//!
//! Grants are structural: an interface that is not granted is not in the linker,
//! so that a component that imports it does not load. The refusal names every such
//! import at once.

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use crate::audit::ComponentIdentity;
use crate::capabilities::{CallState, interfaces};
use crate::policy::Gate;
use crate::runtime::wasi_interfaces;

/// Why a component was not linked: one line for each import that it can't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Refused(pub Vec<String>);

/// The id of an interface in policy, from its name in a component:
/// `zeropass:store/accounts@1.0.0` is `zeropass:store/accounts@1`, and
/// `wasi:io/poll@0.2.6` is `wasi:io/poll@0.2`: the part of the version within
/// which semver promises compatibility.
pub fn interface_id(import: &str) -> String {
    let Some((name, version)) = import.split_once('@') else {
        return import.to_owned();
    };
    let mut parts = version.split('.');
    match (parts.next(), parts.next()) {
        (Some("0"), Some(minor)) => format!("{name}@0.{minor}"),
        (Some(major), _) => format!("{name}@{major}"),
        (None, _) => name.to_owned(),
    }
}

/// A linker that holds what policy grants to `component`, after checking that this
/// is enough for what it imports.
pub(super) fn link(
    component: &Component,
    identity: &ComponentIdentity,
    gate: &Gate,
) -> Result<Linker<CallState>, Refused> {
    let engine = component.engine();
    let mut linker = Linker::new(engine);
    let mut refused = Vec::new();
    let offered: Vec<_> = interfaces().into_iter().chain(wasi_interfaces()).collect();
    let mut granted = Vec::new();
    for (id, add) in &offered {
        if !gate.may_link(identity, id).allowed {
            continue;
        }
        match add(&mut linker) {
            Ok(()) => granted.push(*id),
            Err(error) => refused.push(format!("{id} could not be offered: {error:#}")),
        }
    }
    for (name, item) in component.component_type().imports(engine) {
        let id = interface_id(name);
        if granted.contains(&id.as_str()) || is_vocabulary(&item.ty, engine) {
            continue;
        }
        refused.push(match item.ty {
            ComponentItem::ComponentInstance(_)
                if offered.iter().any(|(known, _)| *known == id) =>
            {
                format!(
                    "asks for {name}, which policy does not grant to {}",
                    identity.name
                )
            }
            _ => format!("needs {name}, which this host does not have"),
        });
    }
    if refused.is_empty() {
        Ok(linker)
    } else {
        Err(Refused(refused))
    }
}

/// Whether an import is an interface of plain types: words to speak in, nothing to
/// call, hence nothing to grant.
fn is_vocabulary(item: &ComponentItem, engine: &Engine) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine)
            .all(|(_, export)| matches!(export.ty, ComponentItem::Type(_))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_ids_keep_what_compatibility_rests_on() {
        assert_eq!(
            interface_id("zeropass:store/accounts@1.0.0"),
            "zeropass:store/accounts@1"
        );
        assert_eq!(interface_id("wasi:io/poll@0.2.6"), "wasi:io/poll@0.2");
        assert_eq!(interface_id("plain"), "plain");
    }
}
