//! Extensions, as the relying party's configuration allows them.

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Client, Deployment, ORIGIN, Person, RP_ID, RelyingParty, WORKLOAD,
};

use super::scene;

async fn begin(client: &Client, extensions: &Value) -> (u16, Value) {
    let user = json!({"name": "ada", "displayName": "Ada"});
    let body = json!({"user": user, "extensions": extensions});
    let answer = client.post("/v1/registrations", &body).await;
    (answer.status(), answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn extension_that_is_not_listed_is_not_permitted() {
    let (_deployment, client, _) = scene().await;
    let (status, refused) = begin(&client, &json!({"prf": {}})).await;
    assert_eq!((status, text(&refused["code"])), (403, "not-permitted"));
    let (status, begun) = begin(&client, &json!({})).await;
    assert_eq!(status, 201);
    assert_eq!(begun["publicKey"]["extensions"], json!({"credProps": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn prf_is_enabled_and_its_secrets_stay_in_the_page() {
    let party = RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD);
    let deployment = Deployment::builder()
        .relying_party(party.set("extensions", "[\"credProps\", \"prf\"]"))
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let person = Person::at(ORIGIN);
    let inputs = json!({"prf": {"eval": {"first": "AAEC"}}});
    let (status, begun) = begin(&client, &inputs).await;
    assert_eq!(status, 201);
    assert_eq!(
        begun["publicKey"]["extensions"],
        json!({"credProps": true, "prf": {"eval": {"first": "AAEC"}}})
    );
    let mut options = begun["publicKey"].clone();
    // The software authenticator of this test has no prf: its client speaks for it.
    options["extensions"] = json!({});
    let mut credential = person.create(&options).await.unwrap();
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYzE";
    credential["clientExtensionResults"] = json!({
        "credProps": {"rk": true},
        "prf": {"enabled": true, "results": {"first": secret}},
        "largeBlob": {"supported": true},
    });
    let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
    let answer = client.post(&path, &json!({"credential": credential})).await;
    let registered = answer.expect(201);
    assert_eq!(
        registered["extensions"],
        json!({"credProps": {"rk": true}, "prf": {"enabled": true}})
    );
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(!body.contains(secret));
    for record in deployment.records().await {
        assert!(!format!("{record:?}").contains(secret));
    }
}
