//! The components of a host: admitted, in their slots, their rollouts followed.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::settings::{component_limits, rules};
use crate::audit::ComponentIdentity;
use crate::capabilities::CallState;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::config::Config;
use crate::registry::rollout::{Admit, Configured, Refusal, Rollouts, Signed, Slot};
use crate::registry::{LoadError, Loader, Revision};
use crate::runtime::Limits;

/// Where the calls of each component go.
pub(super) struct Slots {
    pub auth_service: Arc<Slot<ProxyPre<CallState>>>,
    pub passkey_manager: Arc<Slot<PasskeyManagerPre<CallState>>>,
}

/// Admission of one component's files.
struct Admission<P> {
    name: &'static str,
    loader: Arc<Loader>,
    limits: Limits,
    load: Load<P>,
}

type Load<P> = fn(&Loader, &[u8], Limits) -> Result<Revision<P>, LoadError>;

/// Let both components serve what their rollouts say.
///
/// # Errors
/// One of them is not admitted, or the store can't be read.
pub(super) async fn start(
    config: &Config,
    loader: Arc<Loader>,
    rollouts: &mut Rollouts,
) -> anyhow::Result<Slots> {
    let components = &config.components;
    let limits = |component| component_limits(component, components.response_bytes);
    let auth_service = Arc::new(Admission {
        name: "auth-service",
        loader: Arc::clone(&loader),
        limits: limits(&components.auth_service),
        load: Loader::auth_service_of,
    });
    let passkey_manager = Arc::new(Admission {
        name: "passkey-manager",
        loader,
        limits: limits(&components.passkey_manager),
        load: Loader::passkey_manager_of,
    });
    let files = (
        read(&components.auth_service.file)?,
        read(&components.passkey_manager.file)?,
    );
    // Compiling is seconds of CPU: both at once.
    let (auth_service, passkey_manager) = futures::future::try_join(
        rollouts.begin("auth-service", &files.0, auth_service, rules(config)),
        rollouts.begin("passkey-manager", &files.1, passkey_manager, rules(config)),
    )
    .await?;
    let (auth_service, passkey_manager) = (Arc::new(auth_service), Arc::new(passkey_manager));
    let slots = Slots {
        auth_service: Arc::clone(auth_service.slot()),
        passkey_manager: Arc::clone(passkey_manager.slot()),
    };
    rollouts.add(auth_service).await;
    rollouts.add(passkey_manager).await;
    Ok(slots)
}

fn read(file: &Path) -> anyhow::Result<Configured> {
    let wasm = std::fs::read(file).with_context(|| file.display().to_string())?;
    let mut signature = file.as_os_str().to_owned();
    signature.push(".minisig");
    Ok(Configured {
        wasm,
        minisig: std::fs::read_to_string(Path::new(&signature)).unwrap_or_default(),
    })
}

// === impl Admission ===

#[async_trait]
impl<P: Send + Sync + 'static> Admit<P> for Admission<P> {
    async fn admit(
        &self,
        file: Signed<'_>,
        _: Option<&Revision<P>>,
        _: bool,
    ) -> Result<Revision<P>, Refusal> {
        let (loader, limits, load) = (Arc::clone(&self.loader), self.limits.clone(), self.load);
        let wasm = file.wasm.to_vec();
        let loaded = tokio::task::spawn_blocking(move || load(&loader, &wasm, limits)).await;
        match loaded {
            Ok(Ok(revision)) => Ok(revision),
            Ok(Err(error)) => Err(refusal(&error)),
            Err(_) => Err(Refusal {
                code: "busy",
                reason: "loading it was stopped".into(),
            }),
        }
    }

    fn recheck(&self, _: &Revision<P>, _: &Revision<P>, _: bool) -> Result<(), Refusal> {
        Ok(())
    }

    fn identify(&self, file: Signed<'_>) -> Result<ComponentIdentity, Refusal> {
        Ok(Loader::identity(self.name, file.wasm))
    }
}

fn refusal(error: &LoadError) -> Refusal {
    let reason = match error {
        LoadError::Refused { refused, .. } => refused.to_string(),
        LoadError::Invalid { reason, .. } => format!("not a valid component: {reason}"),
        LoadError::Unfit { reason, .. } => format!("does not fit its world: {reason}"),
        LoadError::Unreadable { .. } => error.to_string(),
    };
    Refusal {
        code: error.code(),
        reason,
    }
}
