//! What a certificate may be used for, given the rules that it keeps.

use super::rules::{CHAIN, Rules, TIME};
use super::{Grounds, LinkGrounds, Use};
use crate::identity::spiffe::SpiffeId;

/// What was found about a certificate.
pub(super) struct Judged<'a> {
    pub rules: &'a Rules,
    /// The same rules by the roots of the link, where it has a wire.
    pub of_link: Option<&'a Rules>,
    pub id: Option<&'a SpiffeId>,
    pub authority: bool,
}

/// Whether a certificate passes: why not, or that nobody can tell.
enum Sound {
    Yes,
    No(String),
    Unknown,
}

pub(super) fn uses(judged: &Judged<'_>, names: &[String], grounds: &Grounds) -> Vec<Use> {
    let id = judged.id.map(SpiffeId::as_str).unwrap_or_default();
    let place = id
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path)
        .unwrap_or_default();
    let named = names.iter().any(|name| !name.starts_with("URI "));
    let operator = place == "operator" || place.starts_with("operator/");
    let sound = Sound::of(judged.rules);
    vec![
        sound.fit("client of the service listener", client(id, grounds)),
        sound.fit(
            "the host's own (service.certificate)",
            Ok(match named {
                true => "clients that verify by name find one".to_owned(),
                false => {
                    "only clients that verify its SPIFFE id: it has no DNS name and no address"
                        .to_owned()
                }
            }),
        ),
        sound.fit(
            "operator on the admin listener",
            match operator {
                true => Ok(format!(
                    "the policies of the operators say what {id} may do"
                )),
                false => Err("its id is not below `/operator`".to_owned()),
            },
        ),
        component(judged, id, place, grounds),
        root(judged),
    ]
}

/// A root is held to its time, and to no other rule for workloads.
fn root(judged: &Judged<'_>) -> Use {
    let time = judged.rules.0.iter().find(|rule| rule.name == TIME);
    let (fit, why) = match (judged.authority, time) {
        (false, _) => (false, "it is no certificate authority"),
        (true, Some(rule)) if rule.kept == Some(false) => (false, rule.found.as_str()),
        (true, _) => (true, "it is a certificate authority"),
    };
    Use {
        name: "trusted root (service.client-ca)",
        fit: Some(fit),
        why: why.to_owned(),
    }
}

/// The link takes exactly one id for each component, by its own roots.
fn component(judged: &Judged<'_>, id: &str, place: &str, grounds: &Grounds) -> Use {
    let name = "component on the link";
    match &grounds.link {
        LinkGrounds::None => Use {
            name,
            fit: Some(false),
            why: "the link is in-process: it takes no certificate".to_owned(),
        },
        LinkGrounds::Unknown => Sound::of(judged.rules).fit(
            name,
            match place.starts_with("component/") {
                true => Ok("if it is the id that [link] has for a component".to_owned()),
                false => Err("its id is not below `/component`".to_owned()),
            },
        ),
        LinkGrounds::Mtls { components, .. } => {
            let found = components.iter().find(|(_, one)| one == id);
            let said = match found {
                Some((component, _)) => Ok(format!("it is {component}")),
                None => {
                    let ids: Vec<_> = components.iter().map(|(_, id)| id.as_str()).collect();
                    Err(format!("the link takes {} alone", ids.join(" and ")))
                }
            };
            Sound::of(judged.of_link.unwrap_or(judged.rules)).fit(name, said)
        }
    }
}

fn client(id: &str, grounds: &Grounds) -> Result<String, String> {
    let Some(bindings) = &grounds.bindings else {
        return Ok(format!(
            "the handshake succeeds; what it may do is for policy: bind `{id}` to a relying party"
        ));
    };
    let bound: Vec<_> = bindings
        .iter()
        .filter(|(_, workloads)| workloads.iter().any(|one| one == id))
        .map(|(party, _)| party.as_str())
        .collect();
    if bound.is_empty() {
        return Err(format!(
            "the handshake succeeds, but no relying party has `{id}` among its workloads"
        ));
    }
    Ok(format!("acts for {}", bound.join(", ")))
}

// === impl Sound ===

impl Sound {
    fn of(rules: &Rules) -> Self {
        let broken: Vec<_> = rules
            .0
            .iter()
            .filter(|rule| rule.kept == Some(false))
            .map(|rule| rule.name)
            .collect();
        let unjudged = |rule: &super::Rule| rule.name == CHAIN && rule.kept.is_none();
        if !broken.is_empty() {
            Self::No(format!("it breaks: {}", broken.join("; ")))
        } else if rules.0.iter().any(unjudged) {
            Self::Unknown
        } else {
            Self::Yes
        }
    }

    /// `said`: what it fits, or why it does not, if it is sound.
    fn fit(&self, name: &'static str, said: Result<String, String>) -> Use {
        let (fit, why) = match (self, said) {
            (Self::No(why), _) => (Some(false), why.clone()),
            (_, Err(why)) => (Some(false), why),
            (Self::Yes, Ok(why)) => (Some(true), why),
            (Self::Unknown, Ok(why)) => (None, format!("if its chain is good: {why}")),
        };
        Use { name, fit, why }
    }
}
