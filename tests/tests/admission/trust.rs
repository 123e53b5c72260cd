//! Who signed what: everything that is refused before a byte is compiled.

use zeropass::registry::{Admitted, SigningKey, Statement, sha256};
use zeropass_tests::signing::{minisig, statement};

use super::stage::{Stage, file, marked, shipped, told};

/// Refused before it could matter that these bytes are no component at all.
const WASM: &[u8] = b"never compiled";

const NAME: &str = "auth-service";

async fn refused(stage: &Stage, wasm: &[u8], minisig: &str) -> (&'static str, String) {
    let file = file(wasm, minisig);
    told(stage.admission.admit(NAME, &file, None, false).await)
}

fn signed(stage: &Stage, change: impl FnOnce(&mut Statement)) -> String {
    let mut statement = statement(NAME, "1.0.0", WASM).unwrap();
    change(&mut statement);
    stage.key.sign(WASM, &statement).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_component_is_refused() {
    let stage = Stage::new().await;
    assert_eq!(
        refused(&stage, WASM, "").await,
        (
            "component-unsigned",
            "component auth-service: it is not signed; sign it with `zeropass component sign FILE \
             --key KEY --name NAME --version VERSION`"
                .to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_signature_is_refused() {
    let stage = Stage::new().await;
    let (code, message) = refused(&stage, WASM, "untrusted comment: x\n").await;
    assert_eq!(code, "signature-malformed");
    assert_eq!(
        message,
        "component auth-service: its signature is malformed: not four lines; expected the four \
         lines of a minisign signature"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_key_is_refused() {
    let stage = Stage::new().await;
    let stranger = SigningKey::generate().unwrap();
    let minisig = minisig(&stranger, NAME, "1.0.0", WASM).unwrap();
    let (code, message) = refused(&stage, WASM, &minisig).await;
    assert_eq!(code, "signer-unknown");
    assert_eq!(
        message,
        format!(
            "component auth-service: it is signed with the key {}, which policy does not know; if \
             the key is to be trusted, add its public key to the signers of the policy",
            stranger.id()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_key_is_refused_and_takes_back_what_it_had_signed() {
    let stage = Stage::new().await;
    let admitted = stage.shipped(NAME, "1.0.0").await;
    assert_eq!(stage.admission.recheck(&admitted), Ok(()));
    let signer = stage.policy("signers/release.toml");
    let text = std::fs::read_to_string(&signer).unwrap();
    std::fs::write(&signer, text + "revoked = true\n").unwrap();
    stage.reload();

    let wasm = shipped(NAME);
    let minisig = minisig(&stage.key, NAME, "1.0.0", &wasm).unwrap();
    let (code, message) = refused(&stage, &wasm, &minisig).await;
    assert_eq!(code, "signer-revoked");
    assert_eq!(
        message,
        format!(
            "component auth-service: it is signed by `release` (key {}), whose key is revoked; \
             sign it with another key",
            stage.key.id()
        )
    );
    let error = stage.admission.recheck(&admitted).unwrap_err();
    assert_eq!(error.code(), "signer-revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_byte_is_refused() {
    let stage = Stage::new().await;
    let minisig = signed(&stage, |_| ());
    let mut wasm = WASM.to_vec();
    wasm[5] ^= 1;
    let expected = (
        "signature-invalid",
        "component auth-service: its signature is not valid: the file or the signature was \
         changed after `release` signed it; fetch both again"
            .to_owned(),
    );
    assert_eq!(refused(&stage, &wasm, &minisig).await, expected);
    let forged = minisig.replace("version=1.0.0", "version=9.0.0");
    assert_eq!(refused(&stage, WASM, &forged).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn signer_of_other_components_is_refused() {
    let stage = Stage::new().await;
    let signer = stage.policy("signers/release.toml");
    std::fs::write(&signer, stage.key.signer(&["passkey-manager"])).unwrap();
    stage.reload();
    let (code, message) = refused(&stage, WASM, &signed(&stage, |_| ())).await;
    assert_eq!(code, "signer-not-allowed");
    assert_eq!(
        message,
        "component auth-service: it is signed by `release`, who may sign passkey-manager only"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn component_signed_as_another_is_refused() {
    let stage = Stage::new().await;
    let minisig = signed(&stage, |statement| {
        statement.name = "passkey-manager".into()
    });
    assert_eq!(
        refused(&stage, WASM, &minisig).await,
        (
            "name-mismatch",
            "component auth-service: it is signed as passkey-manager; this is the place of \
             auth-service"
                .to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_about_another_file_is_refused() {
    let stage = Stage::new().await;
    let other = sha256(b"another file");
    let minisig = signed(&stage, |statement| statement.digest.clone_from(&other));
    let (code, message) = refused(&stage, WASM, &minisig).await;
    assert_eq!(code, "digest-mismatch");
    assert_eq!(
        message,
        format!(
            "component auth-service: its statement is about a file with sha256 {other}, but this \
             one has {}; sign this file anew",
            sha256(WASM)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn component_of_another_world_is_refused() {
    let stage = Stage::new().await;
    let minisig = signed(&stage, |statement| {
        statement.world = "zeropass:components/auth-service@2.0.0".into();
    });
    assert_eq!(
        refused(&stage, WASM, &minisig).await,
        (
            "world-unknown",
            "component auth-service: it is built for the world \
             zeropass:components/auth-service@2.0.0; this host runs components of \
             zeropass:components/auth-service@1"
                .to_owned()
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_from_the_future_is_refused() {
    let stage = Stage::new().await;
    let minisig = signed(&stage, |statement| statement.time += 600_000);
    let (code, message) = refused(&stage, WASM, &minisig).await;
    assert_eq!(code, "statement-from-future");
    assert!(message.contains("set the clock that is wrong"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signature_without_a_statement_is_refused() {
    let stage = Stage::new().await;
    // What the stock tool writes when it is not told otherwise.
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let signer = format!(
        "key = {:?}\nnames = [\"auth-service\"]\n",
        pair.pk.to_base64()
    );
    std::fs::write(stage.policy("signers/stock.toml"), signer).unwrap();
    stage.reload();
    let comment = Some("timestamp:1795167000\tfile:x.wasm\thashed");
    let minisig = minisign::sign(None, &pair.sk, WASM, comment, None).unwrap();
    let (code, message) = refused(&stage, WASM, &minisig.into_string()).await;
    assert_eq!(code, "statement-malformed");
    assert!(
        message.starts_with(
            "component auth-service: its signature carries no statement: the comment is no \
             statement; expected `zeropass-component name="
        ),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_component_may_be_allowed_but_a_bad_signature_never() {
    let stage = Stage::with(false).await;
    let wasm = shipped(NAME);
    let unsigned = file(&wasm, "");
    let admitted = stage.admission.admit(NAME, &unsigned, None, false).await;
    let admitted = admitted.unwrap();
    assert!(admitted.verified.is_none());
    assert_eq!(admitted.identity.revision, sha256(&wasm)[..12]);
    assert_eq!(refused(&stage, &wasm, "x").await.0, "signature-malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn component_of_an_unknown_name_is_refused() {
    let stage = Stage::new().await;
    let unsigned = file(WASM, "");
    let outcome = stage.admission.admit("mailer", &unsigned, None, false);
    let (code, message) = told(outcome.await);
    assert_eq!(code, "component-unknown");
    assert!(
        message.starts_with("component mailer: this host runs"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_go_up_unless_it_is_a_rollback() {
    let stage = Stage::new().await;
    let wasm = shipped(NAME);
    let active = stage.shipped(NAME, "1.3.0").await;
    let admit = async |version: &str, wasm: &[u8], rollback| {
        let minisig = minisig(&stage.key, NAME, version, wasm).unwrap();
        let file = file(wasm, &minisig);
        stage
            .admission
            .admit(NAME, &file, Some(&active), rollback)
            .await
    };
    let revision = |admitted: Admitted| admitted.identity.revision.clone();

    assert_eq!(
        told(admit("1.3.0-rc.2", &wasm, false).await),
        (
            "version-older",
            "component auth-service: version 1.3.0-rc.2 is older than 1.3.0, which is active; go \
             back with a rollback, or sign it under a higher version"
                .to_owned()
        )
    );
    assert_eq!(
        revision(admit("1.3.0-rc.2", &wasm, true).await.unwrap()),
        "1.3.0-rc.2"
    );
    // The same file again is no step at all.
    assert_eq!(
        revision(admit("1.3.0", &wasm, false).await.unwrap()),
        "1.3.0"
    );
    let other = marked(&wasm, "other");
    assert_eq!(
        told(admit("1.3.0", &other, false).await),
        (
            "version-reused",
            format!(
                "component auth-service: version 1.3.0 is the one that is active, but with other \
                 content (sha256 {}); sign it under a higher version",
                sha256(&wasm)
            )
        )
    );
    assert_eq!(
        revision(admit("1.10.0", &other, false).await.unwrap()),
        "1.10.0"
    );
}
