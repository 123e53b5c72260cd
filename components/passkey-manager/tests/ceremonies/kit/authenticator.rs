//! A software authenticator and browser, whose answers tests can bend before they
//! are signed and written.

use std::rc::Rc;

use passkey_manager::base64url;
use passkey_manager::bindings::authentication::{self, RequestOptions};
use passkey_manager::bindings::registration::{self, CreationOptions};
use passkey_manager::cbor::{Value, encode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ORIGIN, RP, TestKey};

pub const UP: u8 = 1;
pub const UV: u8 = 4;
pub const BE: u8 = 8;
pub const BS: u8 = 16;
pub const AT: u8 = 64;
pub const ED: u8 = 128;

pub struct Authenticator {
    pub key: Rc<TestKey>,
    pub credential_id: Vec<u8>,
    pub aaguid: [u8; 16],
    pub user_handle: Option<Vec<u8>>,
}

/// What goes into `attStmt`.
pub enum Statement {
    Empty,
    /// Packed self attestation (L3 section 8.2), over the final bytes.
    PackedSelf,
    /// The same with one bit of the signature wrong.
    PackedSelfForged,
    /// Something that does not belong there.
    Junk,
    /// The statement in CBOR, made from the authenticator data, the hash of the
    /// client data and the credential's key.
    Made(Box<MakeStatement>),
}

pub type MakeStatement = dyn FnOnce(&[u8], &[u8], &TestKey) -> Vec<u8>;

/// A registration's answer before it is written.
pub struct Create {
    pub ceremony: String,
    pub client_data: serde_json::Value,
    pub client_data_raw: Option<Vec<u8>>,
    pub id: Option<String>,
    pub raw_id: Vec<u8>,
    pub rp_id: String,
    pub flags: u8,
    pub sign_count: u32,
    pub aaguid: [u8; 16],
    pub attested_id: Vec<u8>,
    pub public_key: Vec<u8>,
    pub extensions: Vec<u8>,
    pub trailing: Vec<u8>,
    pub format: &'static str,
    pub statement: Statement,
    /// CTAP's member `epAtt` of the attestation object.
    pub enterprise: Option<Value<'static>>,
    pub object_raw: Option<Vec<u8>>,
    pub transports: Vec<String>,
    pub extension_results: String,
    pub key: Rc<TestKey>,
}

/// A sign-in's answer before it is signed.
pub struct Get {
    pub ceremony: String,
    pub client_data: serde_json::Value,
    pub client_data_raw: Option<Vec<u8>>,
    pub id: Option<String>,
    pub raw_id: Vec<u8>,
    pub rp_id: String,
    pub flags: u8,
    pub sign_count: u32,
    pub trailing: Vec<u8>,
    pub authenticator_data_raw: Option<Vec<u8>>,
    pub user_handle: Option<Vec<u8>>,
    pub forge: bool,
    pub extension_results: String,
    pub key: Rc<TestKey>,
}

// === impl Authenticator ===

impl Authenticator {
    /// A passkey of Alice with that key.
    pub fn with_key(key: TestKey) -> Self {
        Authenticator {
            key: Rc::new(key),
            ..Authenticator::new(1)
        }
    }

    /// A passkey of Alice; each seed has a key and an id of its own.
    pub fn new(seed: u8) -> Self {
        Authenticator {
            key: Rc::new(TestKey::es256(&[seed; 32])),
            credential_id: vec![seed; 20],
            aaguid: [0; 16],
            user_handle: Some(
                passkey_manager::user_handle::of(super::ALICE)
                    .unwrap()
                    .into(),
            ),
        }
    }

    /// The key whose secret is the number one: everybody knows it.
    pub fn with_public_secret(credential_id: Vec<u8>) -> Self {
        let mut secret = [0; 32];
        secret[31] = 1;
        Authenticator {
            key: Rc::new(TestKey::es256(&secret)),
            credential_id,
            aaguid: [0; 16],
            user_handle: None,
        }
    }

    pub fn create(&self, options: &CreationOptions) -> Create {
        Create {
            ceremony: options.ceremony.clone(),
            client_data: json!({
                "type": "webauthn.create",
                "challenge": base64url::encode(&options.challenge),
                "origin": ORIGIN,
                "crossOrigin": false,
            }),
            client_data_raw: None,
            id: None,
            raw_id: self.credential_id.clone(),
            rp_id: RP.to_owned(),
            flags: UP | UV | BE | AT,
            sign_count: 0,
            aaguid: self.aaguid,
            attested_id: self.credential_id.clone(),
            public_key: self.public_key(),
            extensions: Vec::new(),
            trailing: Vec::new(),
            format: "none",
            statement: Statement::Empty,
            enterprise: None,
            object_raw: None,
            transports: vec!["internal".to_owned(), "hybrid".to_owned()],
            extension_results: r#"{"credProps":{"rk":true}}"#.to_owned(),
            key: self.key.clone(),
        }
    }

    pub fn get(&self, options: &RequestOptions) -> Get {
        Get {
            ceremony: options.ceremony.clone(),
            client_data: json!({
                "type": "webauthn.get",
                "challenge": base64url::encode(&options.challenge),
                "origin": ORIGIN,
                "crossOrigin": false,
            }),
            client_data_raw: None,
            id: None,
            raw_id: self.credential_id.clone(),
            rp_id: RP.to_owned(),
            flags: UP | UV | BE,
            sign_count: 0,
            trailing: Vec::new(),
            authenticator_data_raw: None,
            user_handle: self.user_handle.clone(),
            forge: false,
            extension_results: "{}".to_owned(),
            key: self.key.clone(),
        }
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.key.cose()
    }
}

// === impl Create ===

