//! auth-service alone, as the wasm component that is shipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};
use zeropass::clock::Clock as _;
use zeropass_tests::isolation::{
    Answer, AuthService, Authenticator, Code, PasskeyManager, Question, Rejection, StoreError,
    TokenError, built, profile,
};

const RP: &str = "login.example.com";
const ORIGIN: &str = "https://login.example.com";

fn alone() -> AuthService {
    let kit = AuthService::load(built("auth-service")).unwrap();
    kit.serve_id(RP);
    kit
}

/// With a real passkey-manager at the other end of the link.
async fn connected() -> (AuthService, PasskeyManager) {
    let manager = PasskeyManager::load(built("passkey-manager")).unwrap();
    manager.relying_party(profile(RP, &[ORIGIN]));
    let kit = alone();
    kit.connect(&manager).await;
    (kit, manager)
}

async fn send(
    kit: &AuthService,
    method: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> (u16, Value) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("https://zeropass.test{path}"))
        .header("content-type", kind)
        .body(Bytes::copy_from_slice(body))
        .unwrap();
    let response = kit.request(request).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(response.body()).unwrap_or(Value::Null),
    )
}

async fn post(kit: &AuthService, path: &str, body: Value) -> (u16, Value) {
    send(
        kit,
        "POST",
        path,
        "application/json",
        body.to_string().as_bytes(),
    )
    .await
}

async fn get(kit: &AuthService, path: &str) -> (u16, Value) {
    send(kit, "GET", path, "application/json", b"").await
}

fn names(kit: &AuthService) -> Vec<String> {
    kit.calls().iter().map(ToString::to_string).collect()
}

async fn register(kit: &AuthService, name: &str) -> (Authenticator, Value) {
    let user = json!({"user": {"name": name, "displayName": name}});
    let (status, begun) = post(kit, "/v1/registrations", user).await;
    assert_eq!(status, 201, "{begun}");
    let mut key = Authenticator::new();
    let credential = key.create_json(&begun["publicKey"], ORIGIN);
    let path = format!("/v1/registrations/{}", begun["ceremony"].as_str().unwrap());
    let (status, finished) = post(kit, &path, json!({"credential": credential})).await;
    assert_eq!(status, 201, "{finished}");
    (key, finished)
}

#[tokio::test]
async fn whole_life_of_a_passkey_over_http() {
    let (kit, manager) = connected().await;
    let (key, registered) = register(&kit, "ada").await;
    let user = registered["user"]["id"].as_str().unwrap();

    let (status, begun) = post(
        &kit,
        "/v1/authentications",
        json!({"user": {"name": "ada"}}),
    )
    .await;
    assert_eq!(status, 201, "{begun}");
    let credential = key.get_json(&begun["publicKey"], ORIGIN);
    let path = format!(
        "/v1/authentications/{}",
        begun["ceremony"].as_str().unwrap()
    );
    let (status, done) = post(&kit, &path, json!({"credential": credential})).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["user"]["id"], user);
    assert_eq!(done["session"]["token"], "token-1");

    let form = "application/x-www-form-urlencoded";
    let introspect = "/v1/sessions/introspect";
    let (status, token) = send(&kit, "POST", introspect, form, b"token=token-1").await;
    assert_eq!((status, &token["active"]), (200, &json!(true)), "{token}");
    // It goes on while it is used, and rests for less than 15 minutes.
    let (clock, minute) = (kit.clock(), 60_000);
    for rest in [14 * minute, 14 * minute] {
        clock.set(clock.now() + rest);
        let (_, token) = send(&kit, "POST", introspect, form, b"token=token-1").await;
        assert_eq!(token["active"], true, "{token}");
    }
    clock.set(clock.now() + 15 * minute);
    let (_, token) = send(&kit, "POST", introspect, form, b"token=token-1").await;
    assert_eq!(token, json!({"active": false}));
    clock.set(clock.now() - minute);
    let (_, token) = send(&kit, "POST", introspect, form, b"token=token-1").await;
    assert_eq!(token["active"], true, "{token}");
    let (status, _) = send(&kit, "POST", "/v1/sessions/revoke", form, b"token=token-1").await;
    assert_eq!(status, 200);
    let (_, token) = send(&kit, "POST", introspect, form, b"token=token-1").await;
    assert_eq!(token, json!({"active": false}));

    let passkeys = format!("/v1/users/{user}/passkeys");
    let (status, list) = get(&kit, &passkeys).await;
    assert_eq!(
        (status, list["passkeys"].as_array().unwrap().len()),
        (200, 1)
    );
    let passkey = format!("{passkeys}/{}", list["passkeys"][0]["id"].as_str().unwrap());
    let (status, _) = send(&kit, "DELETE", &passkey, "application/json", b"").await;
    assert_eq!(status, 204);
    assert!(manager.credentials().is_empty());
}

#[tokio::test]
async fn malformed_bodies_are_refused_before_anything_is_asked() {
    let kit = alone();
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"{\"user\":7}",
        b"{\"user\":{\"name\":\"\",\"displayName\":\"Ada\"}}",
        b"\xff\xfe",
    ] {
        kit.forget_calls();
        let (status, problem) =
            send(&kit, "POST", "/v1/registrations", "application/json", body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("malformed")),
            "{shown}: {problem}"
        );
        assert_eq!(names(&kit), ["caller.get"], "{shown}");
    }
}

