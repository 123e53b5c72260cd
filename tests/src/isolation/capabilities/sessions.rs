//! `zeropass:store/sessions`.

use zeropass::capabilities::bindings::sessions::{Host, Session};

use super::super::StoreError;
use super::super::memory::{Memory, SESSION_IDLE, SESSION_LIFETIME};
use super::super::state::State;
use super::form;

impl Host for State {
    async fn create(
        &mut self,
        rp_id: String,
        user_id: String,
        credential_id: Vec<u8>,
        user_verified: bool,
    ) -> Result<Session, StoreError> {
        let mut memory = self.store("sessions", "create", format!("{rp_id} {user_id}"))?;
        form::credential_id(&credential_id)?;
        let now = memory.now();
        let session = Session {
            id: memory.new_id(),
            rp_id,
            user_id: form::uuid(&user_id)?,
            credential_id,
            created_at: now,
            expires_at: now.saturating_add(SESSION_LIFETIME),
            revoked_at: None,
            user_verified,
            last_used_at: now,
        };
        memory.sessions.push(session.clone());
        Ok(session)
    }

    async fn get(&mut self, rp_id: String, id: String) -> Result<Session, StoreError> {
        let mut memory = self.store("sessions", "get", format!("{rp_id} {id}"))?;
        find(&mut memory, &rp_id, &id).cloned()
    }

    async fn touch(&mut self, rp_id: String, id: String) -> Result<Session, StoreError> {
        let mut memory = self.store("sessions", "touch", format!("{rp_id} {id}"))?;
        let now = memory.now();
        let session = find(&mut memory, &rp_id, &id)?;
        let idle_since = session.last_used_at.saturating_add(SESSION_IDLE);
        if session.revoked_at.is_some() || session.expires_at <= now || idle_since <= now {
            return Err(StoreError::Expired);
        }
        session.last_used_at = now;
        Ok(session.clone())
    }

    async fn revoke(&mut self, rp_id: String, id: String) -> Result<(), StoreError> {
        let mut memory = self.store("sessions", "revoke", format!("{rp_id} {id}"))?;
        let now = memory.now();
        find(&mut memory, &rp_id, &id)?
            .revoked_at
            .get_or_insert(now);
        Ok(())
    }
}

fn find<'a>(memory: &'a mut Memory, rp_id: &str, id: &str) -> Result<&'a mut Session, StoreError> {
    let id = form::uuid(id)?;
    memory
        .sessions
        .iter_mut()
        .find(|known| known.rp_id == rp_id && known.id == id)
        .ok_or(StoreError::NotFound)
}
