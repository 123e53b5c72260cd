//! Who may do what on the admin listener, and what the audit log says about it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use tempfile::TempDir;
use zeropass_tests::deployment::audit::lines;
use zeropass_tests::deployment::{Answer, Client, Deployment, WORKLOAD, copied_policies};

use super::{OPERATOR, activate, operated, push, variant};

const NAME: &str = "auth-service";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that can be asked for.
const REQUESTS: &[(&str, &str)] = &[
    ("GET", "/v1/components"),
    ("GET", "/v1/components/auth-service"),
    ("GET", "/v1/components/auth-service/history"),
    ("POST", "/v1/components/auth-service/revisions"),
    ("DELETE", "/v1/components/auth-service/revisions/1.0.0"),
    ("POST", "/v1/components/auth-service/activate"),
    ("POST", "/v1/components/auth-service/rollback"),
    ("POST", "/v1/policy/reload"),
    ("GET", "/v1/status"),
    ("GET", "/metrics"),
];

/// The delivered policies with `text` instead of what they say of operators, and its file.
fn policies_of_operators(text: &str) -> (TempDir, PathBuf) {
    let policies = copied_policies();
    std::fs::remove_file(policies.path().join("tests/operators.json")).unwrap();
    let file = policies.path().join("operators/operators.cedar");
    std::fs::write(&file, text).unwrap();
    (policies, file)
}

