//! A relying party of a deployment, as its section of the configuration says it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::certificates::spiffe_id;
use super::toml::quoted;

/// A relying party of a deployment.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    id: String,
    origins: Vec<String>,
    pub(super) workloads: Vec<String>,
    settings: BTreeMap<&'static str, String>,
}

// === impl RelyingParty ===

impl RelyingParty {
    /// A relying party without origins and workloads.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            origins: Vec::new(),
            workloads: Vec::new(),
            settings: BTreeMap::new(),
        }
    }

    /// An origin that may use its passkeys.
    #[must_use]
    pub fn origin(mut self, origin: &str) -> Self {
        self.origins.push(origin.to_owned());
        self
    }

    /// A workload that may act for it, as [`Deployment::client`] takes it.
    #[must_use]
    pub fn workload(mut self, name: &str) -> Self {
        self.workloads.push(name.to_owned());
        self
    }

    /// A setting of its section: key, and the value as TOML has it.
    #[must_use]
    pub fn set(mut self, key: &'static str, toml: &str) -> Self {
        self.settings.insert(key, toml.to_owned());
        self
    }

    pub(super) fn text(&self) -> String {
        let list = |texts: Vec<String>| {
            texts
                .iter()
                .map(|text| quoted(text))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut text = format!(
            "[[relying-party]]\nid = {id}\nname = {id}\norigins = [{}]\nworkloads = [{}]\n",
            list(self.origins.clone()),
            list(self.workloads.iter().map(|name| spiffe_id(name)).collect()),
            id = quoted(&self.id),
        );
        for (key, value) in &self.settings {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }
}
