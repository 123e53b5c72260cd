//! What `serve` would refuse of the files that the configuration names.
//!
//! They are read and judged as the start does it, by the same functions, but all of them:
//! one that is bad keeps nobody from a look at the next. What can't be judged without it is
//! left out. Nothing is written, and nobody is asked over a network. So the start alone finds
//! out what an agent, the database and the addresses to listen at are good for; and it alone
//! compiles the components. A configured component is judged as one that is to serve, whatever
//! operators have rolled out instead of it.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use super::components::{self, AUTH_SERVICE, PASSKEY_MANAGER};
use super::link::must_be;
use super::settings::material_files;
use super::{metadata, start};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config, Problem};
use crate::identity::parts::{private_key, revocation_lists};
use crate::identity::{Material, MaterialError, MaterialFiles, certificates};
use crate::policy::{self, Bundle, Gate, Signers};
use crate::registry::{Distrust, verify};
use crate::secrets::{Signer, random_key};

/// Everything that is wrong with the files, in the order of the sections.
pub fn problems(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Problem> {
    let mut found = Found::default();
    let now = clock.now();
    identities(config, now, &mut found);
    let signers = policies(config, clock, &mut found);
    keys(config, &mut found);
    for (name, component) in [
        (AUTH_SERVICE, &config.components.auth_service),
        (PASSKEY_MANAGER, &config.components.passkey_manager),
    ] {
        if let Some(component) = component {
            let required = config.components.require_signatures;
            signature(name, component, required, signers.as_ref(), now, &mut found);
        }
    }
    if let Some(metadata) = &config.metadata
        && let Err(error) = metadata::source(metadata).check(now)
    {
        found.note("metadata.blob", error);
    }
    for (index, party) in config.relying_parties.iter().enumerate() {
        for file in &party.attestation_roots {
            if let Err(error) = certificates(file, "certificates of authenticator makers") {
                let setting = format!("relying-party[{index}].attestation-roots");
                found.note(&setting, error);
            }
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Problem>);

/// The settings that name the files of an identity.
struct Named {
    certificate: String,
    key: String,
    roots: &'static str,
}

// === impl Found ===

impl Found {
    /// What several settings share is told once.
    fn note(&mut self, setting: &str, error: impl Display) {
        let problem = Problem {
            line: None,
            message: format!("{setting}: {error}"),
        };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }
}

// === impl Named ===

impl Named {
    fn setting(&self, files: &MaterialFiles, error: &MaterialError) -> &str {
        match error.file() {
            Some(file) if file == files.certificate => &self.certificate,
            Some(file) if file == files.key => &self.key,
            Some(file) if file == files.roots => self.roots,
            _ => "service.crl",
        }
    }
}

// === judging ===

/// The host's own identity, and those of its components, where they are in files.
fn identities(config: &Config, now: Timestamp, found: &mut Found) {
    let mut shared = None;
    if let config::IdentitySource::Files {
        certificate,
        key,
        client_ca,
    } = &config.service.identity
    {
        let named = Named {
            certificate: "service.certificate".to_owned(),
            key: "service.key".to_owned(),
            roots: "service.client-ca",
        };
        shared = Some(client_ca);
        match material_files(config, certificate, key, client_ca) {
            Ok(files) => identity(&files, &named, None, now, found),
            Err(error) => found.note("service.trust-domain", error),
        }
    }
    let components = [
        (
            AUTH_SERVICE,
            config.link.calling.as_ref().map(|end| &end.identity),
        ),
        (
            PASSKEY_MANAGER,
            config.link.serving.as_ref().map(|end| &end.identity),
        ),
    ];
    for (name, own) in components {
        let Some(own) = own else { continue };
        let config::LinkSource::Files {
            certificate,
            key,
            ca,
        } = &own.source
        else {
            continue;
        };
        let named = Named {
            certificate: format!("link.{name}.certificate"),
            key: format!("link.{name}.key"),
            roots: if shared == Some(ca) {
                "service.client-ca"
            } else {
                "link.ca"
            },
        };
        match material_files(config, certificate, key, ca) {
            Ok(files) => identity(&files, &named, Some(own), now, found),
            Err(error) => found.note("service.trust-domain", error),
        }
    }
}

fn identity(
    files: &MaterialFiles,
    named: &Named,
    own: Option<&config::LinkIdentity>,
    now: Timestamp,
    found: &mut Found,
) {
    let unread = unread(files);
    for error in &unread {
        found.note(named.setting(files, error), error);
    }
    if !unread.is_empty() {
        return;
    }
    let material = match Material::load(files, now) {
        Ok(material) => material,
        Err(error) => return found.note(named.setting(files, &error), error),
    };
    if let Some(own) = own {
        let is_own = match own.id.as_str().parse() {
            Ok(id) => must_be(&id, &material).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = is_own {
            let file = files.certificate.display();
            found.note(&named.certificate, format!("{file}: {error}"));
        }
    }
}

/// The files that can't be read, or hold nothing of their kind.
fn unread(files: &MaterialFiles) -> Vec<MaterialError> {
    let lists = files.crls.iter();
    let lists = lists.filter_map(|file| revocation_lists(std::slice::from_ref(file)).err());
    [
        certificates(&files.certificate, "a certificate chain, leaf first").err(),
        private_key(&files.key).err(),
        certificates(&files.roots, "one or more root certificates").err(),
    ]
    .into_iter()
    .flatten()
    .chain(lists)
    .collect()
}

/// The signers of policies that would be put in force.
fn policies(config: &Config, clock: &Arc<dyn Clock>, found: &mut Found) -> Option<Signers> {
    let config::Policy { folder, signers } = &config.policy;
    let bundle = match Bundle::load_with_signers(folder, signers.as_deref()) {
        Ok(bundle) => bundle,
        Err(error) => {
            let elsewhere = match &error {
                policy::Error::Signer { path, .. } => !folder.join(path).exists(),
                _ => false,
            };
            let setting = if elsewhere {
                "policy.signers"
            } else {
                "policy.folder"
            };
            found.note(setting, error);
            return None;
        }
    };
    let signers = bundle.signers().clone();
    let bound = start::bound(config);
    if let Err(error) = Gate::new(bundle, bound, Arc::clone(clock)) {
        found.note("relying-party", error);
    }
    Some(signers)
}

/// The host's own keys, as far as they have been made.
fn keys(config: &Config, found: &mut Found) {
    let folder = &config.keys.folder;
    let is_there = |name: &str| folder.join(name).exists();
    if is_there(Signer::FILE)
        && let Err(error) = Signer::open(folder, config.tokens.issuer.as_str())
    {
        found.note("keys.folder", error);
    }
    for name in [start::PSEUDONYM_KEY, start::CACHE_KEY] {
        if is_there(name)
            && let Err(error) = random_key(folder, name)
        {
            found.note("keys.folder", error);
        }
    }
}

/// Without `signers` only what they have no say in is judged.
fn signature(
    name: &str,
    component: &config::Component,
    required: bool,
    signers: Option<&Signers>,
    now: Timestamp,
    found: &mut Found,
) {
    let file = match components::read(component) {
        Ok(file) => file,
        Err(error) => return found.note(&format!("components.{name}.file"), error),
    };
    let none = Signers::default();
    match verify(name, &file, signers.unwrap_or(&none), now) {
        Ok(_) => {}
        Err(Distrust::Unsigned) if !required => {}
        Err(Distrust::UnknownSigner(_)) if signers.is_none() => {}
        Err(distrust) => {
            let path: &Path = &component.file;
            let told = format!("{}: {distrust}", path.display());
            found.note(&format!("components.{name}.signature"), told);
        }
    }
}
