//! `zeropass:host` without tokens: caller, relying parties, signatures and log.

use aws_lc_rs::hmac;
use zeropass::capabilities::bindings::{caller, log, relying_party, signatures};
use zeropass::capabilities::{SignatureError as Unverifiable, verify_signature};

use super::super::calls::Failure;
use super::super::state::State;
use super::super::{Identity, Model, ModelReport, Profile, RelyingPartyError, SignatureError};

impl caller::Host for State {
    async fn get(&mut self) -> Identity {
        let mut memory = self.world.lock();
        // It has no error to fail with.
        memory.recorder.enter("caller", "get", String::new());
        memory.identity.clone()
    }
}

impl relying_party::Host for State {
    async fn describe(&mut self, rp_id: String) -> Result<Profile, RelyingPartyError> {
        let memory = self
            .enter("relying-party", "describe", rp_id.clone())
            .map_err(refused)?;
        memory
            .parties
            .get(&rp_id)
            .cloned()
            .ok_or(RelyingPartyError::NotFound)
    }

    async fn attestation_anchors(
        &mut self,
        rp_id: String,
        _model: Model,
    ) -> Result<Vec<Vec<u8>>, RelyingPartyError> {
        let memory = self
            .enter("relying-party", "attestation-anchors", rp_id.clone())
            .map_err(refused)?;
        Ok(memory.anchors.get(&rp_id).cloned().unwrap_or_default())
    }

    async fn authenticator(
        &mut self,
        rp_id: String,
        model: Model,
    ) -> Result<Option<ModelReport>, RelyingPartyError> {
        let memory = self
            .enter("relying-party", "authenticator", rp_id)
            .map_err(refused)?;
        let found = memory.metadata.iter().find(|(known, _)| *known == model);
        Ok(found.map(|(_, report)| report.clone()))
    }

    /// Under a key that everybody can read here: stable, and looks random.
    async fn pseudonym(
        &mut self,
        rp_id: String,
        purpose: String,
        input: String,
    ) -> Result<Vec<u8>, RelyingPartyError> {
        let entered = self.enter(
            "relying-party",
            "pseudonym",
            format!("{rp_id} {purpose} {input}"),
        );
        drop(entered.map_err(refused)?);
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"zeropass isolation kit");
        let mut mac = hmac::Context::with_key(&key);
        for part in [rp_id, purpose, input] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Ok(mac.sign().as_ref().to_vec())
    }
}

impl signatures::Host for State {
    async fn verify(
        &mut self,
        algorithm: i32,
        key: signatures::PublicKey,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<bool, SignatureError> {
        let entered = self.enter("signatures", "verify", algorithm.to_string());
        drop(entered.map_err(|failure| match failure {
            Failure::Signatures(error) => error,
            _ => SignatureError::NotPermitted,
        })?);
        verify_signature(algorithm, &key, &message, &signature).map_err(|error| match error {
            Unverifiable::UnsupportedAlgorithm(_) => SignatureError::UnsupportedAlgorithm,
            Unverifiable::InvalidKey => SignatureError::InvalidKey,
        })
    }
}

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        let mut memory = self.world.lock();
        memory.recorder.enter("log", "write", level.to_owned());
        memory.log.push(format!("{level}: {message}"));
        Ok(())
    }
}

fn refused(failure: Failure) -> RelyingPartyError {
    match failure {
        Failure::RelyingParty(error) => error,
        _ => RelyingPartyError::Busy,
    }
}
