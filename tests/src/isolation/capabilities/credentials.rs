//! `zeropass:store/credentials`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeropass::capabilities::bindings::credentials::{
    Credential, CredentialChange as Change, Host, Status, Use,
};

use zeropass::capabilities::bindings::relying_party::CredentialForm;

use super::super::StoreError;
use super::super::memory::Memory;
use super::super::state::State;
use super::form;

impl Host for State {
    async fn insert(
        &mut self,
        mut credential: Credential,
        only_first: bool,
    ) -> Result<(), StoreError> {
        let about = about(&credential.rp_id, &credential.id);
        let mut memory = self.store("credentials", "insert", about)?;
        credential.user_id = form::uuid(&credential.user_id)?;
        form::credential_id(&credential.id)?;
        form::name(&credential.label)?;
        form::name(&credential.attestation_format)?;
        form::check(credential.aaguid.len() == 16 && !credential.public_key.is_empty())?;
        if find(&mut memory, &credential.rp_id, &credential.id).is_ok() {
            return Err(StoreError::Exists);
        }
        let owned = |known: &Credential| {
            known.rp_id == credential.rp_id && known.user_id == credential.user_id
        };
        if only_first && memory.credentials.iter().any(owned) {
            return Err(StoreError::Conflict);
        }
        memory.credentials.push(credential);
        Ok(())
    }

    async fn get(&mut self, rp_id: String, id: Vec<u8>) -> Result<Credential, StoreError> {
        let mut memory = self.store("credentials", "get", about(&rp_id, &id))?;
        form::credential_id(&id)?;
        find(&mut memory, &rp_id, &id).cloned()
    }

    async fn list_for_user(
        &mut self,
        rp_id: String,
        user_id: String,
    ) -> Result<Vec<Credential>, StoreError> {
        let memory = self.store("credentials", "list-for-user", format!("{rp_id} {user_id}"))?;
        let user_id = form::uuid(&user_id)?;
        let own = memory
            .credentials
            .iter()
            .filter(|known| known.rp_id == rp_id && known.user_id == user_id);
        let mut own: Vec<Credential> = own.cloned().collect();
        own.sort_by_key(|known| known.created_at);
        Ok(own)
    }

    async fn rename(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Credential, StoreError> {
        let mut memory = self.store("credentials", "rename", about(&rp_id, &id))?;
        form::name(&label)?;
        let known = owned(&mut memory, &rp_id, &user_id, &id)?;
        known.label = label;
        Ok(known.clone())
    }

    async fn set_status(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, StoreError> {
        let mut memory = self.store("credentials", "set-status", about(&rp_id, &id))?;
        let change = Change {
            label: None,
            status: Some(status),
        };
        alter(&mut memory, &rp_id, &user_id, &id, change, keep_last)
    }

    async fn change(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: Change,
        keep_last: bool,
    ) -> Result<Credential, StoreError> {
        let mut memory = self.store("credentials", "change", about(&rp_id, &id))?;
        if let Some(label) = &change.label {
            form::name(label)?;
        }
        alter(&mut memory, &rp_id, &user_id, &id, change, keep_last)
    }

    async fn remove(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        keep_last: bool,
    ) -> Result<(), StoreError> {
        let mut memory = self.store("credentials", "remove", about(&rp_id, &id))?;
        owned(&mut memory, &rp_id, &user_id, &id)?;
        if keep_last && !another_is_active(&memory, &rp_id, &user_id, &id) {
            return Err(StoreError::Last);
        }
        memory
            .credentials
            .retain(|known| known.rp_id != rp_id || known.id != id);
        Ok(())
    }

    async fn record_use(
        &mut self,
        rp_id: String,
        id: Vec<u8>,
        recorded: Use,
    ) -> Result<Credential, StoreError> {
        let mut memory = self.store("credentials", "record-use", about(&rp_id, &id))?;
        form::credential_id(&id)?;
        let known = find(&mut memory, &rp_id, &id)?;
        // A credential that was suspended since it was read counts as changed.
        if known.sign_count != recorded.previous_sign_count
            || known.backup_state != recorded.previous_backup_state
            || known.status != Status::Active
        {
            return Err(StoreError::Conflict);
        }
        known.sign_count = recorded.sign_count;
        known.backup_state = recorded.backup_state;
        known.backup_eligible = recorded.backup_eligible;
        if recorded.clone_alarm {
            known.clone_alarm_at = Some(recorded.at);
        }
        known.last_used_at = Some(recorded.at);
        Ok(known.clone())
    }

    async fn typical(&mut self, rp_id: String) -> Result<Option<CredentialForm>, StoreError> {
        let memory = self.store("credentials", "typical", rp_id.clone())?;
        let own = memory
            .credentials
            .iter()
            .filter(|known| known.rp_id == rp_id);
        let oldest = own.min_by_key(|known| (known.created_at, &known.id));
        Ok(oldest.map(|known| CredentialForm {
            id_length: u32::try_from(known.id.len()).unwrap_or(u32::MAX),
            transports: known.transports.clone(),
        }))
    }
}

fn alter(
    memory: &mut Memory,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
    change: Change,
    keep_last: bool,
) -> Result<Credential, StoreError> {
    let now = memory.now();
    let alone = !another_is_active(memory, rp_id, user_id, id);
    let known = owned(memory, rp_id, user_id, id)?;
    match change.status {
        Some(Status::Suspended) if keep_last && alone => return Err(StoreError::Last),
        Some(Status::Suspended) => known.suspended_at = Some(now),
        Some(Status::Active) => known.clone_alarm_at = None,
        None => {}
    }
    known.status = change.status.unwrap_or(known.status);
    if let Some(label) = change.label {
        known.label = label;
    }
    Ok(known.clone())
}

fn another_is_active(memory: &Memory, rp_id: &str, user_id: &str, id: &[u8]) -> bool {
    memory.credentials.iter().any(|known| {
        known.rp_id == rp_id
            && known.user_id == user_id
            && known.id != id
            && known.status == Status::Active
    })
}

fn about(rp_id: &str, id: &[u8]) -> String {
    format!("{rp_id} {}", URL_SAFE_NO_PAD.encode(id))
}

fn find<'a>(
    memory: &'a mut Memory,
    rp_id: &str,
    id: &[u8],
) -> Result<&'a mut Credential, StoreError> {
    memory
        .credentials
        .iter_mut()
        .find(|known| known.rp_id == rp_id && known.id == id)
        .ok_or(StoreError::NotFound)
}

fn owned<'a>(
    memory: &'a mut Memory,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<&'a mut Credential, StoreError> {
    let user_id = form::uuid(user_id)?;
    form::credential_id(id)?;
    match find(memory, rp_id, id) {
        Ok(known) if known.user_id == user_id => Ok(known),
        _ => Err(StoreError::NotFound),
    }
}
