//! What a component must offer, and who calls it.

use super::difference::Difference;
use super::grants::interface_id;
use super::surface::{Item, Surface};
use crate::policy::action;

/// The groups of actions that are functions of passkey-manager.
const PASSKEYS: [&str; 3] = ["registration", "authentication", "lifecycle"];

/// Somebody who calls a component.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Its name and version, as messages have it: `auth-service 1.3.0`.
    pub label: String,
    /// What it imports.
    pub surface: Surface,
}

/// What `surface` lacks, or has changed since `before`, of what is called in a
/// component of this name.
pub(super) fn check(
    name: &str,
    surface: &Surface,
    before: Option<&Surface>,
    caller: Option<&Caller>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (interface, function) in called(name) {
        let item = label(&interface, &function);
        let was = before.and_then(|before| find(&before.exports, &interface, &function));
        match find(&surface.exports, &interface, &function) {
            None => differences.push(Difference::NotExported {
                item,
                caller: caller
                    .filter(|caller| find(&caller.surface.imports, &interface, &function).is_some())
                    .map_or_else(|| "this host".to_owned(), |caller| caller.label.clone()),
                before: was.is_some(),
            }),
            Some(now) => {
                if let Some(was) = was.filter(|was| *was != now) {
                    differences.push(Difference::Changed {
                        item,
                        now: now.to_owned(),
                        before: was.to_owned(),
                    });
                }
            }
        }
    }
    differences
}

/// The functions that are called in a component of this name: interface on its
/// compatibility track, and function.
fn called(name: &str) -> Vec<(String, String)> {
    match name {
        "passkey-manager" => action::ALL
            .iter()
            .filter_map(|action| action.split_once('.'))
            .filter(|(group, _)| PASSKEYS.contains(group))
            .map(|(group, function)| (format!("zeropass:passkeys/{group}@1"), function.to_owned()))
            .collect(),
        _ => vec![("wasi:http/incoming-handler@0.2".into(), "handle".into())],
    }
}

/// The signature of a function in an interface of this track.
fn find<'s>(
    items: &'s std::collections::BTreeMap<String, Item>,
    interface: &str,
    function: &str,
) -> Option<&'s str> {
    items
        .iter()
        .filter(|(name, _)| interface_id(name) == interface)
        .find_map(|(_, item)| match item {
            Item::Interface(functions) => functions.get(function).map(String::as_str),
            _ => None,
        })
}

/// `zeropass:passkeys/lifecycle@1` and `suspend` is `lifecycle.suspend`.
fn label(interface: &str, function: &str) -> String {
    let name = interface.rsplit('/').next().unwrap_or(interface);
    let name = name.split('@').next().unwrap_or(name);
    format!("{name}.{function}")
}
