//! Pushing, activating, rolling back, removing; and what is left after a restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass_tests::deployment::{Deployment, ORIGIN, Person, WORKLOAD, guest_file};
use zeropass_tests::signing::{sign_into, statement};

use super::{
    OPERATOR, activate, component, history, operated, push, push_signed, release, roll_back,
    serving, variant,
};

const NAME: &str = "passkey-manager";

#[tokio::test(flavor = "multi_thread")]
async fn pushed_revision_serves_when_it_is_activated_and_not_before() {
    let (deployment, admin) = operated().await;
    let pushed = push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b")).await;
    let pushed = pushed.expect(201);
    assert_eq!(pushed["version"], "1.1.0");
    assert_eq!(pushed["new"], true);
    assert_eq!(pushed["held"], Value::Null);
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");

    let dry = json!({"revision": "1.1.0", "dryRun": true});
    let would = activate(&admin, NAME, &dry).await.expect(200);
    assert_eq!(would["dryRun"], true);
    assert_eq!(
        (&would["fromVersion"], &would["toVersion"]),
        (&json!("1.0.0"), &json!("1.1.0"))
    );
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");

    let wish = json!({"revision": pushed["digest"], "reason": "release 1.1"});
    activate(&admin, NAME, &wish).await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["stable"], pushed["digest"]);
    assert_eq!(
        history(&admin, NAME).await,
        [
            ("configured".to_owned(), "the configured file".to_owned()),
            ("activated".to_owned(), "release 1.1".to_owned()),
        ]
    );
    let again = activate(&admin, NAME, &wish).await;
    assert_eq!(again.problem(), (409, "already-active".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_whose_trial_ends_by_an_activation_is_named() {
    let (deployment, admin) = operated().await;
    let trial = json!({"revision": "1.1.0", "canary": 10});
    release(&deployment, &admin, NAME, variant(NAME, "b"), &trial).await;
    let ended = activate(&admin, NAME, &json!({"revision": "1.0.0"})).await;
    let ended = ended.expect(200);
    assert_eq!(ended["what"], "canary-ended");
    assert_eq!(
        (&ended["fromVersion"], &ended["toVersion"]),
        (&json!("1.1.0"), &json!("1.0.0"))
    );
    assert!(ended.get("ended").is_none(), "{ended}");
    let shown = component(&admin, NAME).await;
    assert!(shown.get("canary").is_none(), "{shown}");

    activate(&admin, NAME, &trial).await.expect(200);
    let wish = json!({"revision": "1.2.0", "reason": "release"});
    let next = release(&deployment, &admin, NAME, variant(NAME, "c"), &wish).await;
    assert_eq!(next["what"], "activated");
    assert_eq!(
        (&next["ended"], &next["endedVersion"]),
        (&ended["from"], &json!("1.1.0"))
    );
    let told = history(&admin, NAME).await;
    let whats: Vec<_> = told.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(
        whats,
        [
            "configured",
            "canary",
            "canary-ended",
            "canary",
            "activated"
        ]
    );
    let digits = &ended["from"].as_str().unwrap()[..12];
    let why = format!("release; the trial of {digits} ends");
    assert_eq!(told.last().unwrap().1, why);
}

/// An edit that is undone gives the very file that ran before.
#[tokio::test(flavor = "multi_thread")]
async fn predecessor_that_is_signed_anew_is_a_step_forward() {
    let (deployment, admin) = operated().await;
    for (version, mark) in [("1.1.0", "b"), ("1.2.0", "c")] {
        let pushed = push(&deployment, &admin, NAME, version, variant(NAME, mark)).await;
        pushed.expect(201);
        let wish = json!({"revision": version});
        activate(&admin, NAME, &wish).await.expect(200);
    }
    let older = activate(&admin, NAME, &json!({"revision": "1.1.0"})).await;
    assert_eq!(older.problem(), (422, "version-older".to_owned()));
    let again = push(&deployment, &admin, NAME, "1.3.0", variant(NAME, "b")).await;
    assert_eq!(again.expect(200)["new"], false);
    let wish = json!({"revision": "1.3.0"});
    activate(&admin, NAME, &wish).await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.3.0");
    // What comes next is held against the version that it has now.
    let between = push(&deployment, &admin, NAME, "1.2.5", variant(NAME, "d")).await;
    between.expect(201);
    let older = activate(&admin, NAME, &json!({"revision": "1.2.5"})).await;
    assert_eq!(older.problem(), (422, "version-older".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_returns_and_outlives_a_restart() {
    let (mut deployment, admin) = operated().await;
    for (version, mark) in [("1.1.0", "b"), ("1.2.0", "c")] {
        let wish = json!({"revision": version});
        release(&deployment, &admin, NAME, variant(NAME, mark), &wish).await;
    }
    deployment.restart().await;
    assert_eq!(serving(&deployment, NAME).await, "1.2.0");

    let admin = deployment.admin_client(OPERATOR);
    let status = admin.get("/v1/status").await.expect(200);
    let linked = &status["components"][1];
    assert_eq!(linked["previous"]["version"], "1.1.0", "{status}");

    roll_back(&admin, NAME).await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
    deployment.restart().await;
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
    let admin = deployment.admin_client(OPERATOR);
    roll_back(&admin, NAME).await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    let nowhere = roll_back(&admin, NAME).await;
    assert_eq!(nowhere.problem(), (409, "no-predecessor".to_owned()));
    let whats: Vec<_> = history(&admin, NAME)
        .await
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(
        whats,
        [
            "configured",
            "activated",
            "activated",
            "rolled-back",
            "rolled-back"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ceremony_begun_on_one_revision_finishes_on_another() {
    let (deployment, admin) = operated().await;
    let client = deployment.client(WORKLOAD);
    let person = Person::at(ORIGIN);
    let begun = client
        .post(
            "/v1/registrations",
            &json!({"user": {"name": "ada", "displayName": "Ada"}}),
        )
        .await
        .expect(201);
    for name in ["passkey-manager", "auth-service"] {
        let wish = json!({"revision": "1.1.0"});
        release(&deployment, &admin, name, variant(name, "b"), &wish).await;
    }
    let credential = person.create(&begun["publicKey"]).await.unwrap();
    let path = format!("/v1/registrations/{}", begun["ceremony"].as_str().unwrap());
    let answer = client.post(&path, &json!({"credential": credential})).await;
    answer.expect(201);
    for record in deployment.records_of(answer.request_id()).await {
        assert!(["-", "1.1.0"].contains(&record.component_revision.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_revision_is_let_go_with_its_last_call() {
    let (deployment, admin) = operated().await;
    let held = Arc::downgrade(&deployment.rollouts().running()[1].1.stable);
    for (version, mark) in [("1.1.0", "b"), ("1.2.0", "c")] {
        assert!(
            held.upgrade().is_some(),
            "what a rollback returns to is kept"
        );
        let wish = json!({"revision": version});
        release(&deployment, &admin, NAME, variant(NAME, mark), &wish).await;
    }
    // Nobody calls it, nobody returns to it at once: its memory is gone.
    let started = Instant::now();
    while held.upgrade().is_some() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it is still held"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A call is under way while its revision is replaced, twice.
#[tokio::test(flavor = "multi_thread")]
async fn call_under_way_ends_on_its_revision_and_its_memory_goes_with_it() {
    const SERVICE: &str = "auth-service";
    let deployment = Deployment::builder()
        .admin()
        .passkey_manager(guest_file("passkeys_later"))
        .set("components.auth-service", "deadline", "\"1m\"")
        .set("components.passkey-manager", "deadline", "\"1m\"")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    for (version, mark) in [("1.1.0", "b"), ("1.2.0", "c")] {
        push(
            &deployment,
            &admin,
            SERVICE,
            version,
            variant(SERVICE, mark),
        )
        .await
        .expect(201);
    }
    let running = || deployment.rollouts().running().swap_remove(0).1;
    let held = Arc::downgrade(&running().stable);
    let client = deployment.client(WORKLOAD);
    let begin = || {
        let client = client.clone();
        tokio::spawn(async move { client.post("/v1/authentications", &json!({})).await })
    };
    let calls = [begin(), begin()];
    let started = Instant::now();
    while running().calls < calls.len() {
        assert!(started.elapsed() < Duration::from_secs(20), "they begin");
        tokio::task::yield_now().await;
    }
    for version in ["1.1.0", "1.2.0"] {
        activate(&admin, SERVICE, &json!({"revision": version}))
            .await
            .expect(200);
    }
    // In no place any more, and in use.
    assert_eq!(running().stable.revision, "1.2.0");
    assert_eq!(running().previous.unwrap().revision, "1.1.0");
    assert!(held.upgrade().is_some(), "calls are under way");
    assert_eq!(running().calls, calls.len());
    let after = begin();
    for (call, version) in calls
        .into_iter()
        .zip(["1.0.0"; 2])
        .chain([(after, "1.2.0")])
    {
        let answer = call.await.unwrap();
        answer.expect(201);
        let records = deployment.records_of(answer.request_id()).await;
        let begun = records
            .iter()
            .find(|record| record.action == "authentication.begin");
        assert_eq!(begun.unwrap().component_revision, version);
    }
    let started = Instant::now();
    while held.upgrade().is_some() {
        assert!(started.elapsed() < Duration::from_secs(20), "it is held");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What is only tried out, or refused, does not stay in memory.
#[tokio::test(flavor = "multi_thread")]
async fn revision_that_does_not_come_into_a_place_is_let_go() {
    let (deployment, admin) = operated().await;
    let linked = || deployment.rollouts().running()[1].1.linked;
    push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    push(
        &deployment,
        &admin,
        NAME,
        "1.2.0",
        variant("auth-service", "c"),
    )
    .await
    .expect(201);
    assert_eq!(linked(), 1);
    let dry = json!({"revision": "1.1.0", "dryRun": true});
    activate(&admin, NAME, &dry).await.expect(200);
    assert_eq!(linked(), 1);
    let refused = activate(&admin, NAME, &json!({"revision": "1.2.0"})).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(linked(), 1);
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(linked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_its_weight_and_its_history_outlive_a_restart() {
    let (mut deployment, admin) = operated().await;
    let pushed = push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b")).await;
    let digest = pushed.expect(201)["digest"].clone();
    let wish = json!({"revision": "1.1.0", "canary": 37, "reason": "release 1.1"});
    activate(&admin, NAME, &wish).await.expect(200);
    let path = format!("/v1/components/{NAME}/history");
    let before = admin.get(&path).await.expect(200);
    assert_eq!(before["history"][0]["what"], "canary");
    assert_eq!(before["history"][0]["why"], "release 1.1");
    let who = "spiffe://zeropass.internal/operator/dev";
    assert_eq!(before["history"][0]["who"], who);

    deployment.restart().await;
    let admin = deployment.admin_client(OPERATOR);
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["canary"]["digest"], digest, "{shown}");
    assert_eq!(shown["canary"]["weight"], 37);
    assert_eq!(admin.get(&path).await.expect(200), before);
    let status = admin.get("/v1/status").await.expect(200);
    let runs = &status["components"][1];
    assert_eq!(runs["canary"]["digest"], digest, "{status}");
    assert_eq!(runs["weight"], 37);
    assert_eq!(runs["stable"]["version"], "1.0.0");
}

/// A host that starts with the file of yesterday does not take anybody back to it.
#[tokio::test(flavor = "multi_thread")]
async fn configured_file_that_is_older_than_what_serves_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passkey_manager.wasm");
    std::fs::write(&file, variant(NAME, "a")).unwrap();
    let mut deployment = Deployment::builder()
        .admin()
        .passkey_manager(&file)
        .start()
        .await;
    for (version, mark, serves) in [("1.1.0", "b", "1.1.0"), ("1.0.0", "a", "1.1.0")] {
        deployment.stop().await;
        std::fs::write(&file, variant(NAME, mark)).unwrap();
        sign_into(deployment.folder(), deployment.key(), NAME, version, &file).unwrap();
        deployment.start_again().await.unwrap();
        assert_eq!(serving(&deployment, NAME).await, serves);
    }
    let admin = deployment.admin_client(OPERATOR);
    let configured = ("configured".to_owned(), "the configured file".to_owned());
    assert_eq!(history(&admin, NAME).await, vec![configured; 2]);
}

/// Of two signatures of a file the later one counts, and any rather than none.
#[tokio::test(flavor = "multi_thread")]
async fn later_signature_of_a_file_stays() {
    let deployment = Deployment::builder()
        .admin()
        .set("components", "require-signatures", "false")
        .start()
        .await;
    let admin = deployment.admin_client(OPERATOR);
    let wasm = variant(NAME, "b");
    push(&deployment, &admin, NAME, "1.1.0", wasm.clone())
        .await
        .expect(201);
    let mut earlier = statement(NAME, "1.5.0", &wasm).unwrap();
    earlier.time -= 3_600_000;
    let earlier = deployment.key().sign(&wasm, &earlier).unwrap();
    let refused = push_signed(&admin, NAME, &earlier, wasm.clone()).await;
    assert_eq!(refused.problem(), (409, "signature-older".to_owned()));
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(records.last().unwrap().outcome, "failed:signature-older");
    let unsigned = push_signed(&admin, NAME, "", wasm.clone())
        .await
        .expect(200);
    assert_eq!(unsigned["version"], "1.1.0", "{unsigned}");
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["revisions"][1]["version"], "1.1.0", "{shown}");

    // One that came without any gets the first that is there.
    let bare = variant(NAME, "c");
    push_signed(&admin, NAME, "", bare.clone())
        .await
        .expect(201);
    let signed = push(&deployment, &admin, NAME, "1.2.0", bare).await;
    assert_eq!(signed.expect(200)["version"], "1.2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_trusted_is_not_taken() {
    let (deployment, admin) = operated().await;
    let refused = push_signed(&admin, NAME, "", variant(NAME, "b")).await;
    assert_eq!(refused.problem(), (422, "component-unsigned".to_owned()));
    let as_other = push(
        &deployment,
        &admin,
        "auth-service",
        "1.1.0",
        variant(NAME, "b"),
    )
    .await;
    let signature =
        zeropass_tests::signing::minisig(deployment.key(), NAME, "1.1.0", &variant(NAME, "b"));
    let changed = push_signed(&admin, NAME, &signature.unwrap(), variant(NAME, "c")).await;
    assert_eq!(changed.problem(), (422, "signature-invalid".to_owned()));
    // Signed as auth-service, so it is trusted as one; but it is none.
    let held = as_other.expect(201);
    assert_eq!(held["held"]["code"], "export-missing", "{held}");

    let unknown = activate(&admin, NAME, &json!({"revision": "9.9.9"})).await;
    assert_eq!(unknown.problem(), (404, "revision-unknown".to_owned()));
    let nobody = activate(&admin, "mail-service", &json!({"revision": "1.0.0"})).await;
    assert_eq!(nobody.problem(), (404, "component-unknown".to_owned()));
    for canary in [0, 100, 1_000] {
        let wish = json!({"revision": "1.0.0", "canary": canary});
        let refused = activate(&admin, NAME, &wish).await;
        assert_eq!(refused.problem(), (400, "malformed".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_version_is_activated_only_as_a_rollback() {
    let (deployment, admin) = operated().await;
    push(&deployment, &admin, NAME, "0.9.0", variant(NAME, "b"))
        .await
        .expect(201);
    let refused = activate(&admin, NAME, &json!({"revision": "0.9.0"})).await;
    assert_eq!(refused.problem(), (422, "version-older".to_owned()));
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
    let wish = json!({"revision": "0.9.0", "rollback": true});
    activate(&admin, NAME, &wish).await.expect(200);
    assert_eq!(serving(&deployment, NAME).await, "0.9.0");
    let (what, why) = history(&admin, NAME).await.swap_remove(1);
    assert_eq!(what, "refused");
    assert!(why.starts_with("version-older: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_that_nobody_needs_can_be_removed_and_no_other() {
    let (deployment, admin) = operated().await;
    push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    let path = |version: &str| format!("/v1/components/{NAME}/revisions/{version}");
    let serves = admin.delete(&path("1.0.0")).await;
    assert_eq!(serves.problem(), (409, "revision-in-use".to_owned()));
    let dry = admin
        .delete(&format!("{}?dryRun=true", path("1.1.0")))
        .await;
    assert_eq!(dry.expect(200)["version"], "1.1.0");
    admin.delete(&path("1.1.0")).await.expect(204);
    let gone = admin.delete(&path("1.1.0")).await;
    assert_eq!(gone.problem(), (404, "revision-unknown".to_owned()));
}
