//! Bodies that are not of the documented form.

use http::Method;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Deployment, Protocol, WORKLOAD};

use super::{
    assert_problem, assert_signs_in, begin_registration, begin_sign_in, registered, scene,
};

const JSON: Option<&str> = Some("application/json");

/// Every path that takes JSON with `POST`.
async fn posts(client: &zeropass_tests::deployment::Client) -> Vec<String> {
    vec![
        "/v1/registrations".into(),
        begin_registration(client, "new").await.path,
        "/v1/authentications".into(),
        begin_sign_in(client, "ada").await.path,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_object_is_malformed() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;
    let passkey = format!(
        "/v1/users/{}/passkeys/{}",
        text(&ada["user"]["id"]),
        text(&ada["passkey"]["id"])
    );
    let deep = "[".repeat(60_000);
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"}",
        b"{\"user\":}",
        b"nonsense",
        b"[]",
        b"null",
        b"7",
        b"\"text\"",
        b"\xff\xfe{}",
        b"{} {}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let what = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        for path in posts(&client).await {
            let refused = client.post_bytes(&path, JSON, body.to_vec()).await;
            assert_problem(&refused, 400, "malformed", &format!("{path} {what}"));
        }
        let patch = client
            .request(Method::PATCH, &passkey)
            .header("content-type", "application/json");
        let refused = Answer::of(patch.body(body.to_vec())).await;
        assert_problem(&refused, 400, "malformed", &what);
    }
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_content_type_is_malformed() {
    let (_deployment, client) = scene().await;
    registered(&client, "ada").await;
    for path in posts(&client).await {
        for content_type in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonx"),
            Some(""),
        ] {
            let refused = client.post_bytes(&path, content_type, "{}").await;
            assert_problem(
                &refused,
                415,
                "malformed",
                &format!("{path} {content_type:?}"),
            );
        }
    }
    for path in ["/v1/sessions/introspect", "/v1/sessions/revoke"] {
        for content_type in [None, JSON] {
            let refused = client.post_bytes(path, content_type, "token=x").await;
            assert_problem(&refused, 415, "malformed", path);
        }
    }
    let with_charset = Some("Application/JSON; charset=utf-8");
    client
        .post_bytes("/v1/authentications", with_charset, "{}")
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_over_the_limit_is_too_large() {
    let deployment = Deployment::start().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = deployment.client_speaking(WORKLOAD, protocol);
        for path in [
            "/v1/registrations",
            "/v1/registrations/AAAA",
            "/v1/authentications",
            "/v1/authentications/AAAA",
            "/v1/sessions/introspect",
        ] {
            // However much more the client has to say, it sees the answer.
            for too_much in [1, 200 * 1024] {
                let body = vec![b' '; 64 * 1024 + too_much];
                let refused = client.post_bytes(path, JSON, body).await;
                assert_problem(&refused, 413, "too-large", path);
            }
        }
        // Exactly the limit is read, and judged by what it says.
        let mut body = b"{}".to_vec();
        body.resize(64 * 1024, b' ');
        client
            .post_bytes("/v1/authentications", JSON, body)
            .await
            .expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn part_over_its_own_limit_is_too_large() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for (member, bytes) in [
        ("clientDataJSON", 9 * 1024),
        ("signature", 9 * 1024),
        ("authenticatorData", 17 * 1024),
    ] {
        let ceremony = begin_sign_in(&client, "ada").await;
        let mut credential = key.get_json(&ceremony.options, zeropass_tests::deployment::ORIGIN);
        credential["response"][member] = super::encode(vec![0; bytes]);
        assert_problem(
            &ceremony.finish(&client, &credential).await,
            413,
            "too-large",
            member,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_field_of_a_beginning_is_malformed() {
    let (_deployment, client) = scene().await;
    let long = "x".repeat(65);
    let user = |change: Value| {
        let mut user = json!({"name": "ada", "displayName": "Ada"});
        user.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!({"user": user})
    };
    let with = |change: Value| {
        let mut body = user(json!({}));
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        body
    };
    let registrations = [
        json!({}),
        json!({"user": null}),
        json!({"user": "ada"}),
        json!({"user": {}}),
        json!({"user": {"name": "ada"}}),
        json!({"user": {"displayName": "Ada"}}),
        user(json!({"name": ""})),
        user(json!({"name": 7})),
        user(json!({"name": " ada"})),
        user(json!({"name": "a\u{0}a"})),
        user(json!({"name": long})),
        user(json!({"displayName": null})),
        user(json!({"id": "no-uuid"})),
        user(json!({"id": 7})),
        user(json!({"icon": "x"})),
        with(json!({"rpId": 7})),
        with(json!({"rpId": ""})),
        with(json!({"userVerification": "perhaps"})),
        with(json!({"userVerification": true})),
        with(json!({"residentKey": "perhaps"})),
        with(json!({"mediation": "silent"})),
        with(json!({"mediation": true})),
        with(json!({"attestation": "perhaps"})),
        with(json!({"attestation": []})),
        with(json!({"hints": "security-key"})),
        with(json!({"hints": [7]})),
        with(json!({"hints": ["a", "b", "c", "d"]})),
        with(json!({"surprise": 1})),
    ];
    for body in registrations {
        let refused = client.post("/v1/registrations", &body).await;
        assert_problem(&refused, 400, "malformed", &body.to_string());
    }
    for body in [
        json!({"user": null}),
        json!({"user": {}}),
        json!({"user": {"name": 7}}),
        json!({"user": {"name": "", }}),
        json!({"user": {"id": "no-uuid"}}),
        json!({"user": {"name": "ada", "id": "00000000-0000-4000-8000-000000000000"}}),
        json!({"user": {"name": long}}),
        json!({"userVerification": 7}),
        json!({"rpId": []}),
        json!({"surprise": 1}),
    ] {
        let refused = client.post("/v1/authentications", &body).await;
        assert_problem(&refused, 400, "malformed", &body.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_body_of_an_end_is_malformed() {
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    for path in posts(&client)
        .await
        .into_iter()
        .filter(|path| path.split('/').count() == 4)
    {
        for body in [
            json!({}),
            json!({"credential": null}),
            json!({"credential": "x"}),
            json!({"credential": []}),
            json!({"credential": {}}),
        ] {
            let refused = client.post(&path, &body).await;
            assert_problem(&refused, 400, "malformed", &format!("{path} {body}"));
        }
    }
    let origin = zeropass_tests::deployment::ORIGIN;
    let ceremony = begin_sign_in(&client, "ada").await;
    let credential = key.get_json(&ceremony.options, origin);
    let extra = json!({"credential": credential, "surprise": 1});
    assert_problem(
        &client.post(&ceremony.path, &extra).await,
        400,
        "malformed",
        "unknown field",
    );
    for label in [json!(""), json!(7), json!("x".repeat(65)), json!("a\nb")] {
        let ceremony = begin_registration(&client, "bob").await;
        let credential =
            zeropass_tests::isolation::Authenticator::new().create_json(&ceremony.options, origin);
        let body = json!({"credential": credential, "label": label});
        assert_problem(
            &client.post(&ceremony.path, &body).await,
            400,
            "malformed",
            "label",
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_change_of_a_passkey_is_malformed_and_changes_nothing() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;
    let passkeys = format!("/v1/users/{}/passkeys", text(&ada["user"]["id"]));
    let passkey = format!("{passkeys}/{}", text(&ada["passkey"]["id"]));
    for body in [
        json!({}),
        json!({"status": "gone"}),
        json!({"status": null}),
        json!({"status": "suspended", "surprise": 1}),
        json!({"status": "suspended", "label": ""}),
        json!({"label": 7}),
        json!({"label": "x".repeat(65)}),
        json!({"label": "a\tb"}),
    ] {
        assert_problem(
            &client.patch(&passkey, &body).await,
            400,
            "malformed",
            &body.to_string(),
        );
    }
    for path in [
        format!("{passkeys}/not!base64url"),
        format!("{passkeys}/AAAA"),
        passkey.replace(text(&ada["user"]["id"]), "no-uuid"),
    ] {
        let refused = client.patch(&path, &json!({"label": "x"})).await;
        assert_problem(&refused, 404, "not-found", &path);
        assert_problem(&client.delete(&path).await, 404, "not-found", &path);
    }
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(listed["passkeys"], json!([ada["passkey"]]));
    assert_signs_in(&client, "ada", &key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_form_is_malformed() {
    let (_deployment, client) = scene().await;
    let form = Some("application/x-www-form-urlencoded");
    for path in ["/v1/sessions/introspect", "/v1/sessions/revoke"] {
        for body in ["", "token=", "other=x", "token=a&token=b"] {
            let refused = client.post_bytes(path, form, body).await;
            assert_problem(&refused, 400, "malformed", &format!("{path} {body}"));
        }
    }
}
