//! `zeropass:host/relying-party`: profiles and pseudonyms.

use super::bindings::relying_party::{Error, Host, Profile};
use super::context::CallState;
use crate::audit::Outcome;
use crate::policy::action;

/// A configured relying party.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// What components may know about it.
    pub profile: Profile,
    /// For `/.well-known/webauthn`.
    pub related_origins: Vec<String>,
    /// For `/.well-known/passkey-endpoints`.
    pub enroll_url: Option<String>,
    /// For `/.well-known/passkey-endpoints`.
    pub manage_url: Option<String>,
    /// SPIFFE ids of the workloads bound to it.
    pub workloads: Vec<String>,
}

impl Host for CallState {
    async fn describe(&mut self, rp_id: String) -> Result<Profile, Error> {
        let permit = self
            .context
            .permit::<action::RelyingPartyDescribe>(&rp_id)?;
        match self.context.services.relying_parties.get(&rp_id) {
            Some(party) => {
                permit.settle("-", Outcome::Success);
                Ok(party.profile.clone())
            }
            None => {
                permit.settle("-", Outcome::Failed("not-found"));
                Err(Error::NotFound)
            }
        }
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
        permit.settle("-", Outcome::Success);
        Ok(self
            .context
            .services
            .pseudonyms
            .derive(&rp_id, &purpose, &input))
    }
}
