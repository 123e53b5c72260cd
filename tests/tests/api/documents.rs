//! Documents that describe the deployment.

use serde_json::json;
use zeropass_tests::deployment::{Deployment, RelyingParty, WORKLOAD};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn related_origins_and_passkey_pages_are_published() {
    let deployment = Deployment::builder()
        .relying_party(
            RelyingParty::new("example.com")
                .origin("https://example.com")
                .origin("https://example.org")
                .workload(WORKLOAD)
                .set("related-origins", r#"["https://example.org"]"#)
                .set("enroll-url", r#""https://example.com/passkeys/new""#)
                .set("manage-url", r#""https://example.com/passkeys""#),
        )
        .start()
        .await;
    let client = deployment.client(WORKLOAD);
    let answer = client.get("/.well-known/webauthn").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.expect(200),
        json!({"origins": ["https://example.org"]})
    );
    assert_eq!(
        client
            .get("/.well-known/passkey-endpoints")
            .await
            .expect(200),
        json!({"enroll": "https://example.com/passkeys/new", "manage": "https://example.com/passkeys"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn openapi_describes_every_path() {
    let (_deployment, client, _) = scene().await;
    let document = client.get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/v1/registrations",
        "/v1/registrations/{ceremony}",
        "/v1/authentications",
        "/v1/authentications/{ceremony}",
        "/v1/users/{user}/passkeys",
        "/v1/users/{user}/passkeys/{passkey}",
        "/v1/sessions/introspect",
        "/v1/sessions/revoke",
    ] {
        assert!(
            document["paths"].get(path).is_some(),
            "{path} is not described"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn path_outside_the_api_is_not_found() {
    let (_deployment, client, _) = scene().await;
    for path in [
        "/",
        "/v1",
        "/v2/users",
        "/v1/registrationsx",
        "/v1/users/",
        "/.well-known/other",
        "/livez",
    ] {
        assert_eq!(
            client.get(path).await.problem(),
            (404, "not-found".into()),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn method_that_a_path_does_not_have_is_named_with_those_it_has() {
    let (_deployment, client, _) = scene().await;
    let refused = client.get("/v1/registrations").await;
    assert_eq!(refused.problem(), (405, "malformed".into()));
    assert_eq!(refused.header("allow"), "POST");
}
