//! What a deployment consists of, as its configuration file says it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tempfile::TempDir;
use zeropass::identity::pki::Ca;
use zeropass::registry::SigningKey;

use super::certificates::{install_provider, revocation_list};
use super::files::{component_file, policies, shared_folder};
use super::material::{certificates, copy_keys, share_cache_key};
use super::tiers::free_port;
use super::toml::{path, quoted};
use super::{
    Deployment, Installation, ORIGIN, RP_ID, RelyingParty, Running, TRUST_DOMAIN, WORKLOAD,
};
use crate::postgres::Database;
use crate::signing::sign_into;

/// A deployment that is not running yet.
pub struct Builder {
    relying_parties: Vec<RelyingParty>,
    auth_service: Option<PathBuf>,
    passkey_manager: Option<PathBuf>,
    policies: Option<PathBuf>,
    key: Arc<SigningKey>,
    settings: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
    without: Vec<(&'static str, Option<&'static str>)>,
    prepare: Vec<Prepare>,
    keys: Option<PathBuf>,
}

/// Gets the CA and the folder of the certificates.
type Prepare = Box<dyn FnOnce(&Ca, &Path) + Send>;

/// One key for all deployments of a process: hosts that share a store run each other's
/// revisions.
fn signing_key() -> Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(SigningKey::generate().expect("a signing key"))))
}

// === impl Builder ===

impl Builder {
    pub(super) fn new() -> Self {
        let builder = Self {
            relying_parties: Vec::new(),
            auth_service: None,
            passkey_manager: None,
            policies: None,
            key: signing_key(),
            settings: BTreeMap::new(),
            without: Vec::new(),
            prepare: Vec::new(),
            keys: None,
        };
        // A pool as small as tests need it: many deployments stand side by side.
        builder
            // Requests that tests leave open must outlast a busy machine.
            .set("service", "request-timeout", "\"1m\"")
            .set("runtime", "max-instances", "16")
            .set("components.auth-service", "instances", "8")
            .set("components.passkey-manager", "instances", "8")
            .set("service", "drain-deadline", "\"30s\"")
            .set("link", "kind", "\"in-process\"")
    }

    /// One more relying party. Without any there is one of id [`RP_ID`].
    #[must_use]
    pub fn relying_party(mut self, relying_party: RelyingParty) -> Self {
        self.relying_parties.push(relying_party);
        self
    }

    /// Another file as auth-service.
    #[must_use]
    pub fn auth_service(mut self, file: impl Into<PathBuf>) -> Self {
        self.auth_service = Some(file.into());
        self
    }

    /// Another file as passkey-manager.
    #[must_use]
    pub fn passkey_manager(mut self, file: impl Into<PathBuf>) -> Self {
        self.passkey_manager = Some(file.into());
        self
    }

    /// The link over mTLS, on a free loopback port, instead of the in-process one.
    #[must_use]
    pub fn mtls_link(self) -> Self {
        self.set("link", "kind", "\"mtls\"")
            .set("link", "listen", "\"127.0.0.1:0\"")
    }

    /// Another policy folder than the delivered one.
    #[must_use]
    pub fn policies(mut self, folder: impl Into<PathBuf>) -> Self {
        self.policies = Some(folder.into());
        self
    }

    /// The key that signs both components as version 1.0.0 and that policy trusts
    /// with them. Another signature can be set as a component's `signature`.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Sign and trust with another deployment's key, so that both admit the same files.
    #[must_use]
    pub fn signed_by(mut self, other: &Deployment) -> Self {
        self.key = Arc::clone(&other.key);
        self
    }

    /// Sign with a key that no other deployment knows.
    #[must_use]
    pub fn own_key(mut self) -> Self {
        self.key = Arc::new(SigningKey::generate().expect("a signing key"));
        self
    }

