//! Signatures and keys, as the host judges them.

use super::certificate_key::CertificateKey;
use super::invalid;
use crate::bindings::signatures::{self, PublicKey};
use crate::bindings::{Code, Rejection};
use crate::cose::CoseKey;
use crate::host::Host;
use crate::rejection::{malformed, reject};

/// Whether the new credential's key is a valid one. An empty signature is never
/// right, so the host's answer is about the key alone.
///
/// # Errors
/// `malformed` for a key that is none, `algorithm-not-allowed`, `not-permitted`.
pub(super) fn check_credential_key(host: &impl Host, key: &CoseKey) -> Result<(), Rejection> {
    match host.verify(key.algorithm, &key.key, &[], &[]) {
        Ok(false) => Ok(()),
        Ok(true) => Err(invalid("the host takes an empty signature for a right one")),
        Err(signatures::Error::InvalidKey) => Err(malformed(format!(
            "the public key is not a valid key for COSE algorithm {}",
            key.algorithm
        ))),
        Err(signatures::Error::UnsupportedAlgorithm) => Err(reject(
            Code::AlgorithmNotAllowed,
            format!("the host does not verify COSE algorithm {}", key.algorithm),
        )),
        Err(signatures::Error::NotPermitted) => Err(not_permitted()),
    }
}

/// A statement's signature under the key of its first certificate.
///
/// # Errors
/// `attestation-invalid`, also for an algorithm of another kind of key.
pub(super) fn check(
    host: &impl Host,
    algorithm: i32,
    key: &CertificateKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Rejection> {
    if !key.kind.takes(algorithm) {
        return Err(invalid(format!(
            "COSE algorithm {algorithm} does not belong to the {} key of the attestation certificate",
            key.kind.name()
        )));
    }
    check_raw(
        host,
        algorithm,
        &key.key,
        message,
        signature,
        "the statement",
    )
}

/// A signature over anything, by a key that is known to fit.
///
/// # Errors
/// `attestation-invalid`, `not-permitted`.
pub(super) fn check_raw(
    host: &impl Host,
    algorithm: i32,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
    of: &str,
) -> Result<(), Rejection> {
    match host.verify(algorithm, key, message, signature) {
        Ok(true) => Ok(()),
        Ok(false) => Err(invalid(format!("the signature of {of} is wrong"))),
        Err(signatures::Error::InvalidKey) => Err(invalid(format!(
            "the key that should have signed {of} is not a valid key"
        ))),
        Err(signatures::Error::UnsupportedAlgorithm) => Err(invalid(format!(
            "the host does not verify algorithm {algorithm}, which signs {of}"
        ))),
        Err(signatures::Error::NotPermitted) => Err(not_permitted()),
    }
}

fn not_permitted() -> Rejection {
    reject(
        Code::NotPermitted,
        "policy does not allow to verify signatures",
    )
}
