//! Which authenticators a relying party takes, at registration and at sign-in.

mod certified;
mod providers;
mod registration;
mod security_keys;
mod sign_in;

use passkey_manager::bindings::Rejection;
use passkey_manager::bindings::relying_party::{
    AuthenticatorPolicy, CertificationLevel, Model, ModelReport,
};

use crate::kit::*;

const MODEL: [u8; 16] = [7; 16];
const OTHER: [u8; 16] = [8; 16];

/// A host with these rules.
fn ruled(rules: impl FnOnce(&mut AuthenticatorPolicy)) -> MemoryHost {
    let host = MemoryHost::new();
    rules(&mut host.profile.borrow_mut().authenticators);
    host
}

/// Register a passkey of [`MODEL`] without attestation.
fn registered(host: &MemoryHost) -> Result<(), Rejection> {
    let create = |create: &mut Create| create.aaguid = MODEL;
    register_with(host, &Authenticator::new(1), create).map(|_| ())
}

/// Sign in with it.
fn signed_in(host: &MemoryHost) -> Result<(), Rejection> {
    sign_in_with(host, &Authenticator::new(1), |_| {}).map(|_| ())
}

fn report(compromised: Option<&str>, certification: Option<CertificationLevel>) -> ModelReport {
    ModelReport {
        description: Some("Test Model".to_owned()),
        compromised: compromised.map(str::to_owned),
        certification,
    }
}

fn known(host: &MemoryHost, report: ModelReport) {
    *host.metadata.borrow_mut() = vec![(Model::Aaguid(MODEL.to_vec()), report)];
}
