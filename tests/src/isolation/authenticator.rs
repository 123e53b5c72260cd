//! A software authenticator and the browser in front of it: ES256, with no
//! attestation or a packed one (WebAuthn L3 sections 8.7 and 8.2), by itself or by a
//! certificate.
//!
//! [`Authenticator::create`] and [`Authenticator::get`] answer options as they
//! come from passkey-manager, the `_json` forms as they come over HTTP. Fields can
//! be changed in between, so that a test can have a passkey that lies.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::fido::Attesting;

use super::{AuthenticationResponse, CreationOptions, RegistrationResponse, RequestOptions};

/// Flags of authenticator data (WebAuthn L3 section 6.1).
pub mod flags {
    /// The user was present.
    pub const UP: u8 = 0x01;
    /// The user was verified.
    pub const UV: u8 = 0x04;
    /// The passkey can be backed up.
    pub const BE: u8 = 0x08;
    /// The passkey is backed up.
    pub const BS: u8 = 0x10;
    /// A credential is included.
    pub const AT: u8 = 0x40;
}

/// What a registration proves about its authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestation {
    /// Format `none`.
    None,
    /// Format `packed`, signed with the passkey itself.
    PackedSelf,
    /// Format `packed`, signed by [`Authenticator::attesting`].
    PackedCertificate,
}

/// One passkey.
pub struct Authenticator {
    key: EcdsaKeyPair,
    /// 32 random bytes at first.
    pub credential_id: Vec<u8>,
    /// Zeros at first.
    pub aaguid: [u8; 16],
    /// Present and verified at first; AT is added where it belongs.
    pub flags: u8,
    /// What the next answer says. Zero at first, and stays.
    pub sign_count: u32,
    /// None at first.
    pub attestation: Attestation,
    /// Who attests for the model; nobody at first.
    pub attesting: Option<Attesting>,
    /// The account that [`Authenticator::create`] was for.
    pub user_handle: Option<Vec<u8>>,
}

// === impl Authenticator ===

