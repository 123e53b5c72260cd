//! What a page tells the provider of a person's passkeys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeropass_tests::deployment::RP_ID;
use zeropass_tests::deployment::person::text;

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn revoked_passkey_is_signalled_as_unknown() {
    let (_deployment, client, person) = scene().await;
    let registered = person.register(&client, "ada").await.expect(201);
    let (user, id) = (
        text(&registered["user"]["id"]),
        &registered["passkey"]["id"],
    );
    let handle = uuid::Uuid::parse_str(user).unwrap();
    let handle = URL_SAFE_NO_PAD.encode(handle.as_bytes());

    let signals = format!("/v1/users/{user}/signals");
    let told = client.get(&signals).await.expect(200);
    assert_eq!(
        told["allAcceptedCredentials"],
        json!({"rpId": RP_ID, "userId": handle, "allAcceptedCredentialIds": [id]})
    );
    assert_eq!(
        told["currentUserDetails"],
        json!({"rpId": RP_ID, "userId": handle, "name": "ada", "displayName": "ada"})
    );

    let passkey = format!("/v1/users/{user}/passkeys/{}", text(id));
    client.delete(&passkey).await.expect(204);
    let told = client.get(&signals).await.expect(200);
    let accepted = &told["allAcceptedCredentials"]["allAcceptedCredentialIds"];
    assert_eq!(*accepted, json!([]));
    let refused = person.sign_in_discoverable(&client).await;
    assert_eq!(refused.problem(), (422, "credential-unknown".into()));
    assert_eq!(
        refused.json()["signal"],
        json!({"unknownCredential": {"rpId": RP_ID, "credentialId": id}})
    );
}
