//! What stands between a file and traffic.
//!
//! A component is admitted when, in this order: it is signed by somebody whom
//! policy trusts with it ([`verify`](super::verify)), it is no step back from the
//! revision that it would follow, it compiles, this host has and policy grants all
//! that it asks for, it offers all that is called in it, and it answers a probe.
//! Nothing is compiled before it is verified, and whatever fails leaves no trace:
//! the caller keeps the revision that it has.
//!
//! An upgrade that fails only because it asks for more than policy grants is held:
//! the same file is admitted once policy grants it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwapOption;

use super::admitted::Admitted;
use super::error::LoadError;
use super::exports::Caller;
use super::load::{Loader, identity};
use super::probe::probe;
use super::provenance::Provenance;
use super::refusal::{AdmissionError, Refusal};
use super::revision::Linked;
use super::signature::SignedComponent;
use super::step::step;
use super::verify::{Distrust, Verified, verify};
use crate::audit::ComponentIdentity;
use crate::capabilities::Services;
use crate::policy::Gate;
use crate::runtime::Limits;

/// What differs between hosts in how they admit.
#[derive(Debug, Clone)]
pub struct AdmissionSettings {
    /// Off, a component without a signature is admitted too. A signature that is
    /// there must be good in any case.
    pub require_signatures: bool,
    /// What each call of auth-service may take.
    pub auth_service: Limits,
    /// What each call of passkey-manager may take.
    pub passkey_manager: Limits,
    /// The path that a revision of auth-service must answer with 200.
    pub probe_path: String,
}

/// Admits component revisions to this host.
pub struct Admission {
    loader: Arc<Loader>,
    services: Arc<Services>,
    settings: AdmissionSettings,
    /// The auth-service that serves: it calls passkey-manager.
    caller: ArcSwapOption<Caller>,
    /// Where good signatures are kept, for other hosts that ask for them.
    provenance: Arc<Provenance>,
}

// === impl Admission ===

impl Admission {
    /// Admission to a host with these services.
    pub fn new(loader: Loader, services: Arc<Services>, settings: AdmissionSettings) -> Self {
        Self {
            loader: Arc::new(loader),
            services,
            settings,
            caller: ArcSwapOption::empty(),
            provenance: Arc::default(),
        }
    }

    /// Keep good signatures there.
    #[must_use]
    pub fn with_provenance(self, provenance: Arc<Provenance>) -> Self {
        Self { provenance, ..self }
    }

    /// Admit a file as a revision of the component `name`. `against` is the revision that
    /// it would follow; with `rollback` it may be older than that.
    ///
    /// Runs on a multi-threaded runtime; compiling, seconds of CPU, is off the
    /// executor.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub async fn admit(
        &self,
        name: &str,
        component: &SignedComponent,
        against: Option<&Admitted>,
        rollback: bool,
    ) -> Result<Admitted, AdmissionError> {
        self.examine(name, component, against, rollback)
            .await
            .map_err(|refusal| AdmissionError {
                name: name.to_owned(),
                refusal,
            })
    }

    /// Who says what is granted and trusted.
    pub(super) fn gate(&self) -> &Gate {
        self.loader.gate()
    }

    /// What a file is called, after its signature has been verified. Compiles nothing.
    ///
    /// # Errors
    /// [`AdmissionError`] when it is not to be trusted.
    pub fn identify(
        &self,
        name: &str,
        component: &SignedComponent,
    ) -> Result<ComponentIdentity, AdmissionError> {
        let verified = self
            .verify(name, component)
            .map_err(|distrust| AdmissionError {
                name: name.to_owned(),
                refusal: distrust.into(),
            })?;
        Ok(identity(name, &component.wasm, version(verified.as_ref())))
    }

    /// Take note that `admitted` serves from now on, so that a later passkey-manager
    /// is held against what this auth-service calls.
    pub fn serves(&self, admitted: &Admitted) {
        if let Linked::AuthService(_) = admitted.revision {
            self.caller.store(Some(Arc::new(Caller {
                label: admitted.label(),
                surface: admitted.surface.clone(),
            })));
        }
    }

    /// Take note of which revisions of a component are in a place here: their signatures
    /// are kept for other hosts as long as they are.
    pub fn runs(&self, name: &'static str, digests: Vec<String>) {
        self.provenance.serve(name, digests);
    }

    /// Let go of the compiled code of a revision that was removed.
    pub fn forget(&self, digest: &str) {
        self.loader.forget(digest);
    }

    fn verify(
        &self,
        name: &str,
        component: &SignedComponent,
    ) -> Result<Option<Verified>, Distrust> {
        let signers = self.loader.gate().signers();
        match verify(name, component, &signers, self.services.clock.now()) {
            Ok(verified) => {
                self.provenance
                    .keep(&verified.statement.digest, &component.minisig);
                Ok(Some(verified))
            }
            Err(Distrust::Unsigned) if !self.settings.require_signatures => Ok(None),
            Err(distrust) => Err(distrust),
        }
    }

    async fn examine(
        &self,
        name: &str,
        component: &SignedComponent,
        against: Option<&Admitted>,
        rollback: bool,
    ) -> Result<Admitted, Refusal> {
        let limits = match name {
            "auth-service" => self.settings.auth_service.clone(),
            "passkey-manager" => self.settings.passkey_manager.clone(),
            _ => return Err(LoadError::Name.into()),
        };
        let verified = self.verify(name, component)?;
        let identity = identity(name, &component.wasm, version(verified.as_ref()));
        if let (Some(against), false) = (against, rollback) {
            step(verified.as_ref(), &identity, against)?;
        }
        let loader = Arc::clone(&self.loader);
        let (before, caller) = (
            against.map(|against| against.surface.clone()),
            self.caller.load_full(),
        );
        let (wasm, whose) = (component.wasm.clone(), identity.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            loader.load(whose, &wasm, limits, before.as_ref(), caller.as_deref())
        })
        .await
        .map_err(|_| LoadError::Invalid("the compiler gave up on it".into()))?;
        let loaded = loaded.map_err(|error| Refusal::of(error, against))?;
        probe(&loaded.revision, &self.settings.probe_path, &self.services).await?;
        tracing::info!(
            component = identity.name,
            revision = identity.revision,
            digest = identity.digest,
            signer = verified.as_ref().map_or("-", |one| one.signer.as_str()),
            "component admitted"
        );
        Ok(Admitted {
            identity: Arc::new(identity),
            verified,
            surface: loaded.surface,
            revision: loaded.revision,
            sound: AtomicU64::new(0),
        })
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn version(verified: Option<&Verified>) -> Option<String> {
    verified.map(|verified| verified.statement.version.to_string())
}

// === impl Admitted ===

impl Admitted {
    /// Name and version, as messages have it: `auth-service 1.3.0`.
    pub fn label(&self) -> String {
        format!("{} {}", self.identity.name, self.identity.revision)
    }
}
