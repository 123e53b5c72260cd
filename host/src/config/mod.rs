//! The configuration of a host, `zeropass.toml`, parsed once into types that
//! can't be wrong.
//!
//! Guarantees: a [`Config`] that exists was understood completely. It has no unknown
//! key, every value is inside its bounds, the parts fit together, and the files
//! that the host only reads were there when it was loaded. If anything is wrong,
//! [`Config::load`] reports everything that is wrong at once ([`Error`]).
//! Relative paths start at the folder of the configuration file and are
//! absolute afterwards.
//!
//! The configuration holds no secret, only paths to secrets. What is inside the
//! files (certificates, policies, components) is for their own modules to judge.
//! `zeropass.example.toml` explains each setting; a test keeps it complete.

mod admin;
mod algorithm;
mod at;
mod audit;
mod authenticators;
mod components;
mod decoy;
mod error;
mod format;
mod health;
mod identity;
mod lifecycle;
mod link;
mod lockout;
mod log;
mod metadata;
mod nearest;
mod oci;
mod origin;
mod path;
mod postgres;
mod reader;
mod relying_party;
mod rollout;
mod section;
mod service;
mod spiffe;
mod state;
#[cfg(test)]
mod tests;
mod units;
mod web;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::admin::Admin;
pub use self::algorithm::Algorithm;
pub use self::audit::Audit;
pub use self::authenticators::{Aaguid, Attestation, Authenticators, CertificationLevel};
pub use self::components::{Component, Components, Runtime};
pub use self::decoy::Decoy;
pub use self::error::{Error, Problem};
pub use self::health::{Health, HealthListen};
pub use self::identity::IdentitySource;
pub use self::lifecycle::{CounterPolicy, Extension, Lifecycle};
pub use self::link::{
    Link, LinkCalling, LinkIdentity, LinkKind, LinkRole, LinkServing, LinkSource,
};
pub use self::lockout::Lockout;
pub use self::log::{Log, LogFormat};
pub use self::metadata::Metadata;
pub use self::oci::Oci;
pub use self::origin::Origin;
pub use self::postgres::{Postgres, PostgresLogin};
use self::reader::{Files, Reader};
pub use self::reader::{Given, Setting};
pub use self::relying_party::{RelyingParty, ResidentKey, UserVerification};
pub use self::rollout::{Rollout, RolloutSticky};
use self::section::Section;
pub use self::service::{KeyExchange, Service};
pub use self::spiffe::{TrustDomain, WorkloadId};
pub use self::state::{Cache, Keys, Policy, Store, Tokens};
pub use self::web::{Issuer, RpId, WebUrl};

/// A whole, valid configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[service]`: the mTLS listener.
    pub service: Service,
    /// `[admin]`: none without that section.
    pub admin: Option<Admin>,
    /// `[oci]`: none without that section.
    pub oci: Option<Oci>,
    /// `[health]`: none without that section.
    pub health: Option<Health>,
    /// `[log]`
    pub log: Log,
    /// `[store]`
    pub store: Store,
    /// `[audit]`
    pub audit: Audit,
    /// `[policy]`
    pub policy: Policy,
    /// `[keys]`
    pub keys: Keys,
    /// `[cache]`
    pub cache: Cache,
    /// `[tokens]`
    pub tokens: Tokens,
    /// `[lockout]`
    pub lockout: Lockout,
    /// `[runtime]`
    pub runtime: Runtime,
    /// `[components.*]`
    pub components: Components,
    /// `[rollout]`
    pub rollout: Rollout,
    /// `[link]`
    pub link: Link,
    /// `[metadata]`: none without that section.
    pub metadata: Option<Metadata>,
    /// `[[relying-party]]`: at least one, and no id twice.
    pub relying_parties: Vec<RelyingParty>,
    folder: PathBuf,
    settings: Vec<Setting>,
}

// === impl Config ===

impl Config {
    /// Read the file and everything that it says, and check that the files which
    /// it names as existing can be opened.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when there is no such text file, and
    /// [`Error::Invalid`] with every problem found in it.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|source| Error::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::read(&text, file, Files::Checked)
    }

    /// Understand the text of a configuration file without a look at the files that
    /// it names. `file` gives messages their name and relative paths their start.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem found.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        Self::read(text, file, Files::Unchecked)
    }

    /// The relying party of this id.
    pub fn relying_party(&self, id: &str) -> Option<&RelyingParty> {
        self.relying_parties
            .iter()
            .find(|party| party.id.as_str() == id)
    }

    /// The absolute folder that relative paths start at.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every setting as it was understood, in the order of the example file.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    fn read(text: &str, file: &Path, files: Files) -> Result<Self, Error> {
        let folder = folder_of(file).map_err(|source| Error::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        let reader = Reader::new(text, folder, files);
        let read = Self::read_all(&reader);
        let (problems, settings) = reader.finish();
        match read {
            Some(mut config) if problems.is_empty() => {
                config.settings = settings;
                Ok(config)
            }
            _ => Err(Error::Invalid {
                file: file.to_owned(),
                problems,
            }),
        }
    }

    /// None means that a problem was noted. Everything is read before the first
    /// `?`, so that one run finds all problems.
    fn read_all(reader: &Reader<'_>) -> Option<Self> {
        let document = reader.parse()?;
        let mut root = Section::root(reader, document.get_ref());
        let workload_api = root.section("identity", identity::read);
        let service = root.section("service", |section| {
            service::read(section, workload_api.clone().flatten())
        });
        let admin = root.optional_section("admin", admin::read);
        let oci = root.optional_section("oci", oci::read);
        let health = root.optional_section("health", health::read);
        let log = root.section("log", log::read);
        let store = root.section("store", state::read_store);
        let audit = root.section("audit", audit::read);
        let policy = root.section("policy", state::read_policy);
        let keys = root.section("keys", state::read_keys);
        let cache = root.section("cache", state::read_cache);
        let tokens = root.section("tokens", state::read_tokens);
        let lockout = root.section("lockout", lockout::read);
        let runtime = root.section("runtime", components::read_runtime);
        let role = link::role(document.get_ref());
        let components = root.section("components", |section| {
            components::read(section, runtime.as_ref(), role)
        });
        let rollout = root.section("rollout", rollout::read);
        let trust_domain = service.as_ref().map(|service| &service.trust_domain);
        let link = root.section("link", |section| {
            link::read(section, service.as_ref(), store.as_ref())
        });
        let metadata = root.optional_section("metadata", metadata::read);
        let has_metadata = !matches!(metadata, Some(None));
        let relying_parties = relying_party::read_all(&mut root, trust_domain, has_metadata);
        root.finish();
        workload_api?;
        Some(Self {
            service: service?,
            admin: admin?,
            oci: oci?,
            health: health?,
            log: log?,
            store: store?,
            audit: audit?,
            policy: policy?,
            keys: keys?,
            cache: cache?,
            tokens: tokens?,
            lockout: lockout?,
            runtime: runtime?,
            components: components?,
            rollout: rollout?,
            link: link?,
            metadata: metadata?,
            relying_parties: relying_parties?,
            folder: reader.folder().to_owned(),
            settings: Vec::new(),
        })
    }
}

/// Absolute, so that a later change of the working folder changes nothing and
/// messages say where a file was looked for.
fn folder_of(file: &Path) -> std::io::Result<PathBuf> {
    let file = std::path::absolute(file)?;
    Ok(file.parent().map_or_else(PathBuf::new, Path::to_owned))
}
