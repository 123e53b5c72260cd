//! A stored credential as the rest of the world sees it: without its key.

use crate::bindings::credentials::{self, Credential};
use crate::bindings::{Passkey, Status};
use crate::provider;

impl From<Credential> for Passkey {
    fn from(credential: Credential) -> Self {
        Passkey {
            provider: provider::name(&credential.aaguid).map(str::to_owned),
            id: credential.id,
            user_id: credential.user_id,
            label: credential.label,
            status: match credential.status {
                credentials::Status::Active => Status::Active,
                credentials::Status::Suspended => Status::Suspended,
            },
            created_at: credential.created_at,
            last_used_at: credential.last_used_at,
            algorithm: credential.algorithm,
            aaguid: credential.aaguid,
            transports: credential.transports,
            backup_eligible: credential.backup_eligible,
            backup_state: credential.backup_state,
            sign_count: credential.sign_count,
            suspended_at: credential.suspended_at,
            clone_alarm_at: credential.clone_alarm_at,
        }
    }
}
