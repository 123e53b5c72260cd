use passkey_manager::bindings::Code;
use passkey_manager::cbor::Value;

use super::{anchored, attested, attested_with, refused};
use crate::kit::*;

#[test]
fn apple_device_is_attested() {
    attested("apple", apple(apple_nonce, None, Authority::root(-35))).unwrap();
}

#[test]
fn apple_device_is_anchored() {
    let root = Authority::root(-35);
    let host = anchored(&[&root]);
    attested_with(
        &host,
        TestKey::generate(-7),
        "apple",
        apple(apple_nonce, None, root),
    )
    .unwrap();
}

#[test]
fn nonce_of_another_ceremony_is_refused() {
    let extensions: [AppleExtension; 5] = [
        |_| apple_nonce(&[0; 32]),
        |nonce| apple_nonce(&nonce[..31]),
        der::octets,
        |nonce| [apple_nonce(nonce), vec![0]].concat(),
        |nonce| der::sequence(&[der::tlv(&[0xa2], &der::octets(nonce))]),
    ];
    for extension in extensions {
        refused("apple", apple(extension, None, Authority::root(-7)));
    }
}

#[test]
fn certificate_about_another_key_is_refused() {
    let other = Some(TestKey::generate(-7));
    refused("apple", apple(apple_nonce, other, Authority::root(-7)));
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
    let made = apple(apple_nonce, None, Authority::root(-7));
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
