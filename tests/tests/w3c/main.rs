//! The W3C's own ceremonies (WebAuthn L3 section 16), each with one field changed, and
//! the code that answers it. Runs where `ZEROPASS_VECTORS` names the file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod bytes;
mod changes;

use std::process::Command;

use serde_json::{Value, json};
use zeropass_tests::isolation::built;

use self::bytes::{
    BE, BS, ED, FLAGS, UP, UV, attested, authenticator_data, bits, byte_string, decode, encode,
    find, format, hex, position,
};
use self::changes::{ACCEPT, CHANGES, Verdict};

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
            // What it was is told to who holds the key alone; BS needs it in any case.
            (
                "backup-eligibility",
                BE,
                match flags & BS {
                    0 => "signature-invalid",
                    _ => "malformed",
                },
            ),
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
                (_, false) => missing,
                (true, true) => ACCEPT,
                (false, true) => "reject credential-unknown",
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

#[test]
fn flipped_bit_in_each_key_is_refused() {
    let Some(vectors) = vectors() else { return };
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for vector in &vectors {
        let length = authenticator_data(vector).len();
        let name = vector["name"].as_str().unwrap();
        // The last bit of a coordinate or of an exponent: off the curve, or even. Half of what
        // could stand for a point of Ed25519 does, and then the signature is wrong.
        let code = match name {
            "packed.EdDSA" => "attestation-invalid",
            _ => "malformed",
        };
        let name = format!("{name}/key");
        let mut changed = vector.clone();
        changed["name"] = name.as_str().into();
        attested(&mut changed, length - 1, |byte| *byte ^= 1);
        recordings.push(changed);
        expected.push(format!("{name} registration reject {code}"));
        expected.push(format!("{name} authentication reject credential-unknown"));
    }
    assert_lines(&recordings, &expected);
}

/// Of the first certificate: its key, which signed, and its signature, by which it leads to
/// the anchor.
#[test]
fn flipped_bit_in_each_certificate_is_refused() {
    let (Some(vectors), Some(root)) = (vectors(), root()) else {
        return;
    };
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for vector in &vectors {
        let bytes = decode(&vector["registration"]["attestationObject"]);
        let Some(at) = position(&bytes, b"cx5c") else {
            continue;
        };
        // An array of so many certificates.
        assert!(matches!(bytes[at + 4], 0x81..=0x84));
        let (start, length) = byte_string(&bytes, at + 5);
        let certificate = &bytes[start..start + length];
        // A P-256 key: the header of its bit string, the point's form, two coordinates.
        let key = start + find(certificate, &[0x03, 0x42, 0x00, 0x04]) + 4 + 63;
        for (what, index, code) in [
            ("certificate-key", key, "attestation-invalid"),
            (
                "certificate-signature",
                start + length - 1,
                "attestation-untrusted",
            ),
        ] {
            let name = format!("{}/{what}", vector["name"].as_str().unwrap());
            let mut changed = vector.clone();
            changed["name"] = name.as_str().into();
            changed["policy"]["attestationRoots"] = json!([root]);
            bits(&mut changed["registration"]["attestationObject"], index, 1);
            recordings.push(changed);
            expected.push(format!("{name} registration reject {code}"));
            expected.push(format!("{name} authentication reject credential-unknown"));
        }
    }
    assert_eq!(recordings.len(), 2 * 10, "ten of them have certificates");
    assert_lines(&recordings, &expected);
}

/// The certificate of the authority that attested the vectors, as recordings have it.
fn root() -> Option<Value> {
    let file = std::fs::read(std::env::var_os("ZEROPASS_VECTORS")?).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    Some(encode(&hex(
        &file["attestation_root"]["attestation_ca_cert"],
    )))
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
    assert_eq!(vectors.len(), 15);
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
