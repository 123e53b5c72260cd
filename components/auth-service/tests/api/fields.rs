//! Every field of every body, wrong in every way, each pinned to `malformed`
//! and the path of the field.

use serde_json::{Value, json};

use super::kit::*;

/// What a browser's `toJSON()` gives, with the fields that browsers add.
pub fn registration_response() -> Value {
    json!({
        "id": "AQID-g",
        "rawId": "AQID-g",
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": {
            "clientDataJSON": "e30",
            "attestationObject": "oA",
            "authenticatorData": "AQ",
            "publicKeyAlgorithm": -7,
            "transports": ["internal", "teleport"],
        },
        "clientExtensionResults": {"credProps": {"rk": true}},
    })
}

pub fn authentication_response() -> Value {
    json!({
        "id": "AQID-g",
        "rawId": "AQID-g",
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "response": {
            "clientDataJSON": "e30",
            "authenticatorData": "AQ",
            "signature": "Ag",
            "userHandle": "Aw",
        },
        "clientExtensionResults": {},
    })
}

/// What a field holds, which decides how it can be wrong.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Bytes,
    Object,
    Words,
    /// One word of a list.
    Choice,
    Uuid,
    /// A name, display name or label.
    Shown,
}
use Kind::*;

/// A field's path, what it holds, and whether it is required.
type Field = (&'static str, Kind, bool);

/// A good body for each request that has one, with its fields.
fn bodies() -> Vec<(&'static str, Value, Vec<Field>)> {
    vec![
        (
            "POST /v1/registrations",
            json!({
                "user": {"name": "ada", "displayName": "Ada L.", "id": USER},
                "rpId": RP,
                "userVerification": "required",
                "attestation": "none",
                "residentKey": "required",
                "hints": ["security-key"],
            }),
            vec![
                ("user", Object, true),
                ("user.name", Shown, true),
                ("user.displayName", Shown, true),
                ("user.id", Uuid, false),
                ("rpId", Text, false),
                ("userVerification", Choice, false),
                ("attestation", Choice, false),
                ("residentKey", Choice, false),
                ("hints", Words, false),
            ],
        ),
        (
            "POST /v1/registrations/ceremony-1",
            json!({"credential": registration_response(), "label": "Phone", "rpId": RP}),
            vec![
                ("credential", Object, true),
                ("credential.id", Text, true),
                ("credential.rawId", Bytes, true),
                ("credential.type", Choice, true),
                ("credential.response", Object, true),
                ("credential.response.clientDataJSON", Bytes, true),
                ("credential.response.attestationObject", Bytes, true),
                ("credential.response.transports", Words, false),
                ("credential.clientExtensionResults", Object, false),
                ("label", Shown, false),
                ("rpId", Text, false),
            ],
        ),
        (
            "POST /v1/authentications",
            json!({"user": {"name": "ada"}, "rpId": RP, "userVerification": "required"}),
            vec![
                ("user", Object, false),
                ("user.name", Shown, false),
                ("rpId", Text, false),
                ("userVerification", Choice, false),
            ],
        ),
        (
            "POST /v1/authentications",
            json!({"user": {"id": USER}}),
            vec![("user.id", Uuid, false)],
        ),
        (
            "POST /v1/authentications/ceremony-2",
            json!({"credential": authentication_response(), "rpId": RP}),
            vec![
                ("credential", Object, true),
                ("credential.id", Text, true),
                ("credential.rawId", Bytes, true),
                ("credential.type", Choice, true),
                ("credential.response", Object, true),
                ("credential.response.clientDataJSON", Bytes, true),
                ("credential.response.authenticatorData", Bytes, true),
                ("credential.response.signature", Bytes, true),
                ("credential.response.userHandle", Bytes, false),
                ("credential.clientExtensionResults", Object, false),
                ("rpId", Text, false),
            ],
        ),
        (
            "PATCH /v1/users/0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a/passkeys/AQID-g",
            json!({"label": "Phone", "status": "active"}),
            vec![("label", Shown, false), ("status", Choice, false)],
        ),
    ]
}

fn send(request: &str, body: &Value) -> (Memory, auth_service::response::Response) {
    let memory = Memory::with_ada();
    let (method, target) = request.split_once(' ').unwrap();
    let response = match method {
        "POST" => memory.post(target, body),
        _ => memory.patch(target, body),
    };
    (memory, response)
}

fn at<'a>(body: &'a mut Value, path: &str) -> (&'a mut serde_json::Map<String, Value>, String) {
    let mut segments: Vec<_> = path.split('.').collect();
    let last = segments.pop().unwrap().to_owned();
    let object = segments
        .into_iter()
        .fold(body, |value, segment| &mut value[segment]);
    (object.as_object_mut().unwrap(), last)
}

