use passkey_manager::bindings::Code;
use passkey_manager::cbor::Value;
use sha2::{Digest as _, Sha256};

use super::{Make, anchored, attested, attested_with, refused};
use crate::kit::*;

const NONCE: &[u64] = &[1, 2, 840, 113635, 100, 8, 2];

/// What the extension holds, from the nonce that it should hold.
type Extension = fn(&[u8]) -> Vec<u8>;

/// A statement whose nonce is written by `extension`, about `other` instead of the
/// credential's key if there is one.
fn make(extension: Extension, other: Option<TestKey>, root: Authority) -> Make {
    Box::new(move |data, hash, key| {
        let nonce = Sha256::digest([data, hash].concat());
        let mut certificate = leaf();
        let extension = der::extension(NONCE, false, extension(&nonce));
        certificate.custom_extensions.push(extension);
        let x5c = [root.issue(&certificate, other.as_ref().unwrap_or(key))];
        cbor_map(&[("x5c", cbor_array(&x5c))])
    })
}

fn right(nonce: &[u8]) -> Vec<u8> {
    der::sequence(&[der::tlv(&[0xa1], &der::octets(nonce))])
}

#[test]
fn apple_device_is_attested() {
    attested("apple", make(right, None, Authority::root(-35))).unwrap();
}

#[test]
fn apple_device_is_anchored() {
    let root = Authority::root(-35);
    let host = anchored(&[&root]);
    attested_with(
        &host,
        TestKey::generate(-7),
        "apple",
        make(right, None, root),
    )
    .unwrap();
}

#[test]
fn nonce_of_another_ceremony_is_refused() {
    let extensions: [Extension; 5] = [
        |_| right(&[0; 32]),
        |nonce| right(&nonce[..31]),
        der::octets,
        |nonce| [right(nonce), vec![0]].concat(),
        |nonce| der::sequence(&[der::tlv(&[0xa2], &der::octets(nonce))]),
    ];
    for extension in extensions {
        refused("apple", make(extension, None, Authority::root(-7)));
    }
}

#[test]
fn certificate_about_another_key_is_refused() {
    let other = Some(TestKey::generate(-7));
    refused("apple", make(right, other, Authority::root(-7)));
}

#[test]
fn certificate_without_a_nonce_is_refused() {
    let root = Authority::root(-7);
    refused(
        "apple",
        Box::new(move |_, _, key| {
            let x5c = [root.issue(&leaf(), key)];
            cbor_map(&[("x5c", cbor_array(&x5c))])
        }),
    );
}

#[test]
fn statement_with_a_signature_is_no_apple_statement() {
    let made = make(right, None, Authority::root(-7));
    refused(
        "apple",
        Box::new(move |data, hash, key| {
            let mut statement = made(data, hash, key);
            statement[0] += 1;
            statement.extend(cbor_map(&[("sig", Value::Bytes(&[1]))])[1..].to_vec());
            statement
        }),
    );
    assert_eq!(
        code(attested("apple", Box::new(|_, _, _| cbor_map(&[])))),
        Code::AttestationInvalid
    );
}
