//! `zeropass:store/sessions`: sign-ins, through the gate into the store.

use super::bindings::sessions::{Host, Session};
use super::bindings::store::Error;
use super::state::CallState;
use crate::policy::action;
use crate::store;

impl Host for CallState {
    async fn create(
        &mut self,
        rp_id: String,
        user_id: String,
        credential_id: Vec<u8>,
        user_verified: bool,
    ) -> Result<Session, Error> {
        let permit = self.context.permit::<action::SessionsCreate>(&rp_id)?;
        let session = store::NewSession {
            user_id,
            credential_id,
            user_verified,
        };
        let store = &self.context.services.store;
        Ok(store.sessions_create(permit, session).await?.into())
    }

    async fn get(&mut self, rp_id: String, id: String) -> Result<Session, Error> {
        let permit = self.context.permit::<action::SessionsGet>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store.sessions_get(permit, id).await?.into())
    }

    async fn touch(&mut self, rp_id: String, id: String) -> Result<Session, Error> {
        let permit = self.context.permit::<action::SessionsTouch>(&rp_id)?;
        let services = &self.context.services;
        let touched = services
            .store
            .sessions_touch(permit, id, services.session_idle);
        Ok(touched.await?.into())
    }

    async fn revoke(&mut self, rp_id: String, id: String) -> Result<(), Error> {
        let permit = self.context.permit::<action::SessionsRevoke>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store.sessions_revoke(permit, id).await?)
    }
}

impl From<store::Session> for Session {
    fn from(session: store::Session) -> Self {
        Self {
            id: session.id,
            rp_id: session.rp_id,
            user_id: session.user_id,
            credential_id: session.credential_id,
            created_at: session.created_at,
            expires_at: session.expires_at,
            revoked_at: session.revoked_at,
            user_verified: session.user_verified,
            last_used_at: session.last_used_at,
        }
    }
}
