//! What the commands say before they change anything, and what they ask.

use std::process::{Command, Output, Stdio};

use zeropass_tests::deployment::binary_file;
use zeropass_tests::signing::minisig;

use super::{access, command, component, operated, push, variant};

const NAME: &str = "passkey-manager";

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_not_done_without_a_yes() {
    let (deployment, admin) = operated().await;
    push(&deployment, &admin, NAME, "1.1.0", variant(NAME, "b"))
        .await
        .expect(201);
    let access = access(&deployment);
    let remove = ["component", "remove", NAME, "1.1.0"];
    let unasked = unasked(&[&remove[..], &texts(&access)].concat());
    assert!(unasked.contains("which can't be undone"), "{unasked}");
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

#[test]
fn revocation_wants_a_yes_and_prolonging_a_list_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let init = ["pki", "init", "--dir", dir];
    assert!(zeropass(&init).status.success());
    let revoke = ["pki", "revoke", "--dir", dir, "operator"];
    let said = unasked(&revoke);
    assert!(said.contains("revoked for good: "), "{said}");
    let dry = zeropass(&[&revoke[..], &["--dry-run"]].concat());
    assert!(dry.status.success(), "{dry:?}");
    let root = ["pki", "revoke", "--dir", dir, "ca"];
    let [dry, real] = ["--dry-run", "--yes"].map(|how| zeropass(&[&root[..], &[how]].concat()));
    assert_eq!(dry.status.code(), Some(1), "{dry:?}");
    assert_eq!(dry.stderr, real.stderr, "the reason is the same");
    assert!(!folder.path().join("crl.pem").exists());
    assert!(zeropass(&revoke[..4]).status.success());
    assert!(
        zeropass(&[&revoke[..], &["--yes"]].concat())
            .status
            .success()
    );
}

/// The binary, where nobody can be asked: its standard input has ended.
fn zeropass(words: &[&str]) -> Output {
    Command::new(binary_file("zeropass"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What it says when it wants a `--yes`.
fn unasked(words: &[&str]) -> String {
    let output = zeropass(words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with("say --yes (not-confirmed)\n"), "{said}");
    said
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_runs_say_what_would_happen_and_change_nothing() {
    let (deployment, admin) = operated().await;
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

    // Signed as what it is not: it would be kept, and not admitted.
    let other = variant("auth-service", "b");
    let signature = minisig(deployment.key(), NAME, "1.1.0", &other).unwrap();
    let held = folder.path().join("held.wasm");
    std::fs::write(&held, other).unwrap();
    std::fs::write(folder.path().join("held.wasm.minisig"), signature).unwrap();
    let push = ["component", "push", held.to_str().unwrap(), "--dry-run"];
    for json in [&[][..], &["--json"]] {
        let (well, said) = command(&access, &[&push[..], json].concat()).await;
        assert!(!well && said.contains("export-missing"), "{said}");
    }
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
