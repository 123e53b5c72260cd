//! Nothing happens without its record, and no record leaves anything open.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use zeropass::policy::action;
use zeropass::server::drain::Drained;
use zeropass::store::StoredRecord;
use zeropass_tests::deployment::audit::stored_records;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Deployment, Protocol, WORKLOAD};

use super::person;

/// PCI DSS v4.0.1 requirement 10.2.2, over a run with calls of all kinds.
#[tokio::test(flavor = "multi_thread")]
async fn no_record_of_a_whole_run_has_an_empty_field() {
    let mut deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    let ada = person();
    let registered = ada.register(&client, "ada").await.expect(201);
    let signed_in = ada.sign_in(&client, "ada").await.expect(200);
    let token = text(&signed_in["session"]["token"]);
    client
        .post_token("/v1/sessions/introspect", token)
        .await
        .expect(200);
    client
        .post_token("/v1/sessions/revoke", token)
        .await
        .expect(200);
    let passkey = format!(
        "/v1/users/{}/passkeys/{}",
        text(&registered["user"]["id"]),
        text(&registered["passkey"]["id"])
    );
    client
        .patch(&passkey, &json!({"label": "Phone"}))
        .await
        .expect(200);
    client
        .patch(&passkey, &json!({"status": "suspended"}))
        .await
        .expect(200);
    assert_ne!(ada.sign_in(&client, "ada").await.status(), 200);
    client.delete(&passkey).await.expect(204);
    client.get("/.well-known/jwks.json").await.expect(200);
    // Denied by policy, refused in the handshake, and no TLS at all.
    let stranger = deployment.client("stranger");
    stranger
        .post("/v1/authentications", &json!({}))
        .await
        .expect(403);
    let nobody = deployment.client_with(None, Protocol::Any);
    assert!(
        nobody
            .request(http::Method::GET, "/openapi.json")
            .send()
            .await
            .is_err()
    );
    deployment
        .record_where(|record| record.action == "connection.accept")
        .await;
    drop(TcpStream::connect(deployment.address()).await.unwrap());
    deployment
        .record_where(|record| record.outcome == "failed:connection-lost")
        .await;
    assert_eq!(deployment.stop().await, Drained::Clean);

    let records = stored_records(&deployment.folder().join("zeropass.db")).await;
    let seen = |action: &str| records.iter().any(|record| record.action == action);
    for wanted in [
        "log.open",
        "host.start",
        "host.stop",
        "connection.accept",
        "credentials.remove",
    ] {
        assert!(seen(wanted), "no {wanted} among {records:#?}");
    }
    for record in &records {
        complete(record);
    }
}

/// User identification, type of event, date and time, success or failure, origin, and
/// what was affected.
fn complete(record: &StoredRecord) {
    assert!(
        record.texts().iter().all(|text| !text.is_empty()),
        "{record:?}"
    );
    assert!(record.time > 1_600_000_000_000, "{record:?}");
    // Who a refused peer is, nobody knows; its address is known.
    let unknown = record.action == "connection.accept";
    assert!(record.workload != "-" || unknown, "{record:?}");
    for told in [
        &record.request_id,
        &record.address,
        &record.action,
        &record.outcome,
    ] {
        assert_ne!(told, "-", "{record:?}");
    }
    // A denied call has acted on nothing: its action says what it was about.
    let affected = [
        &record.target,
        &record.relying_party,
        &record.component_name,
    ];
    let named = affected.iter().any(|affected| *affected != "-");
    assert!(named || record.outcome == "denied", "{record:?}");
    if action::ALL.contains(&record.action.as_str()) && record.outcome != "denied" {
        assert!(!record.policies.is_empty(), "who let it in? {record:?}");
    }
}

/// PCI DSS v4.0.1 requirement 10.2.1.1: one record for each access, under load.
#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_gate_and_records_are_equal_in_number_under_load() {
    let mut deployment = Deployment::start().await;
    let services = Arc::clone(deployment.services());
    let mut people = Vec::new();
    for number in 0..8 {
        let client = deployment.client(WORKLOAD);
        let stranger = deployment.client("stranger");
        people.push(tokio::spawn(async move {
            let (somebody, name) = (person(), format!("person-{number}"));
            somebody.register(&client, &name).await.expect(201);
            for _ in 0..6 {
                somebody.sign_in(&client, &name).await.expect(200);
                let wrong = json!({"credential": {}});
                client.post("/v1/authentications/nonsense", &wrong).await;
                stranger
                    .post("/v1/authentications", &json!({}))
                    .await
                    .expect(403);
            }
        }));
    }
    for somebody in people {
        somebody.await.unwrap();
    }
    assert_eq!(deployment.stop().await, Drained::Clean);

    let records = stored_records(&deployment.folder().join("zeropass.db")).await;
    let mediated = records
        .iter()
        .filter(|record| action::ALL.contains(&record.action.as_str()));
    let (denied, allowed): (Vec<_>, Vec<_>) =
        mediated.partition(|record| record.outcome == "denied");
    let counts = services.gate.counts();
    assert_eq!(denied.len() as u64, counts.denied.get());
    assert_eq!(allowed.len() as u64, counts.allowed.get());
    assert!(denied.len() >= 48, "{}", denied.len());
    assert!(allowed.len() >= 8 * 6 * 15, "{}", allowed.len());
    let metrics = deployment.metrics().render();
    for (decision, count) in [("allowed", allowed.len()), ("denied", denied.len())] {
        let line = format!("zeropass_mediated_calls_total{{decision=\"{decision}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let line = format!("zeropass_audit_records_total {}\n", records.len());
    assert!(metrics.contains(&line), "{metrics}");
    assert!(
        metrics.contains("zeropass_audit_unsealed_records 0\n"),
        "{metrics}"
    );
}
