//! A person with a browser and a software authenticator that is none of ours: the
//! `passkey` crates of 1Password do the WebAuthn and CTAP 2 half.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey::authenticator::{
    Authenticator, CredentialStore, DiscoverabilitySupport, StoreInfo, UiHint, UserCheck,
    UserValidationMethod,
};
use passkey::client::{Client as Browser, DefaultClientData, WebauthnError};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::make_credential::{
    Options, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity,
};
use passkey::types::ctap2::{Aaguid, Ctap2Error, StatusCode};
use passkey::types::webauthn::PublicKeyCredentialDescriptor;
use reqwest::Url;
use serde_json::{Value, json};

use super::{Answer, Client};

/// Somebody at a device, on a page of one origin. The device keeps any number of
/// passkeys.
pub struct Person {
    device: Device,
    origin: Url,
}

/// The device's memory, which outlives the single ceremony. Lookups without a list
/// find everything: all its passkeys are discoverable.
#[derive(Clone, Default)]
struct Device(Arc<Mutex<Vec<Passkey>>>);

/// Touches and unlocks whenever asked to.
struct AlwaysThere;

// === impl Person ===

impl Person {
    /// Somebody with a new device on a page of this origin.
    pub fn at(origin: &str) -> Self {
        Self {
            device: Device::default(),
            origin: Url::parse(origin).expect("an origin"),
        }
    }

    /// `navigator.credentials.create()` with the `publicKey` of an answer.
    ///
    /// # Errors
    /// The authenticator refuses, for one because it holds an excluded credential.
    pub async fn create(&self, public_key: &Value) -> Result<Value, WebauthnError> {
        let options = serde_json::from_value(json!({"publicKey": public_key}))
            .expect("creation options in the JSON form of Level 3");
        let mut browser = Browser::new(self.authenticator()).allows_insecure_localhost(true);
        let created = browser
            .register(&self.origin, options, DefaultClientData)
            .await?;
        Ok(wire_form(
            serde_json::to_value(created).expect("a credential in JSON"),
        ))
    }

    /// `navigator.credentials.get()` with the `publicKey` of an answer.
    ///
    /// # Errors
    /// The authenticator refuses, for one because it holds none of the passkeys.
    pub async fn get(&self, public_key: &Value) -> Result<Value, WebauthnError> {
        let options = serde_json::from_value(json!({"publicKey": public_key}))
            .expect("request options in the JSON form of Level 3");
        let mut browser = Browser::new(self.authenticator()).allows_insecure_localhost(true);
        let got = browser
            .authenticate(&self.origin, options, DefaultClientData)
            .await?;
        Ok(wire_form(
            serde_json::to_value(got).expect("an assertion in JSON"),
        ))
    }

    /// Register a passkey for a new account of this name: both requests. The answer
    /// is that of the second one.
    pub async fn register(&self, client: &Client, name: &str) -> Answer {
        self.register_as(client, &json!({"name": name, "displayName": name}))
            .await
    }

    /// Register a passkey for this `user` of `POST /v1/registrations`.
    pub async fn register_as(&self, client: &Client, user: &Value) -> Answer {
        let begun = client
            .post("/v1/registrations", &json!({"user": user}))
            .await
            .expect(201);
        let credential = self
            .create(&begun["publicKey"])
            .await
            .expect("the authenticator makes a passkey");
        client
            .post(
                &format!("/v1/registrations/{}", text(&begun["ceremony"])),
                &json!({"credential": credential}),
            )
            .await
    }

    /// Sign in by name: both requests. The answer is that of the second one.
    pub async fn sign_in(&self, client: &Client, name: &str) -> Answer {
        self.sign_in_with(client, &json!({"user": {"name": name}}))
            .await
    }

    /// Sign in without a name.
    pub async fn sign_in_discoverable(&self, client: &Client) -> Answer {
        self.sign_in_with(client, &json!({})).await
    }