impl Authenticator {
    /// A new passkey with a key of its own.
    ///
    /// # Panics
    /// When the machine has no randomness.
    #[allow(clippy::expect_used, reason = "nothing to be done without randomness")]
    pub fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a new key");
        let mut credential_id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut credential_id).expect("random bytes");
        Self {
            key,
            credential_id,
            aaguid: [0; 16],
            flags: flags::UP | flags::UV,
            sign_count: 0,
            attestation: Attestation::None,
            attesting: None,
            user_handle: None,
        }
    }

    /// Answer creation options in a page of `origin`.
    pub fn create(&mut self, options: &CreationOptions, origin: &str) -> RegistrationResponse {
        self.user_handle = uuid::Uuid::try_parse(&options.user.id)
            .ok()
            .map(|id| id.as_bytes().to_vec());
        let client_data_json = client_data("webauthn.create", &options.challenge, origin);
        RegistrationResponse {
            id: URL_SAFE_NO_PAD.encode(&self.credential_id),
            raw_id: self.credential_id.clone(),
            attestation_object: self.attestation_object(&options.rp_id, &client_data_json),
            client_data_json,
            transports: vec!["hybrid".into(), "internal".into()],
            client_extension_results: r#"{"credProps":{"rk":true}}"#.into(),
        }
    }

    /// Answer request options in a page of `origin`.
    pub fn get(&self, options: &RequestOptions, origin: &str) -> AuthenticationResponse {
        let client_data_json = client_data("webauthn.get", &options.challenge, origin);
        let (authenticator_data, signature) = self.assertion(&options.rp_id, &client_data_json);
        AuthenticationResponse {
            id: URL_SAFE_NO_PAD.encode(&self.credential_id),
            raw_id: self.credential_id.clone(),
            client_data_json,
            authenticator_data,
            signature,
            user_handle: self.user_handle.clone(),
            client_extension_results: "{}".into(),
        }
    }

    /// Answer the `publicKey` of `POST /v1/registrations` with a
    /// `RegistrationResponseJSON` (WebAuthn L3 section 5.1.8.1). What is missing in
    /// the options counts as empty.
    pub fn create_json(&mut self, options: &Value, origin: &str) -> Value {
        self.user_handle = Some(bytes_at(options, "/user/id"));
        let client_data_json =
            client_data("webauthn.create", &bytes_at(options, "/challenge"), origin);
        let object = self.attestation_object(text_at(options, "/rp/id"), &client_data_json);
        let id = URL_SAFE_NO_PAD.encode(&self.credential_id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data_json),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "transports": ["hybrid", "internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        })
    }

    /// Answer the `publicKey` of `POST /v1/authentications` with an
    /// `AuthenticationResponseJSON` (WebAuthn L3 section 5.1.8.2).
    pub fn get_json(&self, options: &Value, origin: &str) -> Value {
        let client_data_json =
            client_data("webauthn.get", &bytes_at(options, "/challenge"), origin);
        let (data, signature) = self.assertion(text_at(options, "/rpId"), &client_data_json);
        let id = URL_SAFE_NO_PAD.encode(&self.credential_id);
        let mut response = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data_json),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        if let (Some(handle), Some(members)) = (&self.user_handle, response.as_object_mut()) {
            members.insert("userHandle".into(), URL_SAFE_NO_PAD.encode(handle).into());
        }
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        })
    }

    /// An attestation object (WebAuthn L3 section 6.5.4) over these client data.
    pub fn attestation_object(&self, rp_id: &str, client_data_json: &[u8]) -> Vec<u8> {
        let mut data = self.authenticator_data(rp_id, self.flags | flags::AT);
        data.extend_from_slice(&self.aaguid);
        let length = u16::try_from(self.credential_id.len()).unwrap_or(u16::MAX);
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(&self.credential_id);
        data.extend_from_slice(&self.public_key());

        let mut object = vec![0xa3];
        text(&mut object, "fmt");
        match (self.attestation, &self.attesting) {
            (Attestation::PackedCertificate, Some(attesting)) => {
                text(&mut object, "packed");
                text(&mut object, "attStmt");
                object.push(0xa3);
                text(&mut object, "alg");
                object.push(0x26);
                text(&mut object, "sig");
                bytes(&mut object, &sign(&attesting.key, &data, client_data_json));
                text(&mut object, "x5c");
                object.push(0x81);
                bytes(&mut object, &attesting.certificate);
            }
            (Attestation::None | Attestation::PackedCertificate, _) => {
                text(&mut object, "none");
                text(&mut object, "attStmt");
                object.push(0xa0);
            }
            (Attestation::PackedSelf, _) => {
                text(&mut object, "packed");
                text(&mut object, "attStmt");
                object.push(0xa2);
                text(&mut object, "alg");
                object.push(0x26);
                text(&mut object, "sig");
                bytes(&mut object, &sign(&self.key, &data, client_data_json));
            }
        }
        text(&mut object, "authData");
        bytes(&mut object, &data);
        object
    }

    /// Authenticator data and signature of an assertion over these client data.
    pub fn assertion(&self, rp_id: &str, client_data_json: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let data = self.authenticator_data(rp_id, self.flags);
        let signature = sign(&self.key, &data, client_data_json);
        (data, signature)
    }

    /// The public key as a COSE_Key in CBOR.
    pub fn public_key(&self) -> Vec<u8> {
        // SEC 1 section 2.3.3: 0x04, then x and y of 32 bytes each.
        let point = self.key.public_key().as_ref();
        let (x, y) = point
            .get(1..)
            .unwrap_or_default()
            .split_at_checked(32)
            .unwrap_or_default();
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
        bytes(&mut key, x);
        key.push(0x22);
        bytes(&mut key, y);
        key
    }

    fn authenticator_data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let mut data = digest::digest(&digest::SHA256, rp_id.as_bytes())
            .as_ref()
            .to_vec();
        data.push(flags);
        data.extend_from_slice(&self.sign_count.to_be_bytes());
        data
    }
}

#[allow(clippy::expect_used, reason = "nothing to be done without randomness")]
fn sign(key: &EcdsaKeyPair, data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
    let hash = digest::digest(&digest::SHA256, client_data_json);
    let message = [data, hash.as_ref()].concat();
    let signature = key.sign(&SystemRandom::new(), &message);
    signature.expect("a signature").as_ref().to_vec()
}

impl Default for Authenticator {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("sign_count", &self.sign_count)
            .field("attestation", &self.attestation)
            .finish_non_exhaustive()
    }
}

/// Client data as browsers write them (WebAuthn L3 section 5.8.1.1); `kind` is
/// `webauthn.create` or `webauthn.get`.
pub fn client_data(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    json!({
        "type": kind,
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "origin": origin,
        "crossOrigin": false,
    })
    .to_string()
    .into_bytes()
}

fn text_at<'a>(options: &'a Value, pointer: &str) -> &'a str {
    options
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn bytes_at(options: &Value, pointer: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(text_at(options, pointer))
        .unwrap_or_default()
}

/// The head of a CBOR string (RFC 8949 section 3), shorter than 64 KiB.
fn head(out: &mut Vec<u8>, major: u8, length: usize) {
    let [.., high, low] = length.to_be_bytes();
    match length {
        0..=23 => out.push(major | low),
        24..=0xff => out.extend_from_slice(&[major | 24, low]),
        _ => out.extend_from_slice(&[major | 25, high, low]),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, 0x60, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, 0x40, bytes.len());
    out.extend_from_slice(bytes);
}
