//! The components that the configuration names, admitted at the start.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::settings::{component_limits, rules};
use crate::capabilities::CallState;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::config::{self, Config};
use crate::registry::rollout::{Extract, Rollouts, StartError, Track};
use crate::registry::{
    Admission, AdmissionError, AdmissionSettings, Linked, LoadError, Refusal, SignedComponent, Slot,
};
use crate::runtime::Limits;

/// The names of the components in policy and records.
pub(super) const AUTH_SERVICE: &str = "auth-service";
pub(super) const PASSKEY_MANAGER: &str = "passkey-manager";

/// How a host of this configuration admits components.
pub(super) fn admission_settings(config: &Config) -> AdmissionSettings {
    let components = &config.components;
    let limits = |component: &Option<config::Component>| {
        component
            .as_ref()
            .map_or_else(Limits::default, |component| {
                component_limits(component, components.response_bytes)
            })
    };
    AdmissionSettings {
        require_signatures: components.require_signatures,
        auth_service: limits(&components.auth_service),
        passkey_manager: limits(&components.passkey_manager),
        probe_path: components.probe.clone(),
    }
}

/// Where the calls of each component go; none for one that this host does not run.
pub(super) struct Slots {
    pub auth_service: Option<Arc<Slot<ProxyPre<CallState>>>>,
    pub passkey_manager: Option<Arc<Slot<PasskeyManagerPre<CallState>>>>,
}

/// Let the components of this host serve what their rollouts say, at first the
/// configured files.
///
/// # Errors
/// One of them is not admitted, or the store can't be read.
pub(super) async fn start(
    config: &Config,
    admission: &Arc<Admission>,
    rollouts: &mut Rollouts,
) -> anyhow::Result<Slots> {
    let components = &config.components;
    // Compiling is seconds of CPU: both at once.
    let begun = tokio::try_join!(
        begin(
            AUTH_SERVICE,
            components.auth_service.as_ref(),
            config,
            admission,
            rollouts,
            Linked::into_auth_service,
        ),
        begin(
            PASSKEY_MANAGER,
            components.passkey_manager.as_ref(),
            config,
            admission,
            rollouts,
            Linked::into_passkey_manager,
        ),
    );
    let (auth_service, passkey_manager) = match begun {
        Ok(begun) => begun,
        Err(StartError::Refused(refusal)) => return Err(refusal.into()),
        Err(error) => return Err(error.into()),
    };
    Ok(Slots {
        auth_service: follow(rollouts, auth_service).await,
        passkey_manager: follow(rollouts, passkey_manager).await,
    })
}

async fn begin<P: Send + Sync + 'static>(
    name: &'static str,
    component: Option<&config::Component>,
    config: &Config,
    admission: &Arc<Admission>,
    rollouts: &Rollouts,
    extract: Extract<P>,
) -> Result<Option<Track<P>>, StartError> {
    let Some(component) = component else {
        return Ok(None);
    };
    let file = read(component).map_err(|error| AdmissionError {
        name: name.to_owned(),
        refusal: Refusal::Load(error),
    })?;
    let admission = Arc::clone(admission);
    rollouts
        .begin(name, &file, admission, extract, rules(config))
        .await
        .map(Some)
}

async fn follow<P: Send + Sync + 'static>(
    rollouts: &mut Rollouts,
    track: Option<Track<P>>,
) -> Option<Arc<Slot<P>>> {
    let track = Arc::new(track?);
    let slot = Arc::clone(track.slot());
    rollouts.add(track).await;
    Some(slot)
}

/// A component's file, and its signature where there is one.
pub(super) fn read(component: &config::Component) -> Result<SignedComponent, LoadError> {
    let unreadable = |file: &Path, error: &std::io::Error| {
        LoadError::Unreadable(format!("{}: {error}", file.display()))
    };
    let file = &component.file;
    let wasm = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
    let signature = component.signature_file();
    let minisig = match std::fs::read_to_string(&signature) {
        Ok(minisig) => minisig,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(&signature, &error)),
    };
    Ok(SignedComponent {
        wasm: wasm.into(),
        minisig,
    })
}