fn with(body: &Value, path: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (object, field) = at(&mut body, path);
    object.insert(field, value);
    body
}

/// Refused as malformed at this path, before anything was called.
#[track_caller]
fn assert_malformed(request: &str, body: &Value, detail: &str) {
    let (memory, response) = send(request, body);
    let found = refusal(&response);
    assert_eq!(
        (found.0, found.1.as_str()),
        (400, "malformed"),
        "{request} {body}"
    );
    assert_eq!(found.2, detail, "{request} {body}");
    assert!(memory.calls.borrow().is_empty(), "{request} {body}");
}

#[test]
fn whole_bodies_are_accepted() {
    for (request, body, _) in bodies() {
        let (_, response) = send(request, &body);
        assert!(
            matches!(response.status, 200 | 201),
            "{request}: {}",
            response.status
        );
    }
}

#[test]
fn optional_fields_may_be_missing() {
    for (request, body, fields) in bodies() {
        for (path, _, required) in fields {
            // A user object must name somebody.
            if required
                || matches!(
                    (request, path),
                    ("POST /v1/authentications", "user.name" | "user.id")
                )
            {
                continue;
            }
            let mut body = body.clone();
            let (object, field) = at(&mut body, path);
            object.remove(&field).unwrap();
            let (_, response) = send(request, &body);
            assert!(
                matches!(response.status, 200 | 201),
                "{request} without {path}"
            );
        }
    }
}

#[test]
fn missing_fields_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, _, _) in fields.iter().filter(|(_, _, required)| *required) {
            let mut body = body.clone();
            let (object, field) = at(&mut body, path);
            object.remove(&field).unwrap();
            assert_malformed(request, &body, &format!("{path}: missing"));
        }
    }
}

#[test]
fn empty_fields_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, kind, _) in fields {
            match kind {
                Object => continue,
                Words => assert_malformed(
                    request,
                    &with(&body, path, json!([""])),
                    &format!("{path}[0]: empty"),
                ),
                _ => assert_malformed(
                    request,
                    &with(&body, path, json!("")),
                    &format!("{path}: empty"),
                ),
            }
        }
    }
}

#[test]
fn fields_of_another_type_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, kind, _) in fields {
            let expected = match kind {
                Object => "not an object",
                Words => "not an array",
                _ => "not a string",
            };
            let mut wrong = vec![json!(1), json!(true), Value::Null];
            match kind {
                Object => wrong.extend([json!("text"), json!([])]),
                Words => wrong.extend([json!("text"), json!({})]),
                _ => wrong.extend([json!({}), json!([])]),
            }
            for wrong in wrong {
                // The one field that WebAuthn itself lets be null.
                if wrong.is_null() && path.ends_with(".userHandle") {
                    continue;
                }
                assert_malformed(
                    request,
                    &with(&body, path, wrong),
                    &format!("{path}: {expected}"),
                );
            }
            if kind == Words {
                assert_malformed(
                    request,
                    &with(&body, path, json!(["usb", 1])),
                    &format!("{path}[1]: not a string"),
                );
            }
        }
    }
}

#[test]
fn bytes_that_are_not_base64url_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, _, _) in fields.iter().filter(|(_, kind, _)| *kind == Bytes) {
            // Padding, the other alphabet, white space, trailing bits, an impossible length.
            for wrong in ["AQ==", "+/8A", "AQ ", "AR", "AQIDB", "A\u{e4}"] {
                assert_malformed(
                    request,
                    &with(&body, path, json!(wrong)),
                    &format!("{path}: not base64url"),
                );
            }
        }
    }
}

