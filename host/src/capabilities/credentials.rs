//! `zeropass:store/credentials`: passkeys, through the gate into the store.

use super::bindings::credentials::{Credential, CredentialChange as Change, Host, Status, Use};
use super::bindings::relying_party::CredentialForm;
use super::bindings::store::Error;
use super::state::CallState;
use crate::policy::action;
use crate::store;

impl Host for CallState {
    async fn insert(&mut self, credential: Credential, only_first: bool) -> Result<(), Error> {
        let permit = self
            .context
            .permit::<action::CredentialsInsert>(&credential.rp_id)?;
        let store = &self.context.services.store;
        let credential = credential.into();
        Ok(store
            .credentials_insert(permit, credential, only_first)
            .await?)
    }

    async fn get(&mut self, rp_id: String, id: Vec<u8>) -> Result<Credential, Error> {
        let permit = self.context.permit::<action::CredentialsGet>(&rp_id)?;
        let store = &self.context.services.store;
        let credential = store.credentials_get(permit, id).await?;
        self.context.attempts(&credential.user_id);
        Ok(credential.into())
    }

    async fn list_for_user(
        &mut self,
        rp_id: String,
        user_id: String,
    ) -> Result<Vec<Credential>, Error> {
        let permit = self
            .context
            .permit::<action::CredentialsListForUser>(&rp_id)?;
        let store = &self.context.services.store;
        let credentials = store.credentials_list_for_user(permit, user_id).await?;
        Ok(credentials.into_iter().map(Into::into).collect())
    }

    async fn rename(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Credential, Error> {
        let permit = self.context.permit::<action::CredentialsRename>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store
            .credentials_rename(permit, user_id, id, label)
            .await?
            .into())
    }

    async fn set_status(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, Error> {
        let permit = self
            .context
            .permit::<action::CredentialsSetStatus>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store
            .credentials_set_status(permit, user_id, id, status.into(), keep_last)
            .await?
            .into())
    }

    async fn change(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: Change,
        keep_last: bool,
    ) -> Result<Credential, Error> {
        let permit = self.context.permit::<action::CredentialsChange>(&rp_id)?;
        let change = store::CredentialChange {
            label: change.label,
            status: change.status.map(Into::into),
            keep_last,
        };
        let store = &self.context.services.store;
        Ok(store
            .credentials_change(permit, user_id, id, change)
            .await?
            .into())
    }

    async fn remove(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        keep_last: bool,
    ) -> Result<(), Error> {
        let permit = self.context.permit::<action::CredentialsRemove>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store
            .credentials_remove(permit, user_id, id, keep_last)
            .await?)
    }

    async fn record_use(
        &mut self,
        rp_id: String,
        id: Vec<u8>,
        recorded: Use,
    ) -> Result<Credential, Error> {
        let permit = self
            .context
            .permit::<action::CredentialsRecordUse>(&rp_id)?;
        let recorded = store::CredentialUse {
            previous_sign_count: recorded.previous_sign_count,
            sign_count: recorded.sign_count,
            previous_backup_state: recorded.previous_backup_state,
            backup_state: recorded.backup_state,
            backup_eligible: recorded.backup_eligible,
            clone_alarm: recorded.clone_alarm,
            at: recorded.at,
        };
        let store = &self.context.services.store;
        Ok(store
            .credentials_record_use(permit, id, recorded)
            .await?
            .into())
    }

    async fn typical(&mut self, rp_id: String) -> Result<Option<CredentialForm>, Error> {
        let permit = self.context.permit::<action::CredentialsTypical>(&rp_id)?;
        let store = &self.context.services.store;
        let form = store.credentials_typical(permit).await?;
        Ok(form.map(|form| CredentialForm {
            id_length: form.id_length,
            transports: form.transports,
        }))
    }
}

impl From<Status> for store::CredentialStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
        }
    }
}

impl From<store::CredentialStatus> for Status {
    fn from(status: store::CredentialStatus) -> Self {
        match status {
            store::CredentialStatus::Active => Self::Active,
            store::CredentialStatus::Suspended => Self::Suspended,
        }
    }
}

/// The same fields on both sides; only the status is a type of each side's own.
macro_rules! convert_credential {
    ($from:ty => $to:ty) => {
        impl From<$from> for $to {
            fn from(credential: $from) -> Self {
                Self {
                    rp_id: credential.rp_id,
                    user_id: credential.user_id,
                    id: credential.id,
                    label: credential.label,
                    status: credential.status.into(),
                    created_at: credential.created_at,
                    last_used_at: credential.last_used_at,
                    public_key: credential.public_key,
                    algorithm: credential.algorithm,
                    sign_count: credential.sign_count,
                    aaguid: credential.aaguid,
                    transports: credential.transports,
                    backup_eligible: credential.backup_eligible,
                    backup_state: credential.backup_state,
                    user_verified: credential.user_verified,
                    discoverable: credential.discoverable,
                    attestation_format: credential.attestation_format,
                    suspended_at: credential.suspended_at,
                    clone_alarm_at: credential.clone_alarm_at,
                }
            }
        }
    };
}
convert_credential!(Credential => store::Credential);
convert_credential!(store::Credential => Credential);
