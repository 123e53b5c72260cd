//! What real authenticators write, though it is not the usual form: CTAP2 has one spelling
//! for everything, WebAuthn's verification procedures do not ask for it.

use crate::kit::*;

/// A head of CBOR with its length in four bytes.
fn long(major: u8, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&[major << 5 | 26], &length[..]].concat()
}

fn bytes(contents: &[u8]) -> Vec<u8> {
    [&long(2, contents.len()), contents].concat()
}

fn text(contents: &str) -> Vec<u8> {
    [&long(3, contents.len()), contents.as_bytes()].concat()
}

/// The same key with its labels from back to front, and all numbers longer than needed.
fn spelt_out(key: &TestKey) -> Vec<u8> {
    let (x, y) = key.point();
    [
        long(5, 5),
        [&long(1, 2), bytes(y).as_slice()].concat(),
        [&long(1, 1), bytes(x).as_slice()].concat(),
        [long(1, 0), long(0, 1)].concat(),
        [long(0, 3), long(1, 6)].concat(),
        [long(0, 1), long(0, 2)].concat(),
    ]
    .concat()
}

#[test]
fn longer_lengths_and_another_order_are_read() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register_with(&host, &authenticator, |create| {
        create.public_key = spelt_out(&create.key);
        let data = create.authenticator_data();
        create.object_raw = Some(
            [
                long(5, 4),
                [text("authData"), bytes(&data)].concat(),
                // A member that CTAP adds.
                [text("largeBlobKey"), bytes(&[7; 32])].concat(),
                [text("attStmt"), long(5, 0)].concat(),
                [text("fmt"), text("none")].concat(),
            ]
            .concat(),
        );
    })
    .unwrap();
    sign_in_with(&host, &authenticator, |_| {}).unwrap();
}

#[test]
fn credential_may_stand_in_an_assertion_too() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    sign_in_with(&host, &authenticator, |get| {
        let id = &authenticator.credential_id;
        get.flags |= AT;
        get.trailing = [
            &[0; 16],
            &u16::try_from(id.len()).unwrap().to_be_bytes()[..],
            id,
            &authenticator.public_key(),
        ]
        .concat();
    })
    .unwrap();
}

#[test]
fn extensions_that_nobody_asked_for_are_read_over() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register_with(&host, &authenticator, |create| {
        create.flags |= ED;
        create.extensions = [
            long(5, 4),
            [text("credProtect"), vec![2]].concat(),
            [text("hmac-secret"), vec![0xf5]].concat(),
            [text("minPinLength"), vec![4]].concat(),
            // User verification methods: an array of arrays.
            [text("uvm"), vec![0x81, 0x83, 0x02, 0x04, 0x02]].concat(),
        ]
        .concat();
        create.extension_results = r#"{"appidExclude":true,"uvm":[[2,4,2]],"x":null}"#.to_owned();
    })
    .unwrap();
    sign_in_with(&host, &authenticator, |get| {
        get.flags |= ED;
        get.trailing = [long(5, 1), text("hmac-secret"), bytes(&[9; 64])].concat();
        get.extension_results = r#"{"appid":false,"credProps":true}"#.to_owned();
    })
    .unwrap();
}
