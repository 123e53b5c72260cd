//! Every field of every body, wrong in every way, each pinned to `malformed`
//! and the path of the field.

mod bodies;
mod values;

use serde_json::{Value, json};

use super::kit::*;

use self::bodies::{Kind::*, bodies};
pub use self::bodies::{authentication_response, registration_response};

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
                // An authenticator's way to say that it keeps none.
                _ if path.ends_with(".userHandle") => continue,
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
