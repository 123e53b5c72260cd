//! `zeropass:host/relying-party`: profiles, what is known of authenticators, and
//! pseudonyms.

use super::bindings::relying_party::{
    CertificationLevel, Error, Host, Model, ModelReport, Profile,
};
use super::state::CallState;
use crate::audit::{Outcome, target};
use crate::metadata::{self, Entry, Level};
use crate::policy::action;

impl Host for CallState {
    async fn describe(&mut self, rp_id: String) -> Result<Profile, Error> {
        let permit = self
            .context
            .permit::<action::RelyingPartyDescribe>(&rp_id)?;
        match self.context.services.relying_parties.get(&rp_id) {
            Some(party) => {
                permit.settle(target::NONE, Outcome::Success);
                Ok(party.profile.clone())
            }
            None => {
                permit.settle(target::NONE, Outcome::Failed("not-found"));
                Err(Error::NotFound)
            }
        }
    }

    async fn attestation_anchors(
        &mut self,
        rp_id: String,
        model: Model,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let permit = self
            .context
            .permit::<action::RelyingPartyAttestationAnchors>(&rp_id)?;
        let services = &self.context.services;
        let Some(party) = services.relying_parties.get(&rp_id) else {
            permit.settle(target(&model), Outcome::Failed("not-found"));
            return Err(Error::NotFound);
        };
        permit.settle(target(&model), Outcome::Success);
        let of_the_model = party.metadata_roots.then(|| {
            let roots = |entry: &Entry| entry.roots().to_vec();
            services.metadata.find(known_by(&model), roots)
        });
        Ok(match of_the_model.flatten() {
            Some(roots) if !roots.is_empty() => roots,
            _ => party.attestation_roots.clone(),
        })
    }

    async fn authenticator(
        &mut self,
        rp_id: String,
        model: Model,
    ) -> Result<Option<ModelReport>, Error> {
        let permit = self
            .context
            .permit::<action::RelyingPartyAuthenticator>(&rp_id)?;
        permit.settle(target(&model), Outcome::Success);
        let metadata = &self.context.services.metadata;
        Ok(metadata.find(known_by(&model), |entry| ModelReport {
            description: entry.description().map(str::to_owned),
            compromised: entry.compromised().map(str::to_owned),
            certification: entry.certification().map(level),
        }))
    }

    async fn pseudonym(
        &mut self,
        rp_id: String,
        purpose: String,
        input: String,
    ) -> Result<Vec<u8>, Error> {
        let permit = self
            .context
            .permit::<action::RelyingPartyPseudonym>(&rp_id)?;
        permit.settle(target::NONE, Outcome::Success);
        Ok(self
            .context
            .services
            .pseudonyms
            .derive(&rp_id, &purpose, &input))
    }
}

fn known_by(model: &Model) -> metadata::Model<'_> {
    match model {
        Model::Aaguid(aaguid) => metadata::Model::Aaguid(aaguid),
        Model::CertificateKey(key) => metadata::Model::CertificateKey(key),
    }
}

/// The model in an audit record: an AAGUID, or the first bytes of what a component
/// gave for one.
fn target(model: &Model) -> String {
    let (kind, bytes) = match model {
        Model::Aaguid(aaguid) => match uuid::Uuid::from_slice(aaguid) {
            Ok(id) => return format!("aaguid:{id}"),
            Err(_) => ("aaguid", aaguid),
        },
        Model::CertificateKey(key) => ("certificate-key", key),
    };
    let digits = bytes.iter().take(20).map(|byte| format!("{byte:02x}"));
    format!("{kind}:{}", digits.collect::<String>())
}

fn level(level: Level) -> CertificationLevel {
    match level {
        Level::L1 => CertificationLevel::L1,
        Level::L1Plus => CertificationLevel::L1Plus,
        Level::L2 => CertificationLevel::L2,
        Level::L2Plus => CertificationLevel::L2Plus,
        Level::L3 => CertificationLevel::L3,
        Level::L3Plus => CertificationLevel::L3Plus,
    }
}