    /// Take the host's and the components' certificates from this folder: one authority
    /// for several hosts.
    #[must_use]
    pub fn certificates_of(mut self, pki: &Path) -> Self {
        for (section, key, name) in [
            ("service", "certificate", "host.pem"),
            ("service", "key", "host.key"),
            ("service", "client-ca", "ca.pem"),
            ("link.auth-service", "certificate", "auth-service.pem"),
            ("link.auth-service", "key", "auth-service.key"),
            ("link.passkey-manager", "certificate", "passkey-manager.pem"),
            ("link.passkey-manager", "key", "passkey-manager.key"),
        ] {
            self = self.set(section, key, &path(&pki.join(name)));
        }
        self
    }

    /// A front tier: auth-service alone, before the back tiers at these addresses.
    #[must_use]
    pub fn front(self, targets: &[SocketAddr]) -> Self {
        let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
        self.mtls_link()
            .set("link", "role", "\"front\"")
            .set("link", "targets", &format!("{targets:?}"))
            .set("store", "sqlite", "\"front-log.db\"")
            .without_section("components.passkey-manager")
    }

    /// A back tier: passkey-manager and the store.
    #[must_use]
    pub fn back(self) -> Self {
        self.mtls_link()
            .set("link", "role", "\"back\"")
            .without_section("components.auth-service")
    }

    /// A setting of `zeropass.toml`: section, key, and the value as TOML has it.
    #[must_use]
    pub fn set(mut self, section: &'static str, key: &'static str, toml: &str) -> Self {
        self.settings
            .entry(section)
            .or_default()
            .insert(key, toml.to_owned());
        self
    }

    /// With an admin listener.
    #[must_use]
    pub fn admin(self) -> Self {
        self.set("admin", "listen", "\"127.0.0.1:0\"")
    }

    /// With an admin listener at an address of its own, for a host that is a process. The
    /// port was free a moment ago.
    #[must_use]
    pub fn admin_somewhere(self) -> (Self, SocketAddr) {
        let address = free_port();
        let listen = format!("\"{address}\"");
        (self.set("admin", "listen", &listen), address)
    }

    /// Leave out a setting that deployments have.
    #[must_use]
    pub fn without(mut self, section: &'static str, key: &'static str) -> Self {
        self.without.push((section, Some(key)));
        self
    }

    /// Leave out a whole section that deployments have.
    #[must_use]
    pub fn without_section(mut self, section: &'static str) -> Self {
        self.without.push((section, None));
        self
    }

    /// Change what is there before the host starts: the CA has issued everything
    /// into the folder that `prepare` gets.
    #[must_use]
    pub fn prepare(mut self, prepare: impl FnOnce(&Ca, &Path) + Send + 'static) -> Self {
        self.prepare.push(Box::new(prepare));
        self
    }

    /// Trust another authority beside the deployment's own.
    #[must_use]
    pub fn trusting_too(self, other: &Ca) -> Self {
        let other = other.pem().to_owned();
        self.prepare(move |ca, pki| {
            std::fs::write(pki.join("ca.pem"), format!("{}{other}", ca.pem()))
                .expect("the authorities can be written");
        })
    }

    /// Check certificates against `pki/crl.pem`, in the beginning a list of nobody.
    #[must_use]
    pub fn with_revocation(self) -> Self {
        self.set("service", "crl", "[\"pki/crl.pem\"]")
            .prepare(|ca, pki| {
                std::fs::write(pki.join("crl.pem"), revocation_list(ca, &[]))
                    .expect("a list can be written");
            })
    }

    /// Keep the store in this database.
    #[must_use]
    pub fn postgres(mut self, database: &Database) -> Self {
        for (section, key, value) in database.settings() {
            self = self.set(section, key, &value);
        }
        self
    }

    /// Take the keys that hosts of one database share (tokens, pseudonyms) from another
    /// deployment. Keys of audit logs stay each host's own.
    #[must_use]
    pub fn keys_of(self, other: &Deployment) -> Self {
        self.keys_in(other.folder().join("keys"))
    }

