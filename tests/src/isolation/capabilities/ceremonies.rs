//! `zeropass:store/ceremonies`: put once, taken once.

use zeropass::capabilities::bindings::ceremonies::{Ceremony, Host, Kind};

use super::super::StoreError;
use super::super::state::State;
use super::form;

impl Host for State {
    async fn put(&mut self, mut ceremony: Ceremony) -> Result<(), StoreError> {
        let about = about(&ceremony.rp_id, ceremony.kind);
        let mut memory = self.store("ceremonies", "put", about)?;
        form::ceremony_id(&ceremony.id)?;
        form::check(ceremony.challenge.len() >= 16)?;
        if let Some(user) = &mut ceremony.user {
            user.id = form::uuid(&user.id)?;
        }
        for id in &ceremony.credentials {
            form::credential_id(id)?;
        }
        if memory
            .ceremonies
            .iter()
            .any(|(known, _)| known.id == ceremony.id)
        {
            return Err(StoreError::Exists);
        }
        memory.ceremonies.push((ceremony, false));
        Ok(())
    }

    async fn take(
        &mut self,
        rp_id: String,
        id: String,
        kind: Kind,
    ) -> Result<Ceremony, StoreError> {
        let mut memory = self.store("ceremonies", "take", about(&rp_id, kind))?;
        form::ceremony_id(&id)?;
        let now = memory.now();
        let (ceremony, used) = memory
            .ceremonies
            .iter_mut()
            .find(|(known, _)| known.id == id && known.rp_id == rp_id && known.kind == kind)
            .ok_or(StoreError::NotFound)?;
        if *used {
            return Err(StoreError::Used);
        }
        if ceremony.expires_at <= now {
            return Err(StoreError::Expired);
        }
        *used = true;
        Ok(ceremony.clone())
    }
}

fn about(rp_id: &str, kind: Kind) -> String {
    let kind = match kind {
        Kind::Registration => "registration",
        Kind::Authentication => "authentication",
    };
    format!("{rp_id} {kind}")
}