impl Create {
    pub fn authenticator_data(&self) -> Vec<u8> {
        let mut data = head(&self.rp_id, self.flags, self.sign_count);
        data.extend_from_slice(&self.aaguid);
        data.extend_from_slice(&u16::try_from(self.attested_id.len()).unwrap().to_be_bytes());
        data.extend_from_slice(&self.attested_id);
        data.extend_from_slice(&self.public_key);
        data.extend_from_slice(&self.extensions);
        data.extend_from_slice(&self.trailing);
        data
    }

    pub fn response(self) -> registration::Response {
        let client_data_json = self
            .client_data_raw
            .clone()
            .unwrap_or_else(|| self.client_data.to_string().into_bytes());
        let authenticator_data = self.authenticator_data();
        let hash = Sha256::digest(&client_data_json);
        let mut signature = sign(&self.key, &authenticator_data, &client_data_json);
        let algorithm = Value::Integer(self.key.algorithm.into());
        let statement = match self.statement {
            Statement::Empty => cbor_map(&[]),
            Statement::Junk => cbor_map(&[("sig", Value::Bytes(&[1]))]),
            Statement::PackedSelf => {
                cbor_map(&[("alg", algorithm), ("sig", Value::Bytes(&signature))])
            }
            Statement::PackedSelfForged => {
                *signature.last_mut().unwrap() ^= 1;
                cbor_map(&[("alg", algorithm), ("sig", Value::Bytes(&signature))])
            }
            Statement::Made(make) => make(&authenticator_data, &hash, &self.key),
        };
        let mut attestation_object = vec![0xa3 + u8::from(self.enterprise.is_some())];
        encode(&Value::Text("fmt"), &mut attestation_object);
        encode(&Value::Text(self.format), &mut attestation_object);
        if let Some(said) = &self.enterprise {
            encode(&Value::Text("epAtt"), &mut attestation_object);
            encode(said, &mut attestation_object);
        }
        encode(&Value::Text("attStmt"), &mut attestation_object);
        attestation_object.extend_from_slice(&statement);
        encode(&Value::Text("authData"), &mut attestation_object);
        encode(&Value::Bytes(&authenticator_data), &mut attestation_object);
        registration::Response {
            id: self.id.unwrap_or_else(|| base64url::encode(&self.raw_id)),
            raw_id: self.raw_id,
            client_data_json,
            attestation_object: self.object_raw.unwrap_or(attestation_object),
            transports: self.transports,
            client_extension_results: self.extension_results,
        }
    }
}

// === impl Get ===

impl Get {
    pub fn response(self) -> authentication::Response {
        let client_data_json = self
            .client_data_raw
            .unwrap_or_else(|| self.client_data.to_string().into_bytes());
        let authenticator_data = self.authenticator_data_raw.unwrap_or_else(|| {
            let mut data = head(&self.rp_id, self.flags, self.sign_count);
            data.extend_from_slice(&self.trailing);
            data
        });
        let mut signature = sign(&self.key, &authenticator_data, &client_data_json);
        if self.forge {
            *signature.last_mut().unwrap() ^= 1;
        }
        authentication::Response {
            id: self.id.unwrap_or_else(|| base64url::encode(&self.raw_id)),
            raw_id: self.raw_id,
            client_data_json,
            authenticator_data,
            signature,
            user_handle: self.user_handle,
            client_extension_results: self.extension_results,
        }
    }
}

fn head(rp_id: &str, flags: u8, sign_count: u32) -> Vec<u8> {
    let mut data = Sha256::digest(rp_id).to_vec();
    data.push(flags);
    data.extend_from_slice(&sign_count.to_be_bytes());
    data
}

fn sign(key: &TestKey, authenticator_data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
    key.sign(&[authenticator_data, &Sha256::digest(client_data_json)].concat())
}

/// A map with text keys.
pub fn cbor_map(entries: &[(&str, Value<'_>)]) -> Vec<u8> {
    let entries = entries
        .iter()
        .map(|(key, value)| (Value::Text(key), value.clone()))
        .collect();
    let mut out = Vec::new();
    encode(&Value::Map(entries), &mut out);
    out
}

/// An array of byte strings.
pub fn cbor_array(items: &[Vec<u8>]) -> Value<'_> {
    Value::Array(items.iter().map(|item| Value::Bytes(item)).collect())
}

pub fn cose(entries: Vec<(i64, Value<'_>)>) -> Vec<u8> {
    let mut out = Vec::new();
    let entries = entries
        .into_iter()
        .map(|(label, value)| (Value::Integer(label), value))
        .collect();
    encode(&Value::Map(entries), &mut out);
    out
}

pub fn cose_es256(curve: i64, x: &[u8], y: &[u8]) -> Vec<u8> {
    cose(vec![
        (1, Value::Integer(2)),
        (3, Value::Integer(-7)),
        (-1, Value::Integer(curve)),
        (-2, Value::Bytes(x)),
        (-3, Value::Bytes(y)),
    ])
}

/// Ed448 has a curve of its own.
pub fn cose_okp(algorithm: i64, x: &[u8]) -> Vec<u8> {
    cose(vec![
        (1, Value::Integer(1)),
        (3, Value::Integer(algorithm)),
        (-1, Value::Integer(if algorithm == -53 { 7 } else { 6 })),
        (-2, Value::Bytes(x)),
    ])
}

pub fn cose_rsa(algorithm: i64, n: &[u8]) -> Vec<u8> {
    cose_rsa_with(algorithm, n, &[1, 0, 1])
}

pub fn cose_rsa_with(algorithm: i64, n: &[u8], e: &[u8]) -> Vec<u8> {
    cose(vec![
        (1, Value::Integer(3)),
        (3, Value::Integer(algorithm)),
        (-1, Value::Bytes(n)),
        (-2, Value::Bytes(e)),
    ])
}
