//! Single bytes of recordings: found, changed, written back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

pub const FLAGS: usize = 32;
pub const COUNTER: usize = 33;
pub const AAGUID: usize = 37;
pub const CREDENTIAL_ID: usize = 55;
pub const UP: u8 = 0x01;
pub const UV: u8 = 0x04;
pub const BE: u8 = 0x08;
pub const BS: u8 = 0x10;
pub const AT: u8 = 0x40;
pub const ED: u8 = 0x80;

/// Change a byte of the authenticator data in the attestation object.
pub fn attested(recording: &mut Value, offset: usize, change: impl FnOnce(&mut u8)) {
    object(recording, |bytes| {
        let (start, _) = byte_string(bytes, find(bytes, b"hauthData") + 9);
        change(&mut bytes[start + offset]);
    });
}

pub fn object(recording: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let object = &mut recording["registration"]["attestationObject"];
    let mut bytes = decode(object);
    change(&mut bytes);
    *object = encode(&bytes);
}

pub fn authenticator_data(recording: &Value) -> Vec<u8> {
    let bytes = decode(&recording["registration"]["attestationObject"]);
    let (start, length) = byte_string(&bytes, find(&bytes, b"hauthData") + 9);
    bytes[start..start + length].to_vec()
}

pub fn format(recording: &Value) -> String {
    let bytes = decode(&recording["registration"]["attestationObject"]);
    let at = find(&bytes, b"cfmt") + 4;
    let length = usize::from(bytes[at] & 0x1f);
    String::from_utf8(bytes[at + 1..=at + length].to_vec()).unwrap()
}

/// Start and length of the CBOR byte string whose head is at `at`.
pub fn byte_string(bytes: &[u8], at: usize) -> (usize, usize) {
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

pub fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    position(bytes, wanted).unwrap()
}

pub fn bits(field: &mut Value, at: usize, mask: u8) {
    let mut bytes = decode(field);
    bytes[at] ^= mask;
    *field = encode(&bytes);
}

/// White space after the JSON: another text with the same meaning.
pub fn appended(field: &mut Value) {
    let mut bytes = decode(field);
    bytes.push(b' ');
    *field = encode(&bytes);
}

pub fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap())
        .collect()
}

pub fn encode(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

pub fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}
