//! Every field of a credential: missing, empty, of another type, not base64url.

use serde_json::{Value, json};
use zeropass_tests::deployment::ORIGIN;
use zeropass_tests::isolation::Authenticator;

use super::{
    assert_problem, assert_signs_in, begin_registration, begin_sign_in, encode, registered, scene,
};

/// A field by its JSON pointer, and what it holds.
type Field = (&'static str, Kind);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Base64url that must be there.
    Bytes,
    /// Text that must be there.
    Text,
    /// An object that must be there.
    Object,
    /// May be missing; a list of words.
    Words,
    /// May be missing; an object.
    OptionalObject,
    /// May be missing, null or empty; base64url.
    OptionalBytes,
}

const SHARED: [Field; 5] = [
    ("/id", Kind::Bytes),
    ("/rawId", Kind::Bytes),
    ("/type", Kind::Text),
    ("/response", Kind::Object),
    ("/clientExtensionResults", Kind::OptionalObject),
];

const ATTESTATION: [Field; 3] = [
    ("/response/clientDataJSON", Kind::Bytes),
    ("/response/attestationObject", Kind::Bytes),
    ("/response/transports", Kind::Words),
];

const ASSERTION: [Field; 4] = [
    ("/response/clientDataJSON", Kind::Bytes),
    ("/response/authenticatorData", Kind::Bytes),
    ("/response/signature", Kind::Bytes),
    ("/response/userHandle", Kind::OptionalBytes),
];

/// The values that a field of this kind can't have; none stands for its absence.
fn wrong(kind: Kind) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> = vec![Some(json!(7)), Some(json!(true))];
    if matches!(kind, Kind::Bytes | Kind::Text | Kind::Object) {
        values.push(None);
    }
    if kind != Kind::OptionalBytes {
        values.push(Some(Value::Null));
    }
    if !matches!(kind, Kind::Object | Kind::OptionalObject) {
        values.push(Some(json!({"a": 1})));
    }
    if kind == Kind::Words {
        values.extend([
            Some(json!("usb")),
            Some(json!([1])),
            Some(json!([""])),
            Some(json!([["usb"]])),
        ]);
    } else {
        values.extend([Some(json!([])), Some(json!(["AA"]))]);
        if kind != Kind::OptionalBytes {
            values.push(Some(json!("")));
        }
    }
    if matches!(kind, Kind::Bytes | Kind::OptionalBytes) {
        // Not the alphabet, padding, the other alphabet, one character too many,
        // bits that are left over.
        values.extend(["not base64url!", "AAAA=", "+/+/", "A", "AB"].map(|text| Some(json!(text))));
    }
    if kind == Kind::Text {
        values.push(Some(json!("password")));
    }
    values
}

/// The document with one member set or taken away.
fn changed(document: &Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut document = document.clone();
    let members = document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    document
}

fn cases(fields: &[Field]) -> Vec<(&'static str, Option<Value>)> {
    SHARED
        .iter()
        .chain(fields)
        .flat_map(|(pointer, kind)| wrong(*kind).into_iter().map(|value| (*pointer, value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_registration_is_malformed() {
    let (_deployment, client) = scene().await;
    for (pointer, value) in cases(&ATTESTATION) {
        let what = format!("{pointer} = {value:?}");
        let ceremony = begin_registration(&client, "ada").await;
        let credential = Authenticator::new().create_json(&ceremony.options, ORIGIN);
        let refused = ceremony
            .finish(&client, &changed(&credential, pointer, value))
            .await;
        assert_problem(&refused, 400, "malformed", &what);
    }
    registered(&client, "ada").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_sign_in_is_malformed() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for (pointer, value) in cases(&ASSERTION) {
        let what = format!("{pointer} = {value:?}");
        let ceremony = begin_sign_in(&client, "ada").await;
        let credential = key.get_json(&ceremony.options, ORIGIN);
        let refused = ceremony
            .finish(&client, &changed(&credential, pointer, value))
            .await;
        assert_problem(&refused, 400, "malformed", &what);
    }
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_they_should_be_are_malformed() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for (pointer, bytes) in [
        ("/response/clientDataJSON", &b"not json"[..]),
        ("/response/clientDataJSON", b"[]"),
        ("/response/clientDataJSON", b"{}"),
        ("/response/clientDataJSON", b"\xff\xfe"),
        ("/response/authenticatorData", &[0; 36]),
        ("/response/authenticatorData", &[0xff; 200]),
    ] {
        let ceremony = begin_sign_in(&client, "ada").await;
        let credential = key.get_json(&ceremony.options, ORIGIN);
        let refused = ceremony
            .finish(&client, &changed(&credential, pointer, Some(encode(bytes))))
            .await;
        assert_problem(&refused, 400, "malformed", pointer);
    }
    let deep: Vec<u8> = std::iter::repeat_n(0x81, 10_000).collect();
    for bytes in [
        &b"not cbor"[..],
        &[0xa0],
        &[0x80],
        &[0xbf, 0xff],
        &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &deep,
    ] {
        let ceremony = begin_registration(&client, "bob").await;
        let credential = Authenticator::new().create_json(&ceremony.options, ORIGIN);
        let bent = changed(
            &credential,
            "/response/attestationObject",
            Some(encode(bytes)),
        );
        assert_problem(
            &ceremony.finish(&client, &bent).await,
            400,
            "malformed",
            "attestationObject",
        );
    }
}
