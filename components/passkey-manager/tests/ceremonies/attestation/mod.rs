//! Attestation: each format right, and wrong in each point that it demands.

mod android_key;
mod apple;
mod chain;
mod compound;
mod fido_u2f;
mod packed;
mod tpm;

use passkey_manager::bindings::registration::Registered;
use passkey_manager::bindings::relying_party::AttestationConveyance;
use passkey_manager::bindings::{Code, Rejection};

use crate::kit::*;

/// A statement's bytes from authenticator data, hash of client data and the
/// credential's key.
type Make = Box<MakeStatement>;

/// Register a passkey with that key and statement, under that policy.
fn attested_with(
    host: &MemoryHost,
    key: TestKey,
    format: &'static str,
    make: Make,
) -> Result<Registered, Rejection> {
    host.profile.borrow_mut().algorithms = ALL.to_vec();
    register_with(host, &Authenticator::with_key(key), |create| {
        create.format = format;
        create.aaguid = [7; 16];
        create.statement = Statement::Made(make);
    })
}

/// The same for ES256 without anchors.
fn attested(format: &'static str, make: Make) -> Result<Registered, Rejection> {
    attested_with(&MemoryHost::new(), TestKey::generate(-7), format, make)
}

fn refused(format: &'static str, make: Make) {
    assert_eq!(code(attested(format, make)), Code::AttestationInvalid);
}

/// A host whose relying party wants attestation by one of these anchors.
fn anchored(roots: &[&Authority]) -> MemoryHost {
    let host = MemoryHost::new();
    host.profile.borrow_mut().attestation = AttestationConveyance::Direct;
    host.anchor(roots.iter().map(|root| root.der.clone()).collect());
    host
}
