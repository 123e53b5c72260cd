//! What the tests share: an in-memory host and a software authenticator.

mod authenticator;
mod certificates;
mod host;
mod keys;
mod statements;
mod verify;

pub use authenticator::{
    AT, Authenticator, BE, BS, Create, ED, Get, MakeStatement, Statement, UP, UV, cbor_array,
    cbor_map, cose, cose_es256, cose_okp, cose_rsa, cose_rsa_with,
};
pub use certificates::{Authority, der, leaf, packed_leaf};
pub use host::MemoryHost;
pub use keys::{ALL, RS1, TestKey};
pub use statements::{
    Android, AppleExtension, Tpm, all_applications, apple, apple_nonce, compound_of,
    extended_key_usage, origin, purpose, tpm_names, tpm_names_as,
};

use passkey_manager::bindings::authentication::{Authenticated, RequestOptions};
use passkey_manager::bindings::registration::{BeginRequest, CreationOptions, Registered};
use passkey_manager::bindings::{Code, Rejection, Subject, User, authentication as get};
use passkey_manager::{authentication, registration};

pub const RP: &str = "login.example.com";
pub const ORIGIN: &str = "https://login.example.com";
pub const ALICE: &str = "0190b6c1-6e2a-7d2f-9d3b-0f7a3c5e1a01";
pub const BOB: &str = "0190b6c1-6e2a-7d2f-9d3b-0f7a3c5e1a02";

pub fn registration_request(user: &str) -> BeginRequest {
    BeginRequest {
        rp_id: RP.to_owned(),
        user: User {
            id: user.to_owned(),
            name: "alice".to_owned(),
            display_name: "Alice".to_owned(),
        },
        user_verification: None,
        resident_key: None,
        attestation: None,
        conditional: false,
        hints: Vec::new(),
        extensions: "{}".to_owned(),
    }
}

pub fn begin_registration(host: &MemoryHost) -> CreationOptions {
    registration::begin(host, registration_request(ALICE)).unwrap()
}

pub fn finish_registration(host: &MemoryHost, create: Create) -> Result<Registered, Rejection> {
    registration::finish(host, RP, &create.ceremony.clone(), create.response(), None)
}

/// A registration from start to end, changed by `change` on its way.
pub fn register_with(
    host: &MemoryHost,
    authenticator: &Authenticator,
    change: impl FnOnce(&mut Create),
) -> Result<Registered, Rejection> {
    let options = begin_registration(host);
    let mut create = authenticator.create(&options);
    change(&mut create);
    finish_registration(host, create)
}

pub fn register(host: &MemoryHost, authenticator: &Authenticator) -> Registered {
    register_with(host, authenticator, |_| {}).unwrap()
}

pub fn begin_sign_in(host: &MemoryHost, subject: Subject) -> RequestOptions {
    let request = get::BeginRequest {
        rp_id: RP.to_owned(),
        subject,
        user_verification: None,
        hints: Vec::new(),
        extensions: "{}".to_owned(),
    };
    authentication::begin(host, request).unwrap()
}

pub fn finish_sign_in(host: &MemoryHost, get: Get) -> Result<Authenticated, Rejection> {
    authentication::finish(host, RP, &get.ceremony.clone(), get.response())
}

/// A sign-in as the named account Alice, changed by `change` on its way.
pub fn sign_in_with(
    host: &MemoryHost,
    authenticator: &Authenticator,
    change: impl FnOnce(&mut Get),
) -> Result<Authenticated, Rejection> {
    let options = begin_sign_in(host, Subject::Account(ALICE.to_owned()));
    let mut get = authenticator.get(&options);
    change(&mut get);
    finish_sign_in(host, get)
}

/// Bends right client data into what is not one strict JSON object with its members; each
/// is wrong in one place.
pub fn bent_client_data() -> Vec<fn(&str) -> Vec<u8>> {
    fn without(text: &str, name: &str) -> String {
        let mut members: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(members.as_object_mut().unwrap().remove(name).is_some());
        members.to_string()
    }
    fn with(text: &str, name: &str, value: serde_json::Value) -> Vec<u8> {
        let mut members: serde_json::Value = serde_json::from_str(text).unwrap();
        members[name] = value;
        members.to_string().into_bytes()
    }
    vec![
        |_| Vec::new(),
        |text| text.as_bytes()[..text.len() - 1].to_vec(),
        |text| text.as_bytes()[1..].to_vec(),
        |text| format!("[{text}]").into_bytes(),
        |text| serde_json::Value::from(text).to_string().into_bytes(),
        |text| format!("{text} {{}}").into_bytes(),
        |text| format!("{text},").into_bytes(),
        |text| format!("{text}\0").into_bytes(),
        // One byte order mark may be there, two may not.
        |text| format!("\u{feff}\u{feff}{text}").into_bytes(),
        // UTF-16, and a byte that UTF-8 does not have, in a member that nobody reads.
        |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        |text| [b"{\"x\":\"\xff\",", &text.as_bytes()[1..]].concat(),
        |text| text.replacen('{', "{\"x\":\"\\ud800\",", 1).into_bytes(),
        |text| format!("{},}}", &text[..text.len() - 1]).into_bytes(),
        // Members that are missing, or of another type.
        |text| without(text, "type").into_bytes(),
        |text| without(text, "challenge").into_bytes(),
        |text| without(text, "origin").into_bytes(),
        |text| with(text, "type", 1.into()),
        |text| with(text, "challenge", serde_json::Value::Null),
        |text| with(text, "origin", serde_json::json!([ORIGIN])),
        |text| with(text, "crossOrigin", "false".into()),
        |text| with(text, "crossOrigin", serde_json::Value::Null),
        |text| with(text, "topOrigin", true.into()),
        // A name that stands twice, with the same value.
        |text| {
            let twice = text.replacen('{', "{\"crossOrigin\":false,", 1);
            assert_ne!(twice, text);
            twice.into_bytes()
        },
    ]
}

/// The code of a refusal.
pub fn code<T>(result: Result<T, Rejection>) -> Code {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(rejection) => rejection.code,
    }
}
