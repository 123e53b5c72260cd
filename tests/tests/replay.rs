//! The `replay` binary on recordings of the W3C and on our own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

#[path = "replay/file.rs"]
mod file;
#[path = "replay/trust.rs"]
mod trust;

use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeropass_tests::isolation::authenticator::{Attestation, Authenticator, client_data, flags};
use zeropass_tests::isolation::built;

const RP: &str = "login.example.com";
const ORIGIN: &str = "https://login.example.com";

fn run(file: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ceremonies.json");
    std::fs::write(&path, file).unwrap();
    Command::new(env!("CARGO_BIN_EXE_replay"))
        .arg("--component")
        .arg(built("passkey-manager"))
        .arg(path)
        .output()
        .unwrap()
}

/// The lines for these recordings, which must all have run.
fn lines(recordings: &Value) -> Vec<String> {
    let output = run(recordings.to_string().as_bytes());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(str::to_owned).collect()
}

fn b64(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// A recording of a registration and a sign-in.
fn recording(name: &str, bend: impl FnOnce(&mut Authenticator)) -> Value {
    let mut key = Authenticator::new();
    bend(&mut key);
    let created = client_data("webauthn.create", &[1; 32], ORIGIN);
    let asserted = client_data("webauthn.get", &[2; 32], ORIGIN);
    let (data, signature) = key.assertion(RP, &asserted);
    json!({
        "name": name,
        "rpId": RP,
        "origins": [ORIGIN],
        "registration": {
            "challenge": b64(&[1; 32]),
            "clientDataJSON": b64(&created),
            "attestationObject": b64(&key.attestation_object(RP, &created)),
        },
        "authentication": {
            "challenge": b64(&[2; 32]),
            "clientDataJSON": b64(&asserted),
            "authenticatorData": b64(&data),
            "signature": b64(&signature),
        },
    })
}

#[test]
fn recorded_ceremonies_are_accepted() {
    let named = recording("named", |_| {});
    let mut discoverable = recording("discoverable", |key| {
        key.attestation = Attestation::PackedSelf
    });
    discoverable["authentication"]["userHandle"] = b64(&[9; 16]);
    let mut foreign = recording("foreign", |_| {});
    foreign["authentication"]["userHandle"] = b64(&[9; 33]);
    let mut alone = recording("alone", |_| {});
    alone.as_object_mut().unwrap().remove("authentication");
    assert_eq!(
        lines(&json!([named, discoverable, foreign, alone])),
        [
            "named registration accept",
            "named authentication accept",
            "discoverable registration accept",
            "discoverable authentication accept",
            "foreign registration accept",
            "foreign authentication accept",
            "alone registration accept",
            "7 steps: 7 accept, 0 reject",
        ]
    );
}

/// One field of a good recording changed, and the two verdicts.
#[test]
fn each_changed_field_is_refused_with_its_code() {
    type Change = fn(&mut Value);
    let unknown = "reject credential-unknown";
    let changes: [(&str, Change, &str, &str); 13] = [
        (
            "rpId",
            |r| r["rpId"] = "example.com".into(),
            "reject rp-id-mismatch",
            "reject rp-id-mismatch",
        ),
        (
            "origins",
            |r| r["origins"] = json!(["https://example.com"]),
            "reject origin-mismatch",
            "reject origin-mismatch",
        ),
        (
            "challenge",
            |r| r["registration"]["challenge"] = b64(&[3; 32]),
            "reject challenge-mismatch",
            unknown,
        ),
        (
            "clientData",
            |r| r["registration"]["clientDataJSON"] = b64(b"{}"),
            "reject malformed",
            unknown,
        ),
        (
            "type",
            |r| r["registration"]["clientDataJSON"] = r["authentication"]["clientDataJSON"].clone(),
            "reject malformed",
            unknown,
        ),
        (
            "object",
            |r| r["registration"]["attestationObject"] = b64(&[0xff; 40]),
            "reject malformed",
            unknown,
        ),
        (
            "statement",
            |r| {
                r["registration"]["clientDataJSON"] =
                    with_space(&r["registration"]["clientDataJSON"])
            },
            "reject attestation-invalid",
            unknown,
        ),
        (
            "challenge2",
            |r| r["authentication"]["challenge"] = b64(&[3; 32]),
            "accept",
            "reject challenge-mismatch",
        ),
        (
            "data",
            |r| r["authentication"]["authenticatorData"] = b64(&[0; 37]),
            "accept",
            "reject rp-id-mismatch",
        ),
        (
            "signature",
            |r| r["authentication"]["signature"] = b64(&[0x30, 6, 2, 1, 1, 2, 1, 1]),
            "accept",
            "reject signature-invalid",
        ),
        (
            "signed",
            |r| {
                r["authentication"]["clientDataJSON"] =
                    with_space(&r["authentication"]["clientDataJSON"])
            },
            "accept",
            "reject signature-invalid",
        ),
        (
            "algorithms",
            |r| r["policy"] = json!({"algorithms": [-257]}),
            "reject algorithm-not-allowed",
            unknown,
        ),
        (
            "short",
            |r| r["registration"]["challenge"] = b64(&[1; 15]),
            "reject challenge-mismatch",
            unknown,
        ),
    ];
    let good = recording("good", |key| key.attestation = Attestation::PackedSelf);
    let mut recordings = Vec::new();
    let mut expected = Vec::new();
    for (name, change, registration, authentication) in changes {
        let mut changed = good.clone();
        changed["name"] = name.into();
        change(&mut changed);
        recordings.push(changed);
        expected.push(format!("{name} registration {registration}"));
        expected.push(format!("{name} authentication {authentication}"));
    }
    let mut found = lines(&Value::Array(recordings));
    found.pop();
    assert_eq!(found, expected);
}

fn with_space(client_data: &Value) -> Value {
    let mut bytes = URL_SAFE_NO_PAD
        .decode(client_data.as_str().unwrap())
        .unwrap();
    bytes.push(b' ');
    b64(&bytes)
}

/// Other servers made them, and some were content with few bytes.
#[test]
fn short_challenge_of_a_recording_is_accepted() {
    let mut key = Authenticator::new();
    let created = client_data("webauthn.create", b"challenge", ORIGIN);
    let asserted = client_data("webauthn.get", b"CHALLENGE", ORIGIN);
    let (data, signature) = key.assertion(RP, &asserted);
    key.attestation = Attestation::PackedSelf;
    let recording = json!({
        "name": "short",
        "rpId": RP,
        "origins": [ORIGIN],
        "registration": {
            "challenge": b64(b"challenge"),
            "clientDataJSON": b64(&created),
            "attestationObject": b64(&key.attestation_object(RP, &created)),
        },
        "authentication": {
            "challenge": b64(b"CHALLENGE"),
            "clientDataJSON": b64(&asserted),
            "authenticatorData": b64(&data),
            "signature": b64(&signature),
        },
    });
    assert_eq!(
        lines(&json!([recording])),
        [
            "short registration accept",
            "short authentication accept",
            "2 steps: 2 accept, 0 reject"
        ]
    );
}

#[test]
fn policy_of_a_recording_is_applied() {
    let mut strict = recording("strict", |key| key.flags = flags::UP);
    strict["policy"] = json!({"userVerification": "required", "now": "2026-02-03T04:05:06Z"});
    let mut lenient = strict.clone();
    lenient["name"] = "lenient".into();
    lenient["policy"] = json!({"userVerification": "discouraged", "now": 1_770_000_000_000_u64});
    assert_eq!(
        lines(&json!([strict, lenient])),
        [
            "strict registration reject user-verification-missing",
            "strict authentication reject user-verification-missing",
            "lenient registration accept",
            "lenient authentication accept",
            "4 steps: 2 accept, 2 reject",
        ]
    );
}

/// The vectors of WebAuthn L3 section 16 that the component does not accept under
/// the default policy, and what it says of both steps.
///
/// The two cross-origin ones must be refused: nobody allowed frames.
const W3C_REFUSED: [(&str, &str, &str); 2] = [
    (
        "none.ES256.crossOrigin",
        "reject origin-mismatch",
        "reject origin-mismatch",
    ),
    (
        "none.ES256.topOrigin",
        "reject origin-mismatch",
        "reject origin-mismatch",
    ),
];

#[test]
fn w3c_test_vectors_are_answered_as_expected() {
    let Some(recordings) = w3c(json!({})) else {
        return;
    };
    let mut expected = Vec::new();
    for recording in recordings.as_array().unwrap() {
        let name = recording["name"].as_str().unwrap();
        let refused = W3C_REFUSED.iter().find(|(refused, ..)| *refused == name);
        let (registration, authentication) =
            refused.map_or(("accept", "accept"), |row| (row.1, row.2));
        expected.push(format!("{name} registration {registration}"));
        expected.push(format!("{name} authentication {authentication}"));
    }
    let mut found = lines(&recordings);
    println!("{}", found.join("\n"));
    found.pop();
    assert_eq!(found, expected);
}

#[test]
fn w3c_cross_origin_vectors_are_accepted_where_policy_allows() {
    let policy = json!({"allowCrossOrigin": true, "topOrigins": ["https://example.com"]});
    let Some(mut recordings) = w3c(policy) else {
        return;
    };
    recordings.as_array_mut().unwrap().retain(|recording| {
        let name = recording["name"].as_str().unwrap();
        name.ends_with("crossOrigin") || name.ends_with("topOrigin")
    });
    assert_eq!(
        lines(&recordings).last().unwrap(),
        "4 steps: 4 accept, 0 reject"
    );
}

/// The W3C's vectors as recordings; none when they are not at hand.
fn w3c(policy: Value) -> Option<Value> {
    let Some(path) = std::env::var_os("ZEROPASS_VECTORS") else {
        println!("skipped: ZEROPASS_VECTORS names no file of W3C test vectors");
        return None;
    };
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let step = |step: &Value, members: &[&str]| -> Value {
        let pairs = members
            .iter()
            .map(|member| ((*member).to_owned(), b64(&bytes(&step[*member]))));
        Value::Object(pairs.collect())
    };
    let vectors = file["vectors"].as_array().unwrap().iter().map(|vector| {
        json!({
            "name": vector["name"],
            "rpId": file["rp_id"],
            "origins": [file["origin"]],
            "policy": policy,
            "registration": step(&vector["registration"], &["challenge", "clientDataJSON", "attestationObject"]),
            "authentication": step(&vector["authentication"], &["challenge", "clientDataJSON", "authenticatorData", "signature"]),
        })
    });
    Some(vectors.collect())
}

/// Bytes that the W3C's file has in hexadecimal.
fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len() / 2)
        .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
        .collect()
}
