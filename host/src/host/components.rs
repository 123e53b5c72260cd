//! The components that the configuration names, admitted at the start.

use std::io::ErrorKind;
use std::path::Path;

use super::settings::component_limits;
use crate::config::{self, Config};
use crate::registry::{
    Admission, AdmissionError, AdmissionSettings, Admitted, LoadError, Refusal, SignedComponent,
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

/// Admit both configured components, side by side: auth-service, passkey-manager.
pub(super) async fn admit(
    admission: &Admission,
    components: &config::Components,
) -> Result<(Admitted, Admitted), AdmissionError> {
    let one = async |name: &str, component: &config::Component| {
        let signed = read(component).map_err(|error| AdmissionError {
            name: name.to_owned(),
            refusal: Refusal::Load(error),
        })?;
        admission
            .admit(name, &signed.wasm, &signed.minisig, None, false)
            .await
    };
    let (auth_service, passkey_manager) = tokio::try_join!(
        one("auth-service", &components.auth_service),
        one("passkey-manager", &components.passkey_manager),
    )?;
    admission.serves(&auth_service);
    Ok((auth_service, passkey_manager))
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
