//! What the commands say before they change anything, and what they ask.

use zeropass_tests::deployment::Deployment;
use zeropass_tests::signing::minisig;

use super::{OPERATOR, access, command, component, push, variant};

const NAME: &str = "passkey-manager";

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_not_done_without_a_yes() {
    let deployment = Deployment::builder().admin().start().await;
    let admin = deployment.admin_client(OPERATOR);
    push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    let access = access(&deployment);
    let remove = ["component", "remove", NAME, "1.1.0"];
    // Tests have no terminal.
    let (well, said) = command(&access, &remove).await;
    assert!(!well);
    assert!(said.contains("which can't be undone"), "{said}");
    assert!(said.ends_with("say --yes (not-confirmed)\n"), "{said}");
    let (well, said) = command(&access, &[&remove[..], &["--dry-run"]].concat()).await;
    assert!(
        well && said.starts_with("would forget passkey-manager 1.1.0"),
        "{said}"
    );
    let revisions = component(&admin, NAME).await["revisions"].clone();
    assert_eq!(revisions.as_array().unwrap().len(), 2);
    let (well, said) = command(&access, &[&remove[..], &["--yes"]].concat()).await;
    assert!(
        well && said.starts_with("forgot passkey-manager 1.1.0"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_runs_say_what_would_happen_and_change_nothing() {
    let deployment = Deployment::builder().admin().start().await;
    let admin = deployment.admin_client(OPERATOR);
    let access = access(&deployment);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("next.wasm");
    let wasm = variant(NAME, "b");
    let signature = minisig(deployment.key(), NAME, "0.9.0", &wasm).unwrap();
    std::fs::write(&file, &wasm).unwrap();
    std::fs::write(folder.path().join("next.wasm.minisig"), signature).unwrap();
    let file = file.to_str().unwrap();
    let (well, said) = command(&access, &["component", "push", file, "--dry-run"]).await;
    assert!(well && said.contains(") would be pushed"), "{said}");
    let (well, said) = command(&access, &["policy", "reload", "--dry-run"]).await;
    assert!(
        well && said.starts_with("policies would be in force"),
        "{said}"
    );
    let status = admin.get("/v1/status").await.expect(200);
    assert_eq!(status["policy"]["epoch"], 1);
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["revisions"].as_array().unwrap().len(), 1, "{shown}");

    // A file that would be refused is refused in a dry run, too.
    std::fs::write(file, variant(NAME, "c")).unwrap();
    let (well, said) = command(&access, &["component", "push", file, "--dry-run"]).await;
    assert!(!well && said.ends_with("(signature-invalid)\n"), "{said}");
    // And broken policies are broken ones.
    let signers = deployment.folder().join("signers/broken.toml");
    std::fs::write(&signers, "key = 7").unwrap();
    let (well, said) = command(&access, &["policy", "reload", "--dry-run"]).await;
    assert!(!well && said.ends_with("(policy-refused)\n"), "{said}");
}
