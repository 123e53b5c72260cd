//! Policy changes while revisions serve: what it would not admit any more is called no
//! more, from the moment at which the new policies are in force.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass::registry::SigningKey;
use zeropass_tests::deployment::certificates::install_provider;
use zeropass_tests::deployment::{
    Answer, Client, Deployment, WORKLOAD, component_file, copied_policies, guest_file,
};
use zeropass_tests::signing::minisig;

use super::{
    OPERATOR, activate, component, history, operated, push_signed, release, roll_back, serving,
    variant,
};

const NAME: &str = "passkey-manager";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Another signer beside the deployment's own.
struct Other(SigningKey, &'static str);

impl Other {
    fn trusted(deployment: &Deployment, file: &'static str) -> Self {
        let other = Self(SigningKey::generate().unwrap(), file);
        other.say(deployment, "");
        other
    }

    fn say(&self, deployment: &Deployment, more: &str) {
        let text = self.0.signer(&[NAME]) + more;
        std::fs::write(deployment.folder().join("signers").join(self.1), text).unwrap();
    }

    /// Push a variant that this signer signed.
    async fn push(&self, admin: &Client, version: &str, mark: &str) {
        let pushed = self.sign(admin, version, variant(NAME, mark)).await;
        pushed.expect(201);
    }

    /// Push a file that this signer signed.
    async fn sign(&self, admin: &Client, version: &str, wasm: Vec<u8>) -> Answer {
        let signature = minisig(&self.0, NAME, version, &wasm).unwrap();
        push_signed(admin, NAME, &signature, wasm).await
    }
}

/// Change what policy says of the deployment's own key.
fn own_signer(deployment: &Deployment, text: &str) {
    std::fs::write(deployment.folder().join("signers/tests.toml"), text).unwrap();
}

async fn reload(admin: &Client) {
    admin
        .post("/v1/policy/reload", &json!({}))
        .await
        .expect(200);
}

/// A revision of another signer, brought into force as `wish` says.
async fn of_another_signer(wish: &Value) -> (Deployment, Client, Other) {
    let (deployment, admin) = operated().await;
    let other = Other::trusted(&deployment, "other.toml");
    reload(&admin).await;
    other.push(&admin, "1.1.0", "b").await;
    activate(&admin, NAME, wish).await.expect(200);
    (deployment, admin, other)
}

/// Two more signers whom policy trusts.
async fn two_more_signers() -> (Deployment, Client, Other, Other) {
    let (deployment, admin) = operated().await;
    let one = Other::trusted(&deployment, "one.toml");
    let two = Other::trusted(&deployment, "two.toml");
    reload(&admin).await;
    (deployment, admin, one, two)
}

/// Nobody is there who could answer for passkey-manager.
async fn assert_no_registration(deployment: &Deployment) {
    let client = deployment.client(WORKLOAD);
    let body = json!({"user": {"name": "ada", "displayName": "Ada"}});
    let refused = client.post("/v1/registrations", &body).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
}

async fn last(admin: &Client) -> (String, String) {
    history(admin, NAME).await.pop().unwrap()
}

async fn ready(deployment: &Deployment) -> u16 {
    install_provider();
    let client = reqwest::Client::builder()
        .no_proxy()
        .unix_socket(deployment.health_socket())
        .build()
        .unwrap();
    let answer = client.get("http://localhost/readyz").send().await;
    answer.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_of_a_revoked_signer_is_rolled_back_with_the_reload() {
    let wish = json!({"revision": "1.1.0", "canary": 99});
    let (deployment, admin, other) = of_another_signer(&wish).await;

    other.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    let shown = component(&admin, NAME).await;
    assert_eq!(shown.get("canary"), None, "{shown}");
    for _ in 0..5 {
        assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    }
    let (what, why) = last(&admin).await;
    assert_eq!(what, "rolled-back");
    assert!(
        why.starts_with("signer-revoked: it is signed by `other`"),
        "{why}"
    );
    deployment
        .record_where(|record| record.action == "rollout.roll-back")
        .await;
    let refused = activate(&admin, NAME, &wish).await;
    assert_eq!(refused.problem(), (422, "signer-revoked".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_of_a_revoked_signer_gives_way_to_its_predecessor() {
    let wish = json!({"revision": "1.1.0"});
    let (deployment, admin, other) = of_another_signer(&wish).await;
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");

    other.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    let (what, why) = last(&admin).await;
    assert_eq!(what, "taken-out");
    assert!(why.starts_with("signer-revoked: "), "{why}");
    let record = deployment
        .record_where(|record| record.action == "rollout.take-out")
        .await;
    assert_eq!(record.outcome, "success");
    assert_eq!(ready(&deployment).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn predecessors_of_revoked_signers_are_passed_over() {
    let (deployment, admin, one, two) = two_more_signers().await;
    for (signer, version, mark) in [(&one, "1.1.0", "b"), (&two, "1.2.0", "c")] {
        signer.push(&admin, version, mark).await;
        activate(&admin, NAME, &json!({"revision": version}))
            .await
            .expect(200);
    }
    // The predecessor alone: nothing changes for anybody, but there is no way back to it.
    one.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    assert_eq!(serving(&deployment, NAME).await, "1.2.0");
    let refused = roll_back(&admin, NAME).await;
    assert_eq!(refused.problem(), (422, "signer-revoked".to_owned()));

    two.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    assert_eq!(last(&admin).await.0, "taken-out");
    let nowhere = roll_back(&admin, NAME).await;
    assert_eq!(nowhere.problem(), (409, "no-predecessor".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_without_an_admitted_predecessor_is_withdrawn_and_comes_back_with_policy() {
    let (deployment, admin) = operated().await;
    let client = deployment.client(WORKLOAD);
    client.get("/.well-known/jwks.json").await.expect(200);
    let names = ["auth-service", NAME];
    let trusted = deployment.key().signer(&names);

    own_signer(&deployment, &format!("{trusted}revoked = true\n"));
    reload(&admin).await;
    let refused = client.get("/.well-known/jwks.json").await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(records[0].outcome, "failed:component-withdrawn");
    assert_eq!(ready(&deployment).await, 503);
    for name in names {
        let (what, why) = history(&admin, name).await.pop().unwrap();
        assert_eq!(what, "withdrawn");
        assert!(why.starts_with("signer-revoked: "), "{why}");
        let shown = component(&admin, name).await;
        let problem = shown["hosts"][0]["problem"].as_str().unwrap();
        assert!(problem.starts_with("signer-revoked: "), "{problem}");
    }
    let withdrawn = component(&admin, NAME).await["epoch"].clone();

    own_signer(&deployment, &trusted);
    reload(&admin).await;
    client.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    assert_eq!(ready(&deployment).await, 200);
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["hosts"][0].get("problem"), None, "{shown}");
    // It was said once, not at every look.
    assert_eq!(shown["epoch"], withdrawn);
}

/// The key is changed and nothing else: the same file, under the same version.
#[tokio::test(flavor = "multi_thread")]
async fn revision_that_was_signed_anew_outlives_its_first_key() {
    let (deployment, admin, one, two) = two_more_signers().await;
    one.push(&admin, "1.1.0", "b").await;
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    let anew = two.sign(&admin, "1.1.0", variant(NAME, "b")).await;
    assert_eq!(anew.expect(200)["new"], false);

    one.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["epoch"], 2, "{shown}");
    assert_eq!(shown["hosts"][0].get("problem"), None, "{shown}");
    // The newer key is the one that counts now.
    two.say(&deployment, "revoked = true\n");
    reload(&admin).await;
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    assert_eq!(last(&admin).await.0, "taken-out");
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_revision_returns_with_a_signature_that_is_trusted() {
    let (deployment, admin) = operated().await;
    own_signer(&deployment, &deployment.key().signer(&["auth-service"]));
    let other = Other::trusted(&deployment, "other.toml");
    reload(&admin).await;
    assert_no_registration(&deployment).await;

    let file = std::fs::read(component_file("passkey_manager")).unwrap();
    let anew = other.sign(&admin, "1.0.0", file).await;
    assert_eq!(anew.expect(200)["new"], false);
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["hosts"][0].get("problem"), None, "{shown}");
    assert_eq!(ready(&deployment).await, 200);
}

/// Whoever waits for an instance waits for nothing that may not run any more.
#[tokio::test(flavor = "multi_thread")]
async fn call_that_waits_for_an_instance_does_not_begin_on_a_withdrawn_revision() {
    const SERVICE: &str = "auth-service";
    let deployment = Deployment::builder()
        .admin()
        .auth_service(guest_file("answers_well"))
        .set("components.auth-service", "instances", "1")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    // Two seconds of work, one call after the other.
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = deployment.client(WORKLOAD);
            tokio::spawn(async move { client.get("/v1/users/ok/later").await })
        })
        .collect();
    let first = deployment
        .record_where(|record| record.action == "api.users")
        .await;
    assert_eq!(first.outcome, "success");
    own_signer(&deployment, &deployment.key().signer(&[NAME]));
    reload(&admin).await;
    let mut withdrawn = 0;
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status() == 200 {
            continue;
        }
        assert_eq!(answer.problem(), (503, "busy".to_owned()));
        let records = deployment.records_of(answer.request_id()).await;
        assert_eq!(records[0].outcome, "failed:component-withdrawn");
        withdrawn += 1;
    }
    assert!(withdrawn > 0, "all of them came to {SERVICE}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signer_that_may_not_sign_a_component_any_more_stops_that_one_alone() {
    let (deployment, admin) = operated().await;
    let client = deployment.client(WORKLOAD);
    own_signer(&deployment, &deployment.key().signer(&["auth-service"]));
    reload(&admin).await;
    client.get("/.well-known/jwks.json").await.expect(200);
    assert_no_registration(&deployment).await;
    let (what, why) = last(&admin).await;
    assert_eq!(what, "withdrawn");
    assert!(why.starts_with("signer-not-allowed: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_whose_grant_is_taken_back_gives_way_without_waiting_for_a_look() {
    let policies = copied_policies();
    let deployment = Deployment::builder()
        .admin()
        .policies(policies.path())
        .set("rollout", "follow", "\"1h\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let wish = json!({"revision": "1.1.0"});
    release(&deployment, &admin, NAME, variant(NAME, "b"), &wish).await;
    forbid(policies.path());
    // Not through the admin listener: as SIGHUP does it.
    deployment.reload_policy().await.unwrap();
    let started = Instant::now();
    while component(&admin, NAME).await["epoch"] == 2 {
        assert!(started.elapsed() < PATIENCE, "it still serves");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    let (what, why) = last(&admin).await;
    assert_eq!(what, "taken-out");
    assert!(
        why.starts_with("import-not-granted: asks for zeropass:store/ceremonies@"),
        "{why}"
    );
    let refused: Answer = activate(&admin, NAME, &wish).await;
    assert_eq!(refused.problem(), (422, "held".to_owned()));
    assert_eq!(component(&admin, NAME).await.get("canary"), None::<&Value>);
}

/// Take an interface back from one revision.
fn forbid(policies: &Path) {
    let text = r#"
        @id("component.withdrawn")
        forbid (
            principal == Component::"passkey-manager",
            action == Action::"link",
            resource == Interface::"zeropass:store/ceremonies@1"
        )
        when { principal.revision == "1.1.0" };
    "#;
    std::fs::write(policies.join("components/withdrawn.cedar"), text).unwrap();
}
