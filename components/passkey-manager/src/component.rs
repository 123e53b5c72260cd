//! The component: exports joined to the ceremonies, imports joined to [`Host`].
//! Nothing is decided here.
#![allow(unsafe_code, reason = "the export macro writes the ABI's functions")]

use std::time::{SystemTime, UNIX_EPOCH};

use wasip2::random::random::get_random_bytes;

use crate::bindings::ceremonies::{self, Ceremony, Kind};
use crate::bindings::credentials::{self, Credential, CredentialChange as Change, Status, Use};
use crate::bindings::relying_party::{self, CredentialForm, Model, ModelReport, Profile};
use crate::bindings::signatures::{self, PublicKey};
use crate::bindings::{Passkey, PasskeyChange, Rejection, log, store};
use crate::bindings::{authentication as authentication_wit, registration as registration_wit};
use crate::host::Host;
use crate::{authentication, lifecycle, registration};

/// The exports; there is no state to hold.
struct Component;

/// The imports, WASI's clock and its random generator.
struct Imports;

crate::bindings::export!(Component with_types_in crate::bindings);

// === impl Component ===

impl registration_wit::Guest for Component {
    fn begin(
        request: registration_wit::BeginRequest,
    ) -> Result<registration_wit::CreationOptions, Rejection> {
        registration::begin(&Imports, request)
    }

    fn finish(
        rp_id: String,
        ceremony: String,
        response: registration_wit::Response,
        label: Option<String>,
    ) -> Result<registration_wit::Registered, Rejection> {
        registration::finish(&Imports, &rp_id, &ceremony, response, label)
    }
}

impl authentication_wit::Guest for Component {
    fn begin(
        request: authentication_wit::BeginRequest,
    ) -> Result<authentication_wit::RequestOptions, Rejection> {
        authentication::begin(&Imports, request)
    }

    fn finish(
        rp_id: String,
        ceremony: String,
        response: authentication_wit::Response,
    ) -> Result<authentication_wit::Authenticated, Rejection> {
        authentication::finish(&Imports, &rp_id, &ceremony, response)
    }
}

impl crate::bindings::lifecycle::Guest for Component {
    fn list(rp_id: String, user_id: String) -> Result<Vec<Passkey>, Rejection> {
        lifecycle::list(&Imports, &rp_id, &user_id)
    }

    fn get(rp_id: String, user_id: String, id: Vec<u8>) -> Result<Passkey, Rejection> {
        lifecycle::get(&Imports, &rp_id, &user_id, &id)
    }

    fn rename(
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection> {
        lifecycle::rename(&Imports, &rp_id, &user_id, &id, &label)
    }

    fn suspend(rp_id: String, user_id: String, id: Vec<u8>) -> Result<Passkey, Rejection> {
        lifecycle::suspend(&Imports, &rp_id, &user_id, &id)
    }

    fn resume(rp_id: String, user_id: String, id: Vec<u8>) -> Result<Passkey, Rejection> {
        lifecycle::resume(&Imports, &rp_id, &user_id, &id)
    }

    fn change(
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        lifecycle::change(&Imports, &rp_id, &user_id, &id, change)
    }

    fn revoke(rp_id: String, user_id: String, id: Vec<u8>) -> Result<(), Rejection> {
        lifecycle::revoke(&Imports, &rp_id, &user_id, &id)
    }

    fn withdraw(rp_id: String, user_id: String, id: Vec<u8>) -> Result<(), Rejection> {
        lifecycle::withdraw(&Imports, &rp_id, &user_id, &id)
    }
}

// === impl Imports ===

impl Host for Imports {
    fn describe(&self, rp_id: &str) -> Result<Profile, relying_party::Error> {
        relying_party::describe(rp_id)
    }

    fn attestation_anchors(
        &self,
        rp_id: &str,
        model: &Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error> {
        relying_party::attestation_anchors(rp_id, model)
    }

    fn authenticator(
        &self,
        rp_id: &str,
        model: &Model,
    ) -> Result<Option<ModelReport>, relying_party::Error> {
        relying_party::authenticator(rp_id, model)
    }

    fn pseudonym(
        &self,
        rp_id: &str,
        purpose: &str,
        input: &str,
    ) -> Result<Vec<u8>, relying_party::Error> {
        relying_party::pseudonym(rp_id, purpose, input)
    }

    fn verify(
        &self,
        algorithm: i32,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, signatures::Error> {
        signatures::verify(algorithm, key, message, signature)
    }

    fn insert_credential(
        &self,
        credential: &Credential,
        only_first: bool,
    ) -> Result<(), store::Error> {
        credentials::insert(credential, only_first)
    }

    fn credential(&self, rp_id: &str, id: &[u8]) -> Result<Credential, store::Error> {
        credentials::get(rp_id, id)
    }

    fn credentials_of(&self, rp_id: &str, user_id: &str) -> Result<Vec<Credential>, store::Error> {
        credentials::list_for_user(rp_id, user_id)
    }

    fn rename_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        label: &str,
    ) -> Result<Credential, store::Error> {
        credentials::rename(rp_id, user_id, id, label)
    }

    fn set_credential_status(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        status: Status,
        keep_last: bool,
    ) -> Result<Credential, store::Error> {
        credentials::set_status(rp_id, user_id, id, status, keep_last)
    }

    fn change_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        change: &Change,
        keep_last: bool,
    ) -> Result<Credential, store::Error> {
        credentials::change(rp_id, user_id, id, change, keep_last)
    }

    fn remove_credential(
        &self,
        rp_id: &str,
        user_id: &str,
        id: &[u8],
        keep_last: bool,
    ) -> Result<(), store::Error> {
        credentials::remove(rp_id, user_id, id, keep_last)
    }

    fn record_use(&self, rp_id: &str, id: &[u8], used: Use) -> Result<Credential, store::Error> {
        credentials::record_use(rp_id, id, used)
    }

    fn typical_credential(&self, rp_id: &str) -> Result<Option<CredentialForm>, store::Error> {
        credentials::typical(rp_id)
    }

    fn put_ceremony(&self, ceremony: &Ceremony) -> Result<(), store::Error> {
        ceremonies::put(ceremony)
    }

    fn take_ceremony(&self, rp_id: &str, id: &str, kind: Kind) -> Result<Ceremony, store::Error> {
        ceremonies::take(rp_id, id, kind)
    }

    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| u64::try_from(since.as_millis()).ok())
            .unwrap_or_default()
    }

    fn random(&self, length: usize) -> Vec<u8> {
        get_random_bytes(length as u64)
    }

    fn warn(&self, message: &str) {
        log::write(log::Level::Warn, message);
    }
}
