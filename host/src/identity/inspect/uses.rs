//! What a certificate may be used for, given the rules that it keeps.

use super::rules::Rules;
use super::{Grounds, Use};
use crate::identity::spiffe::SpiffeId;

pub(super) fn uses(
    rules: &Rules,
    id: Option<&SpiffeId>,
    authority: bool,
    names: &[String],
    grounds: &Grounds,
) -> Vec<Use> {
    let broken: Vec<_> = rules
        .0
        .iter()
        .filter(|rule| rule.kept == Some(false))
        .map(|rule| rule.name)
        .collect();
    let sound = broken.is_empty();
    let breaks = || format!("it breaks: {}", broken.join("; "));
    let id = id.map(SpiffeId::as_str).unwrap_or_default();
    let place = id
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path)
        .unwrap_or_default();
    let role = |name, prefix: &str, what: &str| {
        let fits = place == prefix || place.starts_with(&format!("{prefix}/"));
        let why = match (sound, fits) {
            (false, _) => breaks(),
            (true, true) => what.replace("ID", id),
            (true, false) => format!("its id is not below `/{prefix}`"),
        };
        Use {
            name,
            fit: sound && fits,
            why,
        }
    };
    let named = names.iter().any(|name| !name.starts_with("URI "));
    vec![
        client(sound.then_some(id).ok_or_else(breaks), grounds),
        Use {
            name: "the host's own (service.certificate)",
            fit: sound,
            why: match (sound, named) {
                (false, _) => breaks(),
                (true, true) => "clients that verify by name find one".to_owned(),
                (true, false) => {
                    "only clients that verify its SPIFFE id: it has no DNS name and no address"
                        .to_owned()
                }
            },
        },
        role(
            "operator on the admin listener",
            "operator",
            "the policies of the operators say what ID may do",
        ),
        role(
            "component on the link",
            "component",
            "the policies of the components say what ID may do",
        ),
        Use {
            name: "trusted root (service.client-ca)",
            fit: authority,
            why: if authority {
                "it is a certificate authority".to_owned()
            } else {
                "it is no certificate authority".to_owned()
            },
        },
    ]
}

/// `sound`: the id, or what is wrong.
fn client(sound: Result<&str, String>, grounds: &Grounds) -> Use {
    let name = "client of the service listener";
    let refused = |why| Use {
        name,
        fit: false,
        why,
    };
    let id = match sound {
        Ok(id) => id,
        Err(why) => return refused(why),
    };
    let Some(bindings) = &grounds.bindings else {
        let why = format!(
            "the handshake succeeds; what it may do is for policy: bind `{id}` to a relying party"
        );
        return Use {
            name,
            fit: true,
            why,
        };
    };
    let bound: Vec<_> = bindings
        .iter()
        .filter(|(_, workloads)| workloads.iter().any(|one| one == id))
        .map(|(party, _)| party.as_str())
        .collect();
    if bound.is_empty() {
        return refused(format!(
            "the handshake succeeds, but no relying party has `{id}` among its workloads"
        ));
    }
    Use {
        name,
        fit: true,
        why: format!("acts for {}", bound.join(", ")),
    }
}
