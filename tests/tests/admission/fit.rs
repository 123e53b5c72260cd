//! What a component asks for and offers, against this host and its policy.

use zeropass_tests::deployment::guest_file;

use super::stage::{Stage, patched, shipped};

const MANAGER: &str = "passkey-manager";

#[tokio::test(flavor = "multi_thread")]
async fn function_that_the_host_lacks_is_named() {
    let stage = Stage::new().await;
    let wasm = patched(&shipped(MANAGER), "record-use", "purge-user", "");
    assert_eq!(
        stage.refusal(MANAGER, &wasm, None).await,
        (
            "import-unknown",
            "component passkey-manager: needs zeropass:store/credentials.purge-user, which this \
             host does not have"
                .to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn function_that_is_called_in_another_form_is_named() {
    let stage = Stage::new().await;
    let wasm = patched(
        &shipped(MANAGER),
        "allow-cross-origin",
        "allow-cross-region",
        "",
    );
    let (code, message) = stage.refusal(MANAGER, &wasm, None).await;
    assert_eq!(code, "import-form");
    assert!(
        message.starts_with(
            "component passkey-manager: calls zeropass:host/relying-party.describe as \
             (rp-id: string) -> result<record{"
        ),
        "{message}"
    );
    assert!(message.contains("allow-cross-region: bool"), "{message}");
    assert!(
        message.ends_with("which is not the form that this host has"),
        "{message}"
    );
    // The only one: its other functions fit.
    assert_eq!(message.matches(" calls ").count(), 1, "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_is_not_granted() {
    let stage = Stage::new().await;
    let wasm = std::fs::read(guest_file("imports_a_socket")).unwrap();
    let active = stage.shipped("auth-service", "1.0.0").await;
    // No policy could grant it, so an upgrade that asks for it is not held.
    let (code, message) = stage.refusal("auth-service", &wasm, Some(&active)).await;
    assert_eq!(code, "import-not-granted");
    assert!(
        message.contains("asks for wasi:sockets/tcp@0.2."),
        "{message}"
    );
    assert!(
        message
            .contains(", which policy does not grant to auth-service and this host does not have"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn function_that_is_missed_is_named_with_who_calls_it() {
    let stage = Stage::new().await;
    let wasm = patched(&shipped(MANAGER), "suspend", "suspenx", "ed");
    let (code, message) = stage.refusal(MANAGER, &wasm, None).await;
    assert_eq!(code, "export-missing");
    assert_eq!(
        message,
        "component passkey-manager: does not export lifecycle.suspend, which this host calls"
    );

    let caller = stage.shipped("auth-service", "1.3.0").await;
    stage.admission.serves(&caller);
    let active = stage.shipped(MANAGER, "1.0.0").await;
    let (code, message) = stage.refusal(MANAGER, &wasm, Some(&active)).await;
    assert_eq!(code, "export-missing");
    assert_eq!(
        message,
        "component passkey-manager: no longer exports lifecycle.suspend, which auth-service 1.3.0 \
         calls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn function_that_changed_its_type_is_named_with_both_forms() {
    let stage = Stage::new().await;
    let active = stage.shipped(MANAGER, "1.0.0").await;
    let wasm = patched(
        &shipped(MANAGER),
        "client-extension-results",
        "client-extension-answers",
        "",
    );
    let (code, message) = stage.refusal(MANAGER, &wasm, Some(&active)).await;
    assert_eq!(code, "export-changed");
    assert!(
        message.contains("exports authentication.finish as (rp-id: string, "),
        "{message}"
    );
    assert!(
        message.contains("client-extension-answers: string"),
        "{message}"
    );
    assert!(
        message.contains(", which was (rp-id: string, "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_that_asks_for_more_is_held_until_policy_grants_it() {
    let stage = Stage::new().await;
    let wasm = std::fs::read(guest_file("imports_the_credential_store")).unwrap();
    let active = stage.shipped("auth-service", "1.3.0").await;
    let offered = stage
        .admit("auth-service", "2.0.0", &wasm, Some(&active))
        .await;
    let error = offered.expect_err("policy does not grant it");
    assert!(error.is_held());
    assert_eq!(error.code(), "held");
    assert_eq!(
        error.to_string(),
        "component auth-service: held until policy grants more than auth-service 1.3.0 has: it \
         asks for zeropass:store/credentials@1.0.0, which policy does not grant to auth-service"
    );
    // As the first revision it has nothing to wait behind.
    let (code, _) = stage.refusal("auth-service", &wasm, None).await;
    assert_eq!(code, "import-not-granted");

    let policy = stage.policy("components/auth-service.cedar");
    let text = std::fs::read_to_string(&policy).unwrap();
    let granted = text.replace(
        "[Interface::\"zeropass:host/caller@1\",",
        "[Interface::\"zeropass:store/credentials@1\",\n   Interface::\"zeropass:host/caller@1\",",
    );
    assert_ne!(granted, text);
    std::fs::write(&policy, granted).unwrap();
    // The delivered tests say that this must not be.
    std::fs::remove_dir_all(stage.policy("tests")).unwrap();
    stage.reload();
    let admitted = stage
        .admit("auth-service", "2.0.0", &wasm, Some(&active))
        .await;
    assert_eq!(admitted.unwrap().label(), "auth-service 2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_no_component_is_refused() {
    let stage = Stage::new().await;
    let (code, message) = stage.refusal(MANAGER, b"\0asm\x01\0\0\0", None).await;
    assert_eq!(code, "component-invalid");
    assert!(
        message.starts_with("component passkey-manager: not a valid component: "),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn surface_names_every_function_with_its_types() {
    let stage = Stage::new().await;
    let admitted = stage.shipped(MANAGER, "1.0.0").await;
    let exported: Vec<_> = admitted.surface.exported_functions().collect();
    // Policy has an action for each of them.
    let actions = zeropass::policy::action::ALL.iter().filter(|action| {
        let group = action.split('.').next().unwrap();
        ["registration", "authentication", "lifecycle"].contains(&group)
    });
    assert_eq!(exported.len(), actions.count());
    assert!(exported.contains(&("zeropass:passkeys/lifecycle@1.0.0", "revoke")));
    assert!(
        admitted
            .surface
            .imported_functions()
            .any(|one| one == ("zeropass:host/signatures@1.0.0", "verify"))
    );
}
