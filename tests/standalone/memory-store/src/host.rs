//! `zeropass:host`: relying party, signatures and log.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::Component;
use crate::bindings::exports::zeropass::host::log;
use crate::bindings::exports::zeropass::host::relying_party::{self, Model, ModelReport, Profile};
use crate::bindings::exports::zeropass::host::signatures::{self, PublicKey};
use crate::memory::with;

/// ECDSA with SHA-256 on P-256 (RFC 9053).
const ES256: i32 = -7;

impl relying_party::Guest for Component {
    fn describe(rp_id: String) -> Result<Profile, relying_party::Error> {
        with(|memory| memory.profile.clone())
            .filter(|profile| profile.id == rp_id)
            .ok_or(relying_party::Error::NotFound)
    }

    fn attestation_anchors(
        _rp_id: String,
        _model: Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error> {
        Ok(with(|memory| memory.anchors.clone()))
    }

    fn authenticator(
        _rp_id: String,
        _model: Model,
    ) -> Result<Option<ModelReport>, relying_party::Error> {
        Ok(None)
    }

    fn pseudonym(
        rp_id: String,
        purpose: String,
        input: String,
    ) -> Result<Vec<u8>, relying_party::Error> {
        let mut hash = Sha256::new();
        for part in [rp_id, purpose, input] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Ok(hash.finalize().to_vec())
    }
}

impl signatures::Guest for Component {
    fn verify(
        algorithm: i32,
        key: PublicKey,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<bool, signatures::Error> {
        let (ES256, PublicKey::Ec2(point)) = (algorithm, key) else {
            return Err(signatures::Error::UnsupportedAlgorithm);
        };
        // SEC 1 section 2.3.3, uncompressed.
        let point = [&[4], point.x.as_slice(), point.y.as_slice()].concat();
        let key =
            VerifyingKey::from_sec1_bytes(&point).map_err(|_| signatures::Error::InvalidKey)?;
        Ok(Signature::from_der(&signature)
            .is_ok_and(|signature| key.verify(&message, &signature).is_ok()))
    }
}

impl log::Guest for Component {
    fn write(level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        eprintln!("{level}: {message}");
    }
}
