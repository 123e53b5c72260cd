//! A passkey-manager in JavaScript serves like the one in Rust: the seam is WIT, not a
//! language. `examples/passkey-manager-js` builds it with QuickJS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Answer, Client, Deployment, Load, ORIGIN, Person, WORKLOAD, component_file,
};
use zeropass_tests::isolation::Authenticator;
use zeropass_tests::rollout::{OPERATOR, activate, push};

const NAME: &str = "passkey-manager";

/// Connections that sign people in while revisions change.
const CONNECTIONS: usize = 4;

async fn scene() -> (Deployment, Client) {
    let deployment = Deployment::builder()
        .passkey_manager(component_file("passkey_manager_js"))
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    (deployment, client)
}

/// Begin under `path`, let `answer` make the credential, finish.
async fn ceremony(
    client: &Client,
    path: &str,
    body: &Value,
    answer: impl FnOnce(&Value) -> Value,
) -> Answer {
    let begun = client.post(path, body).await.expect(201);
    let finish = format!("{path}/{}", text(&begun["ceremony"]));
    let credential = answer(&begun["publicKey"]);
    client
        .post(&finish, &json!({"credential": credential}))
        .await
}

async fn registered(client: &Client, name: &str) -> (Authenticator, Value) {
    let mut key = Authenticator::new();
    let body = json!({"user": {"name": name, "displayName": name}});
    let answer = ceremony(client, "/v1/registrations", &body, |options| {
        key.create_json(options, ORIGIN)
    })
    .await
    .expect(201);
    (key, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_revision_registers_and_signs_in() {
    let (_deployment, client) = scene().await;
    let person = Person::at(ORIGIN);
    person.register(&client, "ada").await.expect(201);
    person.sign_in(&client, "ada").await.expect(200);
    let (key, registered) = registered(&client, "bob").await;
    for body in [json!({"user": {"name": "bob"}}), json!({})] {
        let answer = ceremony(&client, "/v1/authentications", &body, |options| {
            key.get_json(options, ORIGIN)
        })
        .await
        .expect(200);
        assert_eq!(answer["user"]["id"], registered["user"]["id"]);
        assert_eq!(
            answer["passkey"]["algorithm"],
            registered["passkey"]["algorithm"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_revision_manages_passkeys() {
    let (_deployment, client) = scene().await;
    let (key, ada) = registered(&client, "ada").await;
    let (user, id) = (text(&ada["user"]["id"]), text(&ada["passkey"]["id"]));
    let path = format!("/v1/users/{user}/passkeys/{id}");
    let renamed = client
        .patch(&path, &json!({"label": "Key"}))
        .await
        .expect(200);
    assert_eq!(renamed["passkey"]["label"], "Key");
    client
        .patch(&path, &json!({"status": "suspended"}))
        .await
        .expect(200);
    let refused = ceremony(
        &client,
        "/v1/authentications",
        &json!({"user": {"name": "ada"}}),
        |options| key.get_json(options, ORIGIN),
    )
    .await;
    assert_eq!(refused.problem(), (403, "credential-suspended".into()));
    client.delete(&path).await.expect(204);
    assert_eq!(
        client.delete(&path).await.problem(),
        (404, "not-found".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_revision_refuses_with_the_same_codes() {
    type Bend = fn(&mut Authenticator, &mut Value) -> &'static str;
    let (_deployment, client) = scene().await;
    let (key, _) = registered(&client, "ada").await;
    let bends: [(&str, Bend); 6] = [
        ("origin-mismatch", |_, _| "https://evil.example"),
        ("challenge-mismatch", |_, options| {
            options["challenge"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
            ORIGIN
        }),
        ("rp-id-mismatch", |_, options| {
            options["rpId"] = "evil.example".into();
            ORIGIN
        }),
        ("user-presence-missing", |key, _| {
            key.flags &= !1;
            ORIGIN
        }),
        ("credential-unknown", |key, _| {
            key.credential_id = vec![9; 32];
            ORIGIN
        }),
        ("user-handle-mismatch", |key, _| {
            key.user_handle = Some(vec![0; 16]);
            ORIGIN
        }),
    ];
    let (flags, id, handle) = (
        key.flags,
        key.credential_id.clone(),
        key.user_handle.clone(),
    );
    let mut bent = key;
    for (code, bend) in bends {
        let body = json!({"user": {"name": "ada"}});
        let refused = ceremony(&client, "/v1/authentications", &body, |options| {
            let mut options = options.clone();
            let origin = bend(&mut bent, &mut options);
            bent.get_json(&options, origin)
        })
        .await;
        assert_eq!(refused.problem(), (422, code.to_owned()));
        bent.flags = flags;
        bent.credential_id.clone_from(&id);
        bent.user_handle.clone_from(&handle);
    }
    let mut forger = Authenticator::new();
    forger.credential_id = id;
    forger.user_handle = handle;
    let body = json!({"user": {"name": "ada"}});
    let refused = ceremony(&client, "/v1/authentications", &body, |options| {
        forger.get_json(options, ORIGIN)
    })
    .await;
    assert_eq!(refused.problem(), (422, "signature-invalid".to_owned()));
}

/// Begin a sign-in on the revision that serves now.
async fn begin(client: &Client, name: &str) -> Value {
    let body = json!({"user": {"name": name}});
    client.post("/v1/authentications", &body).await.expect(201)
}

/// Finish a sign-in on the revision that serves now.
async fn finish(client: &Client, key: &Authenticator, begun: &Value) {
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let credential = key.get_json(&begun["publicKey"], ORIGIN);
    let answer = client.post(&path, &json!({"credential": credential})).await;
    answer.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_revision_comes_and_goes_while_people_sign_in() {
    let deployment = Deployment::builder().admin().start().await;
    let admin = deployment.admin_client(OPERATOR);
    let javascript = std::fs::read(component_file("passkey_manager_js")).unwrap();
    push(&deployment, &admin, NAME, "2.0.0", javascript)
        .await
        .expect(201);
    let client = deployment.client(WORKLOAD);
    let (key, _) = registered(&client, "ada").await;

    let mut loads = Vec::new();
    for _ in 0..CONNECTIONS {
        loads.push(Load::start(&deployment.client(WORKLOAD), 2).await);
    }
    // On each connection, on what serves now, whatever it is.
    let everybody = async || {
        for load in &loads {
            load.more_good(4).await;
        }
    };
    // Rust, JavaScript, and Rust again; sign-ins are left open over each change.
    everybody().await;
    let on_rust = begin(&client, "ada").await;
    let wish = json!({"revision": "2.0.0"});
    activate(&admin, NAME, &wish).await.expect(200);
    finish(&client, &key, &on_rust).await;
    everybody().await;
    let on_javascript = begin(&client, "ada").await;
    let path = format!("/v1/components/{NAME}/rollback");
    admin.post(&path, &json!({})).await.expect(200);
    finish(&client, &key, &on_javascript).await;
    everybody().await;
    for load in loads {
        assert_eq!(load.busy(), 0);
        load.end().await;
    }
    let records = deployment.records().await;
    let served = |revision: &str, action: &str| {
        records.iter().any(|record| {
            record.component_revision == revision
                && record.component_name == NAME
                && record.action == action
                && record.outcome == "success"
        })
    };
    for revision in ["1.0.0", "2.0.0"] {
        for action in ["ceremonies.put", "ceremonies.take"] {
            assert!(served(revision, action), "{revision} {action}");
        }
    }
}
