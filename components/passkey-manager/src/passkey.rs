//! A stored credential as the rest of the world sees it: without its key.

use crate::bindings::credentials::{self, Credential};
use crate::bindings::{Passkey, Status};
use crate::host::Host;
use crate::provider;

// === impl Passkey ===

impl Passkey {
    /// The passkey, with the name of its provider.
    pub fn of(host: &impl Host, credential: Credential) -> Self {
        let provider = provider::of(host, &credential.rp_id, &credential.aaguid);
        Self::from_provider(credential, provider)
    }

    /// The same for several; each model is asked for once.
    pub fn all(host: &impl Host, credentials: Vec<Credential>) -> Vec<Self> {
        let mut known: Vec<(Vec<u8>, Option<String>)> = Vec::new();
        let mut passkeys = Vec::with_capacity(credentials.len());
        for credential in credentials {
            let found = known
                .iter()
                .find(|(aaguid, _)| *aaguid == credential.aaguid)
                .map(|(_, provider)| provider.clone());
            let provider = found.unwrap_or_else(|| {
                let provider = provider::of(host, &credential.rp_id, &credential.aaguid);
                known.push((credential.aaguid.clone(), provider.clone()));
                provider
            });
            passkeys.push(Self::from_provider(credential, provider));
        }
        passkeys
    }

    /// The passkey of this provider.
    pub fn from_provider(credential: Credential, provider: Option<String>) -> Self {
        Passkey {
            provider,
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