    /// Counts its signatures, so that every sign-in moves the counter.
    fn authenticator(&self) -> Authenticator<Device, AlwaysThere, RustCryptoBackend> {
        let mut authenticator = Authenticator::new(
            Aaguid::new_empty(),
            self.device.clone(),
            AlwaysThere,
            RustCryptoBackend,
        );
        authenticator.set_make_credentials_with_signature_counter(true);
        authenticator
    }

    async fn sign_in_with(&self, client: &Client, body: &Value) -> Answer {
        let begun = client.post("/v1/authentications", body).await.expect(201);
        let credential = self
            .get(&begun["publicKey"])
            .await
            .expect("the authenticator has such a passkey");
        client
            .post(
                &format!("/v1/authentications/{}", text(&begun["ceremony"])),
                &json!({"credential": credential}),
            )
            .await
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("origin", &self.origin.as_str())
            .finish_non_exhaustive()
    }
}

/// The crates write bytes as lists of numbers and absent members as null; what a
/// browser's `toJSON()` gives has base64url and leaves absent members out.
fn wire_form(value: Value) -> Value {
    let bytes = |values: &[Value]| -> Option<Vec<u8>> {
        let byte = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
        values.iter().map(byte).collect()
    };
    match value {
        Value::Array(values) => match bytes(&values) {
            Some(bytes) if !bytes.is_empty() => URL_SAFE_NO_PAD.encode(bytes).into(),
            _ => values.into_iter().map(wire_form).collect(),
        },
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, wire_form(value)))
            .collect(),
        other => other,
    }
}

/// A JSON string's text.
///
/// # Panics
/// It is none.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not text"))
}

// === impl Device ===

impl Device {
    fn passkeys(&self) -> MutexGuard<'_, Vec<Passkey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CredentialStore for Device {
    type PasskeyItem = Passkey;

    async fn find_credentials(
        &self,
        ids: Option<&[PublicKeyCredentialDescriptor]>,
        rp_id: &str,
        user_handle: Option<&[u8]>,
    ) -> Result<Vec<Passkey>, StatusCode> {
        let wanted = |passkey: &&Passkey| {
            passkey.rp_id == rp_id
                && ids.is_none_or(|ids| ids.iter().any(|id| id.id == passkey.credential_id))
                && user_handle
                    .is_none_or(|handle| passkey.user_handle.as_deref() == Some(&handle.to_vec()))
        };
        // The newest first, which the authenticator takes.
        let found: Vec<_> = self
            .passkeys()
            .iter()
            .rev()
            .filter(wanted)
            .cloned()
            .collect();
        if found.is_empty() {
            return Err(Ctap2Error::NoCredentials.into());
        }
        Ok(found)
    }

    async fn save_credential(
        &mut self,
        passkey: Passkey,
        _user: PublicKeyCredentialUserEntity,
        _rp: PublicKeyCredentialRpEntity,
        _options: Options,
    ) -> Result<(), StatusCode> {
        self.passkeys().push(passkey);
        Ok(())
    }

    async fn update_credential(&mut self, passkey: &Passkey) -> Result<(), StatusCode> {
        for kept in self.passkeys().iter_mut() {
            if kept.credential_id == passkey.credential_id {
                *kept = passkey.clone();
            }
        }
        Ok(())
    }

    async fn get_info(&self) -> StoreInfo {
        StoreInfo {
            discoverability: DiscoverabilitySupport::ForcedDiscoverable,
        }
    }
}

// === impl AlwaysThere ===

#[async_trait]
impl UserValidationMethod for AlwaysThere {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        hint: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        // The crate leaves this refusal (CTAP 2.1 section 6.1.2 step 12) to us.
        if matches!(hint, UiHint::InformExcludedCredentialFound(_)) {
            return Err(Ctap2Error::CredentialExcluded);
        }
        Ok(UserCheck {
            presence,
            verification,
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}
