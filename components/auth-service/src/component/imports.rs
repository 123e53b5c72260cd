//! The traits of [`crate::host`], each by the import of its name.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    bindings::zeropass::{
        host::{caller, log, tokens},
        passkeys::{authentication, lifecycle, registration},
        store::{accounts, sessions},
    },
    host::*,
};

/// Stands for all imports.
pub struct Imports;

// === impl Imports ===

impl Imports {
    /// Every capability by its import.
    pub fn host(&self) -> Host<'_> {
        Host {
            caller: self,
            tokens: self,
            accounts: self,
            sessions: self,
            registration: self,
            authentication: self,
            lifecycle: self,
            clock: self,
            log: self,
        }
    }
}

impl Caller for Imports {
    fn get(&self) -> Identity {
        caller::get()
    }
}

impl Tokens for Imports {
    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        tokens::sign(claims)
    }
    fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        tokens::verify(token)
    }
    fn keys(&self) -> Result<String, TokenError> {
        tokens::keys()
    }
}

impl Accounts for Imports {
    fn create(
        &self,
        rp_id: &str,
        id: Option<&str>,
        name: &str,
        display_name: &str,
    ) -> Result<Account, StoreError> {
        accounts::create(rp_id, id, name, display_name)
    }
    fn activate(&self, rp_id: &str, id: &str) -> Result<Account, StoreError> {
        accounts::activate(rp_id, id)
    }
    fn change(&self, rp_id: &str, id: &str, change: &AccountChange) -> Result<Account, StoreError> {
        accounts::change(rp_id, id, change)
    }
    fn find_by_id(&self, rp_id: &str, id: &str) -> Result<Account, StoreError> {
        accounts::find_by_id(rp_id, id)
    }
    fn find_by_name(&self, rp_id: &str, name: &str) -> Result<Account, StoreError> {
        accounts::find_by_name(rp_id, name)
    }
}

impl Sessions for Imports {
    fn create(
        &self,
        rp_id: &str,
        user_id: &str,
        credential_id: &[u8],
        user_verified: bool,
    ) -> Result<Session, StoreError> {
        sessions::create(rp_id, user_id, credential_id, user_verified)
    }
    fn touch(&self, rp_id: &str, id: &str) -> Result<Session, StoreError> {
        sessions::touch(rp_id, id)
    }
    fn revoke(&self, rp_id: &str, id: &str) -> Result<(), StoreError> {
        sessions::revoke(rp_id, id)
    }
}

impl Registration for Imports {
    fn begin(&self, request: &RegistrationRequest) -> Result<CreationOptions, Rejection> {
        registration::begin(request)
    }
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &RegistrationResponse,
        label: Option<&str>,
    ) -> Result<Registered, Rejection> {
        registration::finish(rp_id, ceremony, response, label)
    }
}

impl Authentication for Imports {
    fn begin(&self, request: &AuthenticationRequest) -> Result<RequestOptions, Rejection> {
        authentication::begin(request)
    }
    fn finish(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: &AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        authentication::finish(rp_id, ceremony, response)
    }
}

impl Lifecycle for Imports {
    fn list(&self, rp_id: &str, user_id: &str) -> Result<Vec<Passkey>, Rejection> {
        lifecycle::list(rp_id, user_id)
    }
    fn get(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        lifecycle::get(rp_id, user_id, id)
    }
    fn rename(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Passkey, Rejection> {
        lifecycle::rename(rp_id, user_id, id, label)
    }
    fn suspend(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        lifecycle::suspend(rp_id, user_id, id)
    }
    fn resume(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<Passkey, Rejection> {
        lifecycle::resume(rp_id, user_id, id)
    }
    fn change(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        lifecycle::change(rp_id, user_id, id, change)
    }
    fn revoke(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
        lifecycle::revoke(rp_id, user_id, id)
    }
    fn withdraw(&self, rp_id: &str, user_id: &str, id: &[u8]) -> Result<(), Rejection> {
        lifecycle::withdraw(rp_id, user_id, id)
    }
}

impl Clock for Imports {
    fn now(&self) -> u64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // A clock beyond what milliseconds can say: every session is over.
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Log for Imports {
    fn write(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}