    /// The same from a folder of keys.
    #[must_use]
    pub fn keys_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keys = Some(folder.into());
        self
    }

    /// Start the host.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(self) -> Deployment {
        self.try_start()
            .await
            .unwrap_or_else(|error| panic!("the host does not start: {error:#}"))
    }

    /// Start the host, or see why it can't.
    ///
    /// # Errors
    /// What [`Host::start`] says.
    pub async fn try_start(self) -> anyhow::Result<Deployment> {
        let key = Arc::clone(&self.key);
        let (folder, ca) = self.write();
        let running = Running::start(&folder.path().join("zeropass.toml")).await?;
        Ok(Deployment {
            running,
            ca,
            key,
            folder,
        })
    }

    /// Everything but the start: the host will be a process of its own.
    ///
    /// # Panics
    /// The folder can't be made.
    pub fn install(self) -> Installation {
        let (folder, ca) = self.write();
        Installation::new(folder, ca)
    }

    /// The folder with everything that the host reads.
    fn write(mut self) -> (TempDir, Ca) {
        install_provider();
        if self.relying_parties.is_empty() {
            self.relying_parties
                .push(RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD));
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca = certificates(&folder.path().join("pki"), &self.relying_parties);
        for prepare in std::mem::take(&mut self.prepare) {
            prepare(&ca, &folder.path().join("pki"));
        }
        let keys = folder.path().join("keys");
        share_cache_key(&keys);
        if let Some(shared) = &self.keys {
            copy_keys(shared, &keys);
        }
        let file = folder.path().join("zeropass.toml");
        std::fs::write(&file, self.text(folder.path())).expect("the configuration can be written");
        (folder, ca)
    }

    fn text(self, folder: &Path) -> String {
        let auth_service = self
            .auth_service
            .unwrap_or_else(|| component_file("auth_service"));
        let passkey_manager = self
            .passkey_manager
            .unwrap_or_else(|| component_file("passkey_manager"));
        let signers = folder.join("signers");
        std::fs::create_dir(&signers).expect("a folder for signers");
        std::fs::write(
            signers.join("tests.toml"),
            self.key.signer(&["auth-service", "passkey-manager"]),
        )
        .expect("a signer can be written");
        let signed = |name: &str, file: &Path| {
            let signature = sign_into(folder, &self.key, name, "1.0.0", file);
            path(&signature.expect("a component can be signed"))
        };
        let mut settings: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
        for (section, key, value) in [
            ("service", "listen", quoted("127.0.0.1:0")),
            ("service", "certificate", quoted("pki/host.pem")),
            ("service", "key", quoted("pki/host.key")),
            ("service", "client-ca", quoted("pki/ca.pem")),
            ("service", "trust-domain", quoted(TRUST_DOMAIN)),
            ("health", "listen", quoted("unix:health.sock")),
            (
                "policy",
                "folder",
                path(&self.policies.unwrap_or_else(policies)),
            ),
            ("cache", "folder", path(&shared_folder().join("cache"))),
            ("policy", "signers", path(&signers)),
            ("components.auth-service", "file", path(&auth_service)),
            (
                "components.auth-service",
                "signature",
                signed("auth-service", &auth_service),
            ),
            (
                "components.passkey-manager",
                "signature",
                signed("passkey-manager", &passkey_manager),
            ),
            ("components.passkey-manager", "file", path(&passkey_manager)),
            (
                "link.auth-service",
                "certificate",
                quoted("pki/auth-service.pem"),
            ),
            ("link.auth-service", "key", quoted("pki/auth-service.key")),
            (
                "link.passkey-manager",
                "certificate",
                quoted("pki/passkey-manager.pem"),
            ),
            (
                "link.passkey-manager",
                "key",
                quoted("pki/passkey-manager.key"),
            ),
        ] {
            settings.entry(section).or_default().insert(key, value);
        }
        for (section, given) in self.settings {
            settings.entry(section).or_default().extend(given);
        }
        for (section, key) in self.without {
            match key {
                Some(key) => drop(settings.entry(section).or_default().remove(key)),
                None => drop(settings.remove(section)),
            }
        }
        let mut text = String::new();
        for (section, values) in settings {
            let _ = writeln!(text, "[{section}]");
            for (key, value) in values {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        for party in self.relying_parties {
            text.push_str(&party.text());
        }
        text
    }
}
