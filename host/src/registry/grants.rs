//! What a component asks for, against what there is and what policy grants.
//!
//! Grants are structural: an interface that is not granted is not in the linker,
//! so that a component that imports it does not load. What does not fit is named
//! item by item, all of it at once.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, format_err};

use super::difference::Difference;
use super::surface::{Item, Surface};
use crate::audit::ComponentIdentity;
use crate::capabilities::{CallState, WIT_VERSION, interfaces};
use crate::policy::Gate;
use crate::runtime::wasi_interfaces;

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

/// An interface without its version: `zeropass:store/accounts`.
fn unversioned(interface: &str) -> &str {
    interface
        .split_once('@')
        .map_or(interface, |(name, _)| name)
}

/// Link `component` against what policy grants to it.
///
/// # Errors
/// Everything that it imports and can't have.
pub(super) fn link(
    component: &Component,
    surface: &Surface,
    identity: &ComponentIdentity,
    gate: &Gate,
) -> Result<InstancePre<CallState>, Vec<Difference>> {
    let engine = component.engine();
    let mut linker = Linker::new(engine);
    let mut differences = Vec::new();
    let offered: Vec<_> = interfaces().into_iter().chain(wasi_interfaces()).collect();
    let mut granted = Vec::new();
    for (id, add) in &offered {
        if !gate.may_link(identity, id).allowed {
            continue;
        }
        match add(&mut linker) {
            Ok(()) => granted.push(*id),
            Err(error) => differences.push(Difference::Unfit(format!("{id}: {error:#}"))),
        }
    }
    for (name, item) in component.component_type().imports(engine) {
        let id = interface_id(name);
        if is_vocabulary(&item.ty, engine) {
            continue;
        }
        if granted.contains(&id.as_str()) {
            differences
                .extend(lacking(&linker, name, surface).map(|item| Difference::Unknown { item }));
            continue;
        }
        let is_offered = offered.iter().any(|(known, _)| *known == id);
        let is_granted = gate.may_link(identity, name).allowed;
        differences.push(
            if is_granted || !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
                Difference::Unknown { item: name.into() }
            } else {
                Difference::NotGranted {
                    item: name.into(),
                    component: identity.name.clone(),
                    offered: is_offered,
                }
            },
        );
    }
    if !differences.is_empty() {
        return Err(differences);
    }
    linker.instantiate_pre(component).map_err(|error| {
        match other_forms(&linker, component, surface) {
            forms if forms.is_empty() => vec![Difference::Unfit(format!("{error:#}"))],
            forms => forms,
        }
    })
}

/// What an admitted component imports and policy does not grant to it any more.
pub(super) fn denied(
    surface: &Surface,
    identity: &ComponentIdentity,
    gate: &Gate,
) -> Vec<Difference> {
    surface
        .imports
        .iter()
        .filter(|(name, item)| !is_wording(item) && !gate.may_link(identity, name).allowed)
        .map(|(name, _)| Difference::NotGranted {
            item: name.clone(),
            component: identity.name.clone(),
            offered: true,
        })
        .collect()
}

/// The functions of an import that the linker's interface of that name lacks.
///
/// A linker can't be asked what it holds, but it refuses to define a name twice.
fn lacking(
    linker: &Linker<CallState>,
    import: &str,
    surface: &Surface,
) -> impl Iterator<Item = String> {
    let mut linker = linker.clone();
    let mut missing = Vec::new();
    if let (Some(Item::Interface(functions)), Some(name)) =
        (surface.imports.get(import), own_name(import))
        && let Ok(mut instance) = linker.instance(&name)
    {
        for function in functions.keys() {
            if instance.func_new(function, stand_in).is_ok() {
                missing.push(format!("{}.{function}", unversioned(import)));
            }
        }
    }
    missing.into_iter()
}

/// The functions that the component calls in another form than the linker has,
/// found by putting a stand-in of any form in the place of all others.
fn other_forms(
    linker: &Linker<CallState>,
    component: &Component,
    surface: &Surface,
) -> Vec<Difference> {
    let own: Vec<_> = surface
        .imported_functions()
        .filter_map(|(import, function)| Some((import, own_name(import)?, function)))
        .collect();
    let differs = |wanted: usize| {
        let mut linker = linker.clone();
        linker.allow_shadowing(true);
        for (index, (_, name, function)) in own.iter().enumerate() {
            if index != wanted
                && let Ok(mut instance) = linker.instance(name)
            {
                let _ = instance.func_new(function, stand_in);
            }
        }
        linker.instantiate_pre(component).is_err()
    };
    // With a stand-in for each of ours, whatever is wrong lies elsewhere.
    if differs(usize::MAX) {
        return Vec::new();
    }
    own.iter()
        .enumerate()
        .filter(|(index, _)| differs(*index))
        .filter_map(
            |(_, (import, _, function))| match surface.imports.get(*import) {
                Some(Item::Interface(functions)) => Some(Difference::OtherForm {
                    item: format!("{}.{function}", unversioned(import)),
                    signature: functions.get(*function)?.clone(),
                }),
                _ => None,
            },
        )
        .collect()
}

/// The name under which this host has the interface, if it is one of its own.
fn own_name(import: &str) -> Option<String> {
    let name = unversioned(import);
    name.starts_with("zeropass:")
        .then(|| format!("{name}@{WIT_VERSION}"))
}

/// Is never called: nothing that holds it is instantiated.
fn stand_in(
    _: wasmtime::StoreContextMut<'_, CallState>,
    _: wasmtime::component::types::ComponentFunc,
    _: &[wasmtime::component::Val],
    _: &mut [wasmtime::component::Val],
) -> wasmtime::Result<()> {
    Err(format_err!("a stand-in was called"))
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

/// [`is_vocabulary`], of what is remembered of a component.
fn is_wording(item: &Item) -> bool {
    matches!(item, Item::Interface(functions) if functions.is_empty())
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
