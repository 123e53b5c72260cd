//! `fresh-sign-in`: the backend shows that the person has just signed in.

use http::Method;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Answer, Client, Deployment, ORIGIN, Person, RP_ID, RelyingParty, WORKLOAD,
};

async fn scene() -> (Deployment, Client, Person) {
    let party = RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD);
    let deployment = Deployment::builder()
        .relying_party(party.set("fresh-sign-in", "\"5m\""))
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    (deployment, client, Person::at(ORIGIN))
}

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> Answer {
    let mut request = client.request(method, path).json(body);
    if let Some(token) = token {
        request = request.header("zeropass-session", token);
    }
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_touched_only_after_a_fresh_sign_in() {
    let (_deployment, client, person) = scene().await;
    let registered = person.register(&client, "ada").await.expect(201);
    let bob = Person::at(ORIGIN);
    bob.register(&client, "bob").await.expect(201);
    let token = |answer: &Value| text(&answer["session"]["token"]).to_owned();
    let ada = token(&person.sign_in(&client, "ada").await.expect(200));
    let foreign = token(&bob.sign_in(&client, "bob").await.expect(200));

    let user = json!({"id": registered["user"]["id"], "name": "ada", "displayName": "ada"});
    let passkey = format!(
        "/v1/users/{}/passkeys/{}",
        text(&registered["user"]["id"]),
        text(&registered["passkey"]["id"])
    );
    let requests = [
        (
            Method::POST,
            "/v1/registrations",
            json!({"user": user}),
            201,
        ),
        (Method::PATCH, &passkey, json!({"label": "Desk"}), 200),
        (Method::DELETE, &passkey, json!({}), 204),
    ];
    for (method, path, body, status) in requests {
        for unfit in [None, Some(foreign.as_str()), Some("no.token")] {
            let refused = send(&client, method.clone(), path, unfit, &body).await;
            assert_eq!(refused.problem(), (403, "not-permitted".into()), "{path}");
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("sign in again"), "{detail}");
        }
        send(&client, method, path, Some(&ada), &body)
            .await
            .expect(status);
    }
}

/// Or else whoever began one early would add a passkey to the account of who was first.
#[tokio::test(flavor = "multi_thread")]
async fn registration_that_began_early_adds_no_second_passkey() {
    let (_deployment, client, person) = scene().await;
    let other = Person::at(ORIGIN);
    let user =
        json!({"id": "0f5a1c2e-6a55-4a43-8b5e-0f7d2c1b9a10", "name": "ada", "displayName": "ada"});
    let begin = async || {
        let body = json!({"user": user});
        client.post("/v1/registrations", &body).await.expect(201)
    };
    let (first, second) = (begin().await, begin().await);
    let finish = async |person: &Person, begun: &Value| {
        let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
        let credential = person.create(&begun["publicKey"]).await.unwrap();
        client.post(&path, &json!({"credential": credential})).await
    };
    finish(&person, &first).await.expect(201);
    let refused = finish(&other, &second).await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
    let passkeys = format!("/v1/users/{}/passkeys", text(&user["id"]));
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(listed["passkeys"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn last_passkey_stays_where_the_relying_party_keeps_it() {
    let party = RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD);
    let deployment = Deployment::builder()
        .relying_party(party.set("keep-last-passkey", "true"))
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let (laptop, phone) = (Person::at(ORIGIN), Person::at(ORIGIN));
    let first = laptop.register(&client, "ada").await.expect(201);
    let passkeys = format!("/v1/users/{}/passkeys", text(&first["user"]["id"]));
    let only = format!("{passkeys}/{}", text(&first["passkey"]["id"]));
    let refused = client.delete(&only).await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
    let both = json!({"status": "suspended", "label": "Lost"});
    let refused = client.patch(&only, &both).await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(
        listed["passkeys"],
        json!([first["passkey"]]),
        "nothing changed"
    );

    let user = json!({"id": first["user"]["id"], "name": "ada", "displayName": "ada"});
    phone.register_as(&client, &user).await.expect(201);
    let changed = client.patch(&only, &both).await.expect(200);
    assert_eq!(changed["passkey"]["label"], "Lost");
    assert_eq!(changed["passkey"]["status"], "suspended");
    client.delete(&only).await.expect(204);

    // A name that is taken leaves nothing behind, though it would be a last passkey.
    let late = Person::at(ORIGIN);
    let refused = late.register(&client, "ada").await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
    let refused = late.sign_in_discoverable(&client).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
}
