//! The W3C's own ceremonies (WebAuthn L3 section 16), each with one field changed, and
//! the code that answers it. Runs where `ZEROPASS_VECTORS` names the file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeropass_tests::isolation::built;

/// The one that this deployment has no verifier for; see `replay`.
const WITHOUT_A_VERIFIER: &str = "packed.Ed448";

/// A change of one field, and what becomes of both steps. Where a registration is
/// refused, its passkey is unknown afterwards.
struct Change {
    name: &'static str,
    change: fn(&mut Value),
    registration: Verdict,
    authentication: &'static str,
}

/// What a changed registration comes to.
enum Verdict {
    /// Whatever the format.
    Always(&'static str),
    /// Both steps, since both rest on what was changed.
    Both(&'static str),
    /// In these formats nobody vouches for the bytes, and they pass; any other format
    /// says this.
    Unless(&'static [&'static str], &'static str),
}

const ACCEPT: &str = "accept";

const CHANGES: [Change; 17] = [
    Change {
        name: "challenge",
        change: |r| r["registration"]["challenge"] = encode(&[3; 32]),
        registration: Verdict::Always("reject challenge-mismatch"),
        authentication: "",
    },
    Change {
        name: "origin",
        change: |r| r["origins"] = json!(["https://www.example.org"]),
        registration: Verdict::Both("reject origin-mismatch"),
        authentication: "",
    },
    Change {
        name: "rp-id",
        change: |r| r["rpId"] = "org".into(),
        registration: Verdict::Always("reject rp-id-mismatch"),
        authentication: "",
    },
    Change {
        name: "type",
        change: |r| {
            r["registration"]["clientDataJSON"] = r["authentication"]["clientDataJSON"].clone();
        },
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "rp-id-hash",
        change: |r| attested(r, 0, |byte| *byte ^= 1),
        registration: Verdict::Always("reject rp-id-mismatch"),
        authentication: "",
    },
    Change {
        name: "user-presence",
        change: |r| attested(r, FLAGS, |flags| *flags &= !UP),
        registration: Verdict::Always("reject user-presence-missing"),
        authentication: "",
    },
    Change {
        name: "reserved-flag",
        change: |r| attested(r, FLAGS, |flags| *flags |= 2),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "attested-flag",
        change: |r| attested(r, FLAGS, |flags| *flags &= !AT),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "extensions-flag",
        change: |r| attested(r, FLAGS, |flags| *flags |= ED),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "attested-counter",
        change: |r| attested(r, COUNTER, |byte| *byte ^= 1),
        // U2F signs no counter (L3 section 8.6).
        registration: Verdict::Unless(&["none", "fido-u2f"], "reject attestation-invalid"),
        authentication: "reject counter-regressed",
    },
    Change {
        name: "format",
        change: |r| {
            object(r, |bytes| {
                let at = find(bytes, b"cfmt") + 6;
                bytes[at] ^= 1;
            });
        },
        registration: Verdict::Always("reject attestation-invalid"),
        authentication: "",
    },
    Change {
        name: "signed-client-data",
        change: |r| appended(&mut r["registration"]["clientDataJSON"]),
        registration: Verdict::Unless(&["none"], "reject attestation-invalid"),
        authentication: ACCEPT,
    },
    Change {
        name: "challenge-of-the-sign-in",
        change: |r| r["authentication"]["challenge"] = encode(&[3; 32]),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject challenge-mismatch",
    },
    Change {
        name: "rp-id-hash-of-the-sign-in",
        change: |r| bits(&mut r["authentication"]["authenticatorData"], 0, 1),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject rp-id-mismatch",
    },
    Change {
        name: "counter-of-the-sign-in",
        change: |r| bits(&mut r["authentication"]["authenticatorData"], COUNTER, 1),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
    Change {
        name: "client-data-of-the-sign-in",
        change: |r| appended(&mut r["authentication"]["clientDataJSON"]),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
    Change {
        name: "signature-of-the-sign-in",
        change: |r| {
            let last = decode(&r["authentication"]["signature"]).len() - 1;
            bits(&mut r["authentication"]["signature"], last, 1);
        },
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
];

const FLAGS: usize = 32;
const COUNTER: usize = 33;
const UP: u8 = 0x01;
const UV: u8 = 0x04;
const AT: u8 = 0x40;
const ED: u8 = 0x80;

#[test]
fn each_changed_field_of_each_vector_is_refused_with_its_code() {
    let Some(vectors) = vectors() else { return };
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for vector in &vectors {
        for change in &CHANGES {
            let mut changed = vector.clone();
            let name = format!("{}/{}", vector["name"].as_str().unwrap(), change.name);
            changed["name"] = name.as_str().into();
            (change.change)(&mut changed);
            recordings.push(changed);
            let unknown = "reject credential-unknown";
            let (registration, authentication) = match change.registration {
                Verdict::Both(code) => (code, code),
                Verdict::Unless(formats, _) if formats.contains(&format(vector).as_str()) => {
                    (ACCEPT, change.authentication)
                }
                Verdict::Always(ACCEPT) => (ACCEPT, change.authentication),
                Verdict::Unless(_, code) | Verdict::Always(code) => (code, unknown),
            };
            expected.push(format!("{name} registration {registration}"));
            expected.push(format!("{name} authentication {authentication}"));
        }
    }
    assert_lines(&recordings, &expected);
}

#[test]
fn flags_of_each_sign_in_are_refused_with_their_codes() {
    let Some(vectors) = vectors() else { return };
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for vector in &vectors {
        let flags = decode(&vector["authentication"]["authenticatorData"])[FLAGS];
        for (what, mask, code) in [
            ("user-presence", UP, "user-presence-missing"),
            ("reserved", 2, "malformed"),
            ("backup-eligibility", 8, "malformed"),
            ("extensions", ED, "malformed"),
        ] {
            let mut changed = vector.clone();
            let name = format!("{}/{what}", vector["name"].as_str().unwrap());
            changed["name"] = name.as_str().into();
            bits(
                &mut changed["authentication"]["authenticatorData"],
                FLAGS,
                mask,
            );
            recordings.push(changed);
            expected.push(format!("{name} registration accept"));
            expected.push(format!("{name} authentication reject {code}"));
        }
        // Those without UV are refused where it is required; a registration's comes first.
        let mut strict = vector.clone();
        let name = format!("{}/required", vector["name"].as_str().unwrap());
        strict["name"] = name.as_str().into();
        strict["policy"]["userVerification"] = "required".into();
        let registered = authenticator_data(vector)[FLAGS] & UV != 0;
        recordings.push(strict);
        let missing = "reject user-verification-missing";
        expected.push(format!(
            "{name} registration {}",
            if registered { ACCEPT } else { missing }
        ));
        expected.push(format!(
            "{name} authentication {}",
            match (registered, flags & UV != 0) {
                (false, _) => "reject credential-unknown",
                (true, true) => ACCEPT,
                (true, false) => missing,
            }
        ));
    }
    assert_lines(&recordings, &expected);
}

#[test]
fn flipped_bit_in_each_statement_is_refused() {
    let Some(vectors) = vectors() else { return };
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for vector in &vectors {
        let bytes = decode(&vector["registration"]["attestationObject"]);
        for member in [&b"csig"[..], b"hcertInfo", b"gpubArea"] {
            let Some(at) = position(&bytes, member) else {
                continue;
            };
            let (start, length) = byte_string(&bytes, at + member.len());
            let what = String::from_utf8_lossy(&member[1..]);
            let name = format!("{}/{what}", vector["name"].as_str().unwrap());
            let mut changed = vector.clone();
            changed["name"] = name.as_str().into();
            bits(
                &mut changed["registration"]["attestationObject"],
                start + length - 1,
                1,
            );
            recordings.push(changed);
            expected.push(format!("{name} registration reject attestation-invalid"));
            expected.push(format!("{name} authentication reject credential-unknown"));
        }
    }
    assert!(expected.len() > 2 * 8, "most formats have a signature");
    assert_lines(&recordings, &expected);
}

/// The vectors as recordings under the policy that all of them pass.
fn vectors() -> Option<Vec<Value>> {
    let Some(path) = std::env::var_os("ZEROPASS_VECTORS") else {
        println!("skipped: ZEROPASS_VECTORS names no file of W3C test vectors");
        return None;
    };
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let step = |step: &Value, members: &[&str]| -> Value {
        members
            .iter()
            .map(|member| ((*member).to_owned(), encode(&hex(&step[*member]))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let vectors = file["vectors"].as_array().unwrap().iter();
    let vectors: Vec<Value> = vectors
        .filter(|vector| vector["name"] != WITHOUT_A_VERIFIER)
        .map(|vector| {
            json!({
                "name": vector["name"],
                "rpId": file["rp_id"],
                "origins": [file["origin"]],
                "policy": {"allowCrossOrigin": true, "topOrigins": [file["top_origin"]]},
                "registration": step(
                    &vector["registration"],
                    &["challenge", "clientDataJSON", "attestationObject"],
                ),
                "authentication": step(
                    &vector["authentication"],
                    &["challenge", "clientDataJSON", "authenticatorData", "signature"],
                ),
            })
        })
        .collect();
    assert_eq!(vectors.len(), 14);
    Some(vectors)
}

/// What the `replay` binary says of these, line by line.
#[track_caller]
fn assert_lines(recordings: &[Value], expected: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ceremonies.json");
    std::fs::write(&path, serde_json::to_vec(recordings).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_replay"))
        .arg("--component")
        .arg(built("passkey-manager"))
        .arg(path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<_> = found.lines().collect();
    let (_count, found) = found.split_last().unwrap();
    let differences: Vec<_> = found
        .iter()
        .zip(expected)
        .filter(|(found, expected)| found != expected)
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(found.len(), expected.len());
}

// === bytes ===

/// Change a byte of the authenticator data in the attestation object.
fn attested(recording: &mut Value, offset: usize, change: impl FnOnce(&mut u8)) {
    object(recording, |bytes| {
        let (start, _) = byte_string(bytes, find(bytes, b"hauthData") + 9);
        change(&mut bytes[start + offset]);
    });
}

fn object(recording: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let object = &mut recording["registration"]["attestationObject"];
    let mut bytes = decode(object);
    change(&mut bytes);
    *object = encode(&bytes);
}

fn authenticator_data(recording: &Value) -> Vec<u8> {
    let bytes = decode(&recording["registration"]["attestationObject"]);
    let (start, length) = byte_string(&bytes, find(&bytes, b"hauthData") + 9);
    bytes[start..start + length].to_vec()
}

fn format(recording: &Value) -> String {
    let bytes = decode(&recording["registration"]["attestationObject"]);
    let at = find(&bytes, b"cfmt") + 4;
    let length = usize::from(bytes[at] & 0x1f);
    String::from_utf8(bytes[at + 1..=at + length].to_vec()).unwrap()
}

/// Start and length of the CBOR byte string whose head is at `at`.
fn byte_string(bytes: &[u8], at: usize) -> (usize, usize) {
    match bytes[at] {
        head @ 0x40..=0x57 => (at + 1, usize::from(head & 0x1f)),
        0x58 => (at + 2, usize::from(bytes[at + 1])),
        0x59 => (
            at + 3,
            usize::from(u16::from_be_bytes([bytes[at + 1], bytes[at + 2]])),
        ),
        head => panic!("no byte string: {head:#x}"),
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    position(bytes, wanted).unwrap()
}

fn bits(field: &mut Value, at: usize, mask: u8) {
    let mut bytes = decode(field);
    bytes[at] ^= mask;
    *field = encode(&bytes);
}

/// White space after the JSON: another text with the same meaning.
fn appended(field: &mut Value) {
    let mut bytes = decode(field);
    bytes.push(b' ');
    *field = encode(&bytes);
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap())
        .collect()
}

fn encode(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}
