//! `zeropass:host/caller`: who sent the request.

use super::bindings::caller::{Host, Identity, ServedParty};
use super::state::CallState;

impl Host for CallState {
    async fn get(&mut self) -> Identity {
        let context = &self.context;
        Identity {
            workload: context.caller.workload.clone(),
            certificate_thumbprint: context.caller.thumbprint.to_vec(),
            request_id: context.actor.origin.request_id.clone(),
            relying_parties: context
                .caller
                .relying_parties
                .iter()
                .filter_map(|id| context.services.relying_parties.get(id))
                .map(|party| ServedParty {
                    id: party.profile.id.clone(),
                    related_origins: party.related_origins.clone(),
                    enroll_url: party.enroll_url.clone(),
                    manage_url: party.manage_url.clone(),
                    fresh_sign_in: party.fresh_sign_in,
                })
                .collect(),
        }
    }
}
