//! The components that the configuration names, admitted at the start.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::settings::{component_limits, rules};
use crate::capabilities::CallState;
use crate::capabilities::bindings::passkey_manager::PasskeyManagerPre;
use crate::config::{self, Config};
use crate::registry::rollout::{Rollouts, StartError};
use crate::registry::{
    Admission, AdmissionError, AdmissionSettings, Linked, LoadError, Refusal, SignedComponent, Slot,
};

/// How a host of this configuration admits components.
pub(super) fn admission_settings(config: &Config) -> AdmissionSettings {
    let components = &config.components;
    let limits = |component| component_limits(component, components.response_bytes);
    AdmissionSettings {
        require_signatures: components.require_signatures,
        auth_service: limits(&components.auth_service),
        passkey_manager: limits(&components.passkey_manager),
        probe_path: components.probe.clone(),
    }
}

/// Where the calls of each component go.
pub(super) struct Slots {
    pub auth_service: Arc<Slot<ProxyPre<CallState>>>,
    pub passkey_manager: Arc<Slot<PasskeyManagerPre<CallState>>>,
}

/// Let both components serve what their rollouts say, at first the configured files.
///
/// # Errors
/// One of them is not admitted, or the store can't be read.
pub(super) async fn start(
    config: &Config,
    admission: &Arc<Admission>,
    rollouts: &mut Rollouts,
) -> anyhow::Result<Slots> {
    let read = |name: &str, component| {
        read(component).map_err(|error| AdmissionError {
            name: name.to_owned(),
            refusal: Refusal::Load(error),
        })
    };
    let files = (
        read("auth-service", &config.components.auth_service)?,
        read("passkey-manager", &config.components.passkey_manager)?,
    );
    // Compiling is seconds of CPU: both at once.
    let begun = tokio::try_join!(
        rollouts.begin(
            "auth-service",
            &files.0,
            Arc::clone(admission),
            Linked::into_auth_service,
            rules(config),
        ),
        rollouts.begin(
            "passkey-manager",
            &files.1,
            Arc::clone(admission),
            Linked::into_passkey_manager,
            rules(config),
        ),
    );
    let (auth_service, passkey_manager) = match begun {
        Ok(begun) => begun,
        Err(StartError::Refused(refusal)) => return Err(refusal.into()),
        Err(error) => return Err(error.into()),
    };
    let (auth_service, passkey_manager) = (Arc::new(auth_service), Arc::new(passkey_manager));
    let slots = Slots {
        auth_service: Arc::clone(auth_service.slot()),
        passkey_manager: Arc::clone(passkey_manager.slot()),
    };
    rollouts.add(auth_service).await;
    rollouts.add(passkey_manager).await;
    Ok(slots)
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
