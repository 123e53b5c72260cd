//! `zeropass:store/credentials`.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Component;
use crate::bindings::exports::zeropass::store::credentials::{
    Credential, CredentialChange as Change, Guest, Status, Use,
};
use crate::bindings::exports::zeropass::store::types::Error;
use crate::bindings::zeropass::host::relying_party::CredentialForm;
use crate::memory::{Memory, with};

impl Guest for Component {
    fn insert(credential: Credential, only_first: bool) -> Result<(), Error> {
        with(|memory| {
            if find(memory, &credential.rp_id, &credential.id).is_ok() {
                return Err(Error::Exists);
            }
            let owned = |known: &Credential| {
                known.rp_id == credential.rp_id && known.user_id == credential.user_id
            };
            if only_first && memory.credentials.iter().any(owned) {
                return Err(Error::Conflict);
            }
            memory.credentials.push(credential);
            Ok(())
        })
    }

    fn get(rp_id: String, id: Vec<u8>) -> Result<Credential, Error> {
        with(|memory| find(memory, &rp_id, &id).cloned())
    }

    fn list_for_user(rp_id: String, user_id: String) -> Result<Vec<Credential>, Error> {
        with(|memory| {
            let own = memory
                .credentials
                .iter()
                .filter(|known| known.rp_id == rp_id && known.user_id == user_id);
            let mut own: Vec<Credential> = own.cloned().collect();
            own.sort_by_key(|known| known.created_at);
            Ok(own)
        })
    }

    fn rename(
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Credential, Error> {
        with(|memory| {
            let known = owned(memory, &rp_id, &user_id, &id)?;
            known.label = label;
            Ok(known.clone())
        })
    }

    fn set_status(
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, Error> {
        let change = Change {
            label: None,
            status: Some(status),
        };
        Self::change(rp_id, user_id, id, change, keep_last)
    }

    fn change(
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: Change,
        keep_last: bool,
    ) -> Result<Credential, Error> {
        with(|memory| {
            let last = keep_last && !another_is_active(memory, &rp_id, &user_id, &id);
            let known = owned(memory, &rp_id, &user_id, &id)?;
            match change.status {
                Some(Status::Suspended) if last => return Err(Error::Last),
                Some(Status::Suspended) => known.suspended_at = Some(now()),
                Some(Status::Active) => known.clone_alarm_at = None,
                None => {}
            }
            known.status = change.status.unwrap_or(known.status);
            if let Some(label) = change.label {
                known.label = label;
            }
            Ok(known.clone())
        })
    }

    fn remove(rp_id: String, user_id: String, id: Vec<u8>, keep_last: bool) -> Result<(), Error> {
        with(|memory| {
            owned(memory, &rp_id, &user_id, &id)?;
            if keep_last && !another_is_active(memory, &rp_id, &user_id, &id) {
                return Err(Error::Last);
            }
            memory
                .credentials
                .retain(|known| known.rp_id != rp_id || known.id != id);
            Ok(())
        })
    }

    fn record_use(rp_id: String, id: Vec<u8>, used: Use) -> Result<Credential, Error> {
        with(|memory| {
            let known = find(memory, &rp_id, &id)?;
            if known.sign_count != used.previous_sign_count
                || known.backup_state != used.previous_backup_state
                || known.status != Status::Active
            {
                return Err(Error::Conflict);
            }
            known.sign_count = used.sign_count;
            known.backup_state = used.backup_state;
            known.backup_eligible = used.backup_eligible;
            if used.clone_alarm {
                known.clone_alarm_at = Some(used.at);
            }
            known.last_used_at = Some(used.at);
            Ok(known.clone())
        })
    }

    fn typical(rp_id: String) -> Result<Option<CredentialForm>, Error> {
        with(|memory| {
            let first = memory.credentials.iter().find(|known| known.rp_id == rp_id);
            Ok(first.map(|known| CredentialForm {
                id_length: u32::try_from(known.id.len()).unwrap_or(u32::MAX),
                transports: known.transports.clone(),
            }))
        })
    }
}

fn another_is_active(memory: &Memory, rp_id: &str, user_id: &str, id: &[u8]) -> bool {
    memory.credentials.iter().any(|known| {
        known.rp_id == rp_id
            && known.user_id == user_id
            && known.id != id
            && known.status == Status::Active
    })
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn find<'a>(memory: &'a mut Memory, rp_id: &str, id: &[u8]) -> Result<&'a mut Credential, Error> {
    memory
        .credentials
        .iter_mut()
        .find(|known| known.rp_id == rp_id && known.id == id)
        .ok_or(Error::NotFound)
}

fn owned<'a>(
    memory: &'a mut Memory,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<&'a mut Credential, Error> {
    match find(memory, rp_id, id) {
        Ok(known) if known.user_id == user_id => Ok(known),
        _ => Err(Error::NotFound),
    }
}
