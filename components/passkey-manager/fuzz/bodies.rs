//! What each fuzz target does with its bytes. The targets for `cargo fuzz` and the
//! bounded run of the test suite (`tests/fuzz`) share these.
//!
//! A body must not panic, must not take memory beyond its input's measure, and holds
//! what was accepted to what the parser promises.

use passkey_manager::attestation_object::AttestationObject;
use passkey_manager::authenticator_data::AuthenticatorData;
use passkey_manager::bindings::registration::{Registered, Response};
use passkey_manager::bindings::{Code, Rejection};
use passkey_manager::client_data::ClientData;
use passkey_manager::cose::CoseKey;
use passkey_manager::registration;
use sha2::{Digest as _, Sha256};

use crate::kit::{ALL, Authenticator, MemoryHost, RP, begin_registration};

/// Client data as the browser made it (L3 section 5.8.1).
pub fn client_data(bytes: &[u8]) {
    let Ok(parsed) = ClientData::parse(bytes) else {
        return;
    };
    assert_eq!(parsed.hash()[..], Sha256::digest(bytes)[..]);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json: serde_json::Value = serde_json::from_slice(text).unwrap();
    assert!(json["type"].is_string() && json["challenge"].is_string());
}

/// Authenticator data (L3 section 6.1).
pub fn authenticator_data(bytes: &[u8]) {
    let Ok(parsed) = AuthenticatorData::parse(bytes) else {
        return;
    };
    assert!(bytes.len() >= 37);
    if let Some(attested) = &parsed.attested {
        assert!((1..=1023).contains(&attested.credential_id.len()));
    }
}

/// A credential's public key (RFC 9052 section 7).
pub fn cose_key(bytes: &[u8]) {
    if let Ok(key) = CoseKey::parse(bytes) {
        assert!(ALL.contains(&key.algorithm));
    }
}

/// An attestation object, by its parser and through a whole registration in which
/// every signature is right: what comes after a signature is looked at as well.
pub fn attestation_object(bytes: &[u8]) {
    match register(bytes) {
        Ok(registered) => {
            assert!(AttestationObject::parse(bytes).is_ok());
            assert!((1..=1023).contains(&registered.passkey.id.len()));
        }
        Err(rejection) => assert!(EXPECTED.contains(&rejection.code), "{rejection:?}"),
    }
}

/// Register with this attestation object on a host that takes every signature.
pub fn register(bytes: &[u8]) -> Result<Registered, Rejection> {
    let host = MemoryHost::new();
    host.profile.borrow_mut().algorithms = ALL.to_vec();
    host.believes.set(true);
    let options = begin_registration(&host);
    let response = Response {
        attestation_object: bytes.to_vec(),
        ..Authenticator::new(1).create(&options).response()
    };
    let registered = registration::finish(&host, RP, &options.ceremony, response, None);
    assert_eq!(
        host.credentials.borrow().len(),
        usize::from(registered.is_ok())
    );
    registered
}

/// What an attestation object can be refused for.
const EXPECTED: [Code; 8] = [
    Code::Malformed,
    Code::TooLarge,
    Code::RpIdMismatch,
    Code::UserPresenceMissing,
    Code::AlgorithmNotAllowed,
    Code::AttestationInvalid,
    Code::AttestationUntrusted,
    Code::NotPermitted,
];