#[tokio::test]
async fn too_large_body_is_refused() {
    let kit = alone();
    let body = vec![b' '; 64 * 1024 + 1];
    let (status, problem) =
        send(&kit, "POST", "/v1/registrations", "application/json", &body).await;
    assert_eq!((status, &problem["code"]), (413, &json!("too-large")));
}

#[tokio::test]
async fn unknown_path_and_method_are_refused() {
    let kit = alone();
    let (status, problem) = get(&kit, "/v2/registrations").await;
    assert_eq!((status, &problem["code"]), (404, &json!("not-found")));
    let (status, _) = get(&kit, "/v1/registrations").await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn registration_asks_exactly_these_capabilities() {
    let (kit, _) = connected().await;
    register(&kit, "ada").await;
    assert_eq!(
        names(&kit),
        [
            "caller.get",
            "accounts.create",
            "registration.begin",
            "caller.get",
            "registration.finish",
            "accounts.activate",
        ]
    );
}

#[tokio::test]
async fn known_and_unknown_names_are_answered_alike() {
    let (kit, _) = connected().await;
    register(&kit, "ada").await;
    let mut answers = Vec::new();
    for name in ["ada", "bob"] {
        kit.forget_calls();
        let (status, body) =
            post(&kit, "/v1/authentications", json!({"user": {"name": name}})).await;
        assert_eq!(
            names(&kit),
            [
                "caller.get",
                "accounts.find-by-name",
                "authentication.begin"
            ]
        );
        let descriptor = &body["publicKey"]["allowCredentials"][0];
        answers.push((
            status,
            shape(&body),
            body.to_string().len(),
            descriptor["transports"].clone(),
        ));
    }
    assert_eq!(answers[0].0, 201);
    assert_eq!(answers[0], answers[1]);
}

/// Every member's path, and the length of texts.
fn shape(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| {
                shape(value)
                    .into_iter()
                    .map(move |rest| format!("{key}/{rest}"))
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| {
                shape(value)
                    .into_iter()
                    .map(move |rest| format!("{index}/{rest}"))
            })
            .collect(),
        Value::String(text) => vec![text.len().to_string()],
        other => vec![other.to_string()],
    }
}

#[tokio::test]
async fn rejection_from_the_link_keeps_its_code() {
    let kit = alone();
    for (code, name, expected) in [
        (Code::CounterRegressed, "counter-regressed", 400..500),
        (Code::Busy, "busy", 503..504),
        (Code::NotPermitted, "not-permitted", 403..404),
    ] {
        let rejection = Rejection {
            code,
            detail: "from the script".into(),
            remedy: None,
        };
        kit.link(VecDeque::from([Answer::Rejected(rejection)]))
            .await;
        let (status, problem) = post(&kit, "/v1/authentications", json!({})).await;
        assert_eq!(problem["code"], name);
        assert!(expected.contains(&status), "{name} is {status}");
    }
}

#[tokio::test]
async fn discoverable_begin_asks_for_nobody() {
    let kit = alone();
    let (sender, asked) = std::sync::mpsc::channel();
    kit.link(move |question: Question| {
        sender.send(question).unwrap();
        Answer::Rejected(Rejection {
            code: Code::Busy,
            detail: String::new(),
            remedy: None,
        })
    })
    .await;
    post(
        &kit,
        "/v1/authentications",
        json!({"userVerification": "required"}),
    )
    .await;
    let Question::AuthenticationBegin(request) = asked.recv().unwrap() else {
        panic!("it asked something else");
    };
    assert_eq!(request.subject, zeropass_tests::isolation::Subject::Anyone);
    assert_eq!(request.rp_id, RP);
}

#[tokio::test]
async fn relying_party_of_another_is_refused() {
    let kit = alone();
    let (status, problem) = post(
        &kit,
        "/v1/authentications",
        json!({"rpId": "other.example"}),
    )
    .await;
    assert_eq!((status, &problem["code"]), (403, &json!("not-permitted")));
    assert_eq!(names(&kit), ["caller.get"]);
}

#[tokio::test]
async fn failing_capabilities_are_answered_with_their_code() {
    let (kit, _) = connected().await;
    let user = || json!({"user": {"name": "ada", "displayName": "Ada"}});
    kit.fail_next("accounts.create", StoreError::NotPermitted);
    let (status, problem) = post(&kit, "/v1/registrations", user()).await;
    assert_eq!((status, &problem["code"]), (403, &json!("not-permitted")));
    kit.fail_next("accounts.create", StoreError::Busy);
    let (status, problem) = post(&kit, "/v1/registrations", user()).await;
    assert_eq!((status, &problem["code"]), (503, &json!("busy")));
    kit.fail_next("tokens.keys", TokenError::Busy);
    let (status, problem) = get(&kit, "/.well-known/jwks.json").await;
    assert_eq!((status, &problem["code"]), (503, &json!("busy")));
    let (status, keys) = get(&kit, "/.well-known/jwks.json").await;
    assert_eq!((status, keys), (200, json!({"keys": []})));
}
