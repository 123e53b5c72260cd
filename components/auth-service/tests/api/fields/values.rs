//! Fields that hold something else than they should.

use serde_json::{Value, json};

use super::bodies::Kind::*;
use super::{assert_malformed, bodies::bodies, send, with};
use crate::kit::*;

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