#[test]
fn unknown_words_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, _, _) in fields.iter().filter(|(_, kind, _)| *kind == Choice) {
            let (_, response) = send(request, &with(&body, path, json!("Required")));
            assert_refused(&response, 400, "malformed", &format!("{path}: expected "));
        }
    }
}

#[test]
fn ids_that_are_not_uuids_are_malformed() {
    for (request, body, fields) in bodies() {
        for (path, _, _) in fields.iter().filter(|(_, kind, _)| *kind == Uuid) {
            for wrong in [
                "ada",
                "0191d3b27a4e7c589f3b5f1f0c2d4e6a",
                "{0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a}",
                "urn:uuid:0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a",
            ] {
                assert_malformed(
                    request,
                    &with(&body, path, json!(wrong)),
                    &format!("{path}: not a UUID"),
                );
            }
        }
    }
}

#[test]
fn shown_text_has_its_limits() {
    let longest = "\u{e4}".repeat(64);
    for (request, body, fields) in bodies() {
        for (path, _, _) in fields.iter().filter(|(_, kind, _)| *kind == Shown) {
            for (text, fault) in [
                (format!("{longest}a"), "longer than 64 characters"),
                ("a\nb".into(), "has a control character"),
                ("a\u{7f}".into(), "has a control character"),
                (" a".into(), "white space at the beginning or the end"),
                (
                    "a\u{3000}".into(),
                    "white space at the beginning or the end",
                ),
            ] {
                assert_malformed(
                    request,
                    &with(&body, path, json!(text)),
                    &format!("{path}: {fault}"),
                );
            }
            // A name that differs from the account's is another matter.
            if !path.ends_with(".name") {
                let (_, response) = send(request, &with(&body, path, json!(longest)));
                assert!(matches!(response.status, 200 | 201), "{request} {path}");
            }
        }
    }
}

#[test]
fn unknown_fields_of_our_own_objects_are_named() {
    for (request, body, _) in bodies() {
        assert_malformed(
            request,
            &with(&body, "lable", json!(1)),
            "lable: unknown field",
        );
        if body.get("user").is_some() {
            let body = with(&body, "user.nmae", json!(1));
            assert_malformed(request, &body, "user.nmae: unknown field");
        }
    }
}

#[test]
fn fields_that_browsers_add_are_ignored() {
    for (request, body, _) in bodies() {
        if body.get("credential").is_some() {
            let body = with(&body, "credential.future", json!({"a": 1}));
            let body = with(&body, "credential.response.future", json!([1]));
            let (_, response) = send(request, &body);
            assert!(matches!(response.status, 200 | 201), "{request}");
        }
    }
}

#[test]
fn lists_have_their_limits() {
    let begin = &bodies()[0];
    let hints = with(&begin.1, "hints", json!(["a", "b", "c", "d"]));
    assert_malformed(begin.0, &hints, "hints: more than 3");
    let hints = with(&begin.1, "hints", json!(["a", "b".repeat(33)]));
    assert_malformed(begin.0, &hints, "hints[1]: longer than 32 characters");

    let finish = &bodies()[1];
    let path = "credential.response.transports";
    let transports = with(&finish.1, path, json!(vec!["usb"; 17]));
    assert_malformed(finish.0, &transports, &format!("{path}: more than 16"));
    let transports = with(&finish.1, path, json!(["u".repeat(33)]));
    assert_malformed(
        finish.0,
        &transports,
        &format!("{path}[0]: longer than 32 characters"),
    );
}

#[test]
fn a_user_is_named_in_one_way() {
    let request = "POST /v1/authentications";
    let both = json!({"user": {"name": "ada", "id": USER}});
    assert_malformed(request, &both, "user: both name and id; give one");
    assert_malformed(request, &json!({"user": {}}), "user: neither name nor id");
}

#[test]
fn a_change_changes_something() {
    let (request, _, _) = &bodies()[5];
    assert_malformed(request, &json!({}), "body: neither label nor status");
}

#[test]
fn bodies_that_are_no_object_are_malformed() {
    for (request, _, _) in bodies() {
        for body in [json!([]), json!("text"), json!(1), Value::Null] {
            assert_malformed(request, &body, "body: not an object");
        }
    }
}
