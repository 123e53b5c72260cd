//! Every mediated call leaves its record.

use serde_json::json;
use zeropass_tests::deployment::audit::lines;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Person, RP_ID, WORKLOAD, certificates};

use super::scene;

#[tokio::test(flavor = "multi_thread")]
async fn every_mediated_call_of_a_login_is_recorded() {
    let (deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);

    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": "ada"}}))
        .await;
    let records = deployment.records_of(begun.request_id()).await;
    assert_eq!(
        lines(&records),
        [
            "auth-service accounts.find-by-name success",
            "passkey-manager relying-party.describe success",
            "passkey-manager relying-party.pseudonym success",
            "passkey-manager credentials.typical success",
            "passkey-manager credentials.list-for-user success",
            "passkey-manager ceremonies.put success",
            "auth-service authentication.begin success",
            "- api.authentications success",
        ]
    );

    let begun = begun.expect(201);
    let credential = ada.get(&begun["publicKey"]).await.unwrap();
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let finished = client.post(&path, &json!({"credential": credential})).await;
    finished.expect(200);
    let records = deployment.records_of(finished.request_id()).await;
    assert_eq!(
        lines(&records),
        [
            "passkey-manager ceremonies.take success",
            "passkey-manager relying-party.describe success",
            "passkey-manager credentials.get success",
            "passkey-manager signatures.verify success",
            "passkey-manager credentials.record-use success",
            "auth-service authentication.finish success",
            "auth-service accounts.find-by-id success",
            "auth-service sessions.create success",
            "auth-service tokens.sign success",
            "- api.authentications success",
        ]
    );
    for record in &records {
        assert_eq!(
            record.workload,
            certificates::spiffe_id(WORKLOAD),
            "{record:?}"
        );
        assert!(record.address.starts_with("127.0.0.1:"), "{record:?}");
        assert!(!record.policies.is_empty(), "{record:?}");
        assert_eq!(
            record.component_name == "-",
            record.component_digest == "-",
            "{record:?}"
        );
    }
    let used = records
        .iter()
        .find(|record| record.action == "credentials.record-use")
        .unwrap();
    assert_eq!(used.relying_party, RP_ID);
    assert_eq!(used.target, text(&registered["passkey"]["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_sign_in_is_recorded_with_its_code() {
    let (deployment, client, ada) = scene().await;
    let registered = ada.register(&client, "ada").await.expect(201);
    let passkey = format!(
        "/v1/users/{}/passkeys/{}",
        text(&registered["user"]["id"]),
        text(&registered["passkey"]["id"])
    );
    client
        .patch(&passkey, &json!({"status": "suspended"}))
        .await
        .expect(200);
    let refused = ada.sign_in(&client, "ada").await;
    let records = lines(&deployment.records_of(refused.request_id()).await);
    assert!(
        records
            .contains(&"auth-service authentication.finish failed:credential-suspended".to_owned()),
        "{records:#?}"
    );
    assert_eq!(
        records.last().unwrap(),
        "- api.authentications failed:credential-suspended"
    );
    assert!(
        !records.iter().any(|line| line.contains("record-use")),
        "{records:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn workload_that_policy_does_not_know_is_denied_and_recorded() {
    let (deployment, _, _) = scene().await;
    let stranger = deployment.client("stranger");
    let refused = stranger.post("/v1/authentications", &json!({})).await;
    assert_eq!(refused.problem(), (403, "not-permitted".into()));
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(lines(&records), ["- api.authentications denied"]);
    assert_eq!(records[0].workload, certificates::spiffe_id("stranger"));
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_log_holds_no_name_challenge_or_token() {
    let (deployment, client, _) = scene().await;
    let name = "rather-unusual-name";
    let ada = Person::at(zeropass_tests::deployment::ORIGIN);
    ada.register(&client, name).await.expect(201);
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": name}}))
        .await
        .expect(201);
    let signed_in = ada.sign_in(&client, name).await.expect(200);
    let written = format!("{:?}", deployment.records().await);
    for secret in [
        name,
        text(&begun["publicKey"]["challenge"]),
        text(&begun["ceremony"]),
        text(&signed_in["session"]["token"]),
    ] {
        assert!(!written.contains(secret), "{secret} is in the audit log");
    }
}