/// A push whose file does not come.
async fn push_without_end(operator: Client) -> reqwest::Result<reqwest::Response> {
    let silent = futures::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
    operator
        .request(Method::POST, "/v1/components/auth-service/revisions")
        .body(reqwest::Body::wrap(StreamBody::new(silent)))
        .send()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_and_components_are_no_operators() {
    let deployment = Deployment::builder().admin().start().await;
    for path in [
        "/workload/relying-party",
        "/component/auth-service",
        "/host",
    ] {
        let client = deployment.admin_client(path);
        for (method, resource) in REQUESTS {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = Answer::of(client.request(method, resource)).await;
            let expected = (403, "not-permitted".to_owned());
            assert_eq!(answer.problem(), expected, "{path} {resource}");
            let records = deployment.records_of(answer.request_id()).await;
            assert!(!records.is_empty(), "{path} {resource}");
            for record in records {
                assert_eq!(record.outcome, "denied", "{path} {resource}");
                assert_eq!(record.workload, format!("spiffe://zeropass.internal{path}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_leaves_a_record_with_operator_and_target() {
    let (deployment, admin) = operated().await;
    let wasm = variant(NAME, "b");
    let digest = zeropass::registry::sha256(&wasm);
    let pushed = push(&deployment, &admin, NAME, "1.1.0", wasm).await;
    let again = activate(&admin, NAME, &json!({"revision": "1.0.0"})).await;
    let activated = activate(&admin, NAME, &json!({"revision": "1.1.0"})).await;
    for (answer, line) in [
        (&pushed, "- components.push success"),
        (&again, "- components.activate failed:already-active"),
        (&activated, "- components.activate success"),
    ] {
        let records = deployment.records_of(answer.request_id()).await;
        assert_eq!(lines(&records), [line]);
        assert_eq!(
            records[0].workload,
            "spiffe://zeropass.internal/operator/dev"
        );
        assert_eq!(records[0].policies, ["operator.admin"]);
    }
    let records = deployment.records_of(activated.request_id()).await;
    assert_eq!(records[0].target, format!("{NAME} {digest}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_does_what_policy_grants_and_no_more() {
    let (policies, file) = policies_of_operators(
        r#"
        @id("release") permit (
            principal == Operator::"spiffe://zeropass.internal/operator/release",
            action in [Action::"components.list", Action::"components.push"],
            resource == Component::"passkey-manager"
        );
        @id("reload") permit (principal, action == Action::"policy.reload", resource);
        "#,
    );
    let deployment = Deployment::builder()
        .admin()
        .policies(policies.path())
        .start()
        .await;
    let admin = deployment.admin_client("/operator/release");
    let listed = admin.get("/v1/components").await.expect(200);
    assert_eq!(listed["components"].as_array().unwrap().len(), 1);
    let wasm = variant("passkey-manager", "b");
    push(&deployment, &admin, "passkey-manager", "1.1.0", wasm)
        .await
        .expect(201);
    for refused in [
        push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b")).await,
        activate(&admin, "passkey-manager", &json!({"revision": "1.1.0"})).await,
        admin.get("/metrics").await,
    ] {
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    }

    // A reload is refused as a whole, or in force at once.
    std::fs::write(&file, "permit (principal, action, resource)").unwrap();
    let refused = admin.post("/v1/policy/reload", &json!({})).await;
    assert_eq!(refused.problem(), (422, "policy-refused".to_owned()));
    admin.get("/v1/components").await.expect(200);
    std::fs::write(&file, "").unwrap();
    let other = deployment.admin_client("/operator/other");
    assert_eq!(
        other
            .post("/v1/policy/reload", &json!({}))
            .await
            .expect(200)["epoch"],
        2
    );
    // On a new connection: the old one has ended.
    let admin = deployment.admin_client("/operator/release");
    let gone = admin.get("/v1/components").await;
    assert_eq!(gone.problem(), (403, "not-permitted".to_owned()));
}

/// To activate and to go back are two rights, of each component by itself.
#[tokio::test(flavor = "multi_thread")]
async fn going_back_is_a_right_of_its_own_whichever_request_asks_for_it() {
    const CALLEE: &str = "passkey-manager";
    let (policies, _) = policies_of_operators(
        r#"
        @id("release") permit (
            principal == Operator::"spiffe://zeropass.internal/operator/release",
            action in [Action::"components.push", Action::"components.activate"],
            resource == Component::"passkey-manager"
        );
        @id("night") permit (
            principal == Operator::"spiffe://zeropass.internal/operator/night",
            action == Action::"components.roll-back",
            resource == Component::"passkey-manager"
        );
        "#,
    );
    let deployment = Deployment::builder()
        .admin()
        .policies(policies.path())
        .start()
        .await;
    let release = deployment.admin_client("/operator/release");
    let night = deployment.admin_client("/operator/night");
    let denied = || (403, "not-permitted".to_owned());
    for (version, mark) in [("0.9.0", "z"), ("1.1.0", "b")] {
        push(
            &deployment,
            &release,
            CALLEE,
            version,
            variant(CALLEE, mark),
        )
        .await
        .expect(201);
    }
    let next = json!({"revision": "1.1.0"});
    assert_eq!(activate(&night, CALLEE, &next).await.problem(), denied());
    assert_eq!(activate(&release, NAME, &next).await.problem(), denied());
    activate(&release, CALLEE, &next).await.expect(200);

    let back = json!({"revision": "0.9.0", "rollback": true});
    for operator in [&release, &night] {
        let refused = activate(operator, CALLEE, &back).await;
        assert_eq!(refused.problem(), denied());
    }
    let refused = activate(&release, CALLEE, &back).await;
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(
        lines(&records),
        [
            "- components.roll-back denied",
            "- components.activate failed:not-permitted"
        ]
    );
    for (operator, name) in [(&release, CALLEE), (&night, NAME)] {
        let path = format!("/v1/components/{name}/rollback");
        let refused = operator.post(&path, &json!({})).await;
        assert_eq!(refused.problem(), denied());
    }
    let path = format!("/v1/components/{CALLEE}/rollback");
    let returned = night.post(&path, &json!({})).await.expect(200);
    assert_eq!(returned["toVersion"], "1.0.0");
}

/// A body that never comes would keep whoever waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn whom_policy_allows_nothing_is_refused_before_its_body_is_read() {
    let policies = copied_policies();
    std::fs::remove_file(policies.path().join("tests/operators.json")).unwrap();
    let wasm = variant(NAME, "b");
    let text = format!(
        r#"
        @id("pushes") permit (
            principal == Operator::"spiffe://zeropass.internal/operator/pushes",
            action == Action::"components.push",
            resource
        );
        @id("one") permit (
            principal == Operator::"spiffe://zeropass.internal/operator/one",
            action == Action::"components.activate",
            resource
        ) when {{ resource.digest == "{}" }};
        "#,
        zeropass::registry::sha256(&wasm)
    );
    std::fs::write(policies.path().join("operators/operators.cedar"), text).unwrap();
    let deployment = Deployment::builder()
        .admin()
        .policies(policies.path())
        .start()
        .await;
    let ask = |operator: &str, what: &str| {
        let silent = futures::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
        let path = format!("/v1/components/{NAME}/{what}");
        let client = deployment.admin_client(operator);
        let request = client.request(Method::POST, &path);
        Answer::of(request.body(reqwest::Body::wrap(StreamBody::new(silent))))
    };
    for (operator, what, line) in [
        (
            "/workload/relying-party",
            "activate",
            "- components.activate denied",
        ),
        (
            "/workload/relying-party",
            "rollback",
            "- components.roll-back denied",
        ),
        (
            "/operator/pushes",
            "activate",
            "- components.activate denied",
        ),
        (
            "/operator/pushes",
            "rollback",
            "- components.roll-back denied",
        ),
        // Of what there is, none is the one that it may activate.
        ("/operator/one", "activate", "- components.activate denied"),
    ] {
        let refused = tokio::time::timeout(PATIENCE, ask(operator, what)).await;
        let refused = refused.expect("nobody waits for the body");
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
        let records = deployment.records_of(refused.request_id()).await;
        assert_eq!(lines(&records), [line], "{operator}");
    }
    let pushes = deployment.admin_client("/operator/pushes");
    push(&deployment, &pushes, NAME, "1.1.0", wasm)
        .await
        .expect(201);
    let one = deployment.admin_client("/operator/one");
    let other = activate(&one, NAME, &json!({"revision": "1.0.0"})).await;
    assert_eq!(other.problem(), (403, "not-permitted".to_owned()));
    activate(&one, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
}

/// Whatever is asked, and however badly.
#[tokio::test(flavor = "multi_thread")]
async fn request_that_asks_for_nothing_leaves_a_record_too() {
    let (deployment, admin) = operated().await;
    let bell = json!({"revision": "1.0.0", "reason": "\u{7}"});
    let path = "/v1/components/auth-service/rollback";
    for (answer, status, line) in [
        (
            admin.get("/v1/secrets").await,
            404,
            "- admin.request failed:not-found",
        ),
        (
            activate(&admin, NAME, &bell).await,
            400,
            "- components.activate failed:malformed",
        ),
        (
            admin.post(path, &json!({"reason": "\u{7}"})).await,
            400,
            "- components.roll-back failed:malformed",
        ),
    ] {
        assert_eq!(answer.status(), status, "{line}");
        let records = deployment.records_of(answer.request_id()).await;
        assert_eq!(lines(&records), [line]);
        let who = "spiffe://zeropass.internal/operator/dev";
        assert_eq!(records[0].workload, who);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_what_may_be_under_way_are_refused_at_once_and_recorded() {
    let (deployment, admin) = operated().await;
    // The question below takes a place for a moment: who finds it taken comes again.
    let pushes: Vec<_> = (0..32)
        .map(|_| {
            let operator = deployment.admin_client(OPERATOR);
            tokio::spawn(async move {
                loop {
                    let _refused = push_without_end(operator.clone()).await;
                }
            })
        })
        .collect();
    let started = Instant::now();
    let refused = loop {
        let answer = admin.get("/v1/status").await;
        if answer.status() != 200 {
            break answer;
        }
        assert!(started.elapsed() < PATIENCE, "all are taken");
    };
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(lines(&records), ["- admin.request failed:busy"]);
    for push in pushes {
        push.abort();
    }
    let started = Instant::now();
    while admin.get("/v1/status").await.status() != 200 {
        assert!(started.elapsed() < PATIENCE, "they have gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_dropped_by_policy_loses_its_connection() {
    let policies = copied_policies();
    let deployment = Deployment::builder()
        .admin()
        .policies(policies.path())
        .start()
        .await;
    let dropped = deployment.admin_client("/operator/dropped");
    dropped.get("/v1/components").await.expect(200);
    // Authorized, and under way.
    let pushing = tokio::spawn(push_without_end(dropped.clone()));
    dropped.get("/v1/components").await.expect(200);

    let text = r#"@id("operator.dropped") forbid (
        principal == Operator::"spiffe://zeropass.internal/operator/dropped", action, resource
    );"#;
    std::fs::write(policies.path().join("operators/dropped.cedar"), text).unwrap();
    let other = deployment.admin_client(OPERATOR);
    other
        .post("/v1/policy/reload", &json!({}))
        .await
        .expect(200);
    let ended = tokio::time::timeout(PATIENCE, pushing).await;
    assert!(ended.expect("it is cut").unwrap().is_err());
    let record = deployment
        .record_where(|record| record.action == "connection.keep")
        .await;
    assert_eq!(record.outcome, "failed:not-permitted");
    assert_eq!(
        record.workload,
        "spiffe://zeropass.internal/operator/dropped"
    );
    let refused = deployment.admin_client("/operator/dropped");
    let refused = refused.get("/v1/components").await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    // Who stays has kept its connection.
    other.get("/v1/components").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_status_are_for_operators() {
    let deployment = Deployment::builder().admin().start().await;
    deployment
        .client(WORKLOAD)
        .get("/.well-known/jwks.json")
        .await
        .expect(200);
    let admin = deployment.admin_client(OPERATOR);
    let metrics = admin.get("/metrics").await;
    assert_eq!(metrics.status(), 200);
    let text = String::from_utf8_lossy(metrics.body()).into_owned();
    assert!(text.contains("zeropass_mediated_calls_total"), "{text}");
    let status = admin.get("/v1/status").await.expect(200);
    assert_eq!(status["policy"]["epoch"], 1);
    assert_eq!(status["components"][0]["stable"]["version"], "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_beyond_the_limit_is_not_read() {
    let deployment = Deployment::builder()
        .set("admin", "push-limit", "\"64KiB\"")
        .admin()
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let answer = push(&deployment, &admin, NAME, "1.1.0", vec![0; 65 * 1024]).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
}
