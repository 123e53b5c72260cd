//! Revisions for tests, and an operator's requests about them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is a failure of the test that uses it"
)]

use serde_json::Value;

use crate::deployment::{Answer, Client, Deployment, component_file};
use crate::signing::minisig;

/// The SPIFFE path of the operator that the delivered policies allow everything.
pub const OPERATOR: &str = "/operator/dev";

/// A host with an admin listener, and the operator of it.
pub async fn operated() -> (Deployment, Client) {
    let deployment = Deployment::builder().admin().start().await;
    let admin = deployment.admin_client(OPERATOR);
    (deployment, admin)
}

/// The built component with a mark in a custom section: another file that does the
/// same.
///
/// # Panics
/// The component is not built, or the mark is longer than 122 bytes.
pub fn variant(component: &str, mark: &str) -> Vec<u8> {
    let mut wasm = std::fs::read(component_file(&component.replace('-', "_"))).unwrap();
    let name = b"mark";
    let payload = [
        &[u8::try_from(name.len()).unwrap()],
        &name[..],
        mark.as_bytes(),
    ]
    .concat();
    wasm.extend([0, u8::try_from(payload.len()).unwrap()]);
    wasm.extend(payload);
    wasm
}

/// Push a file, signed as this version by the deployment's key.
///
/// # Panics
/// The version is none.
pub async fn push(
    deployment: &Deployment,
    admin: &Client,
    component: &str,
    version: &str,
    wasm: Vec<u8>,
) -> Answer {
    let signature = minisig(deployment.key(), component, version, &wasm).unwrap();
    push_signed(admin, component, &signature, wasm).await
}

/// Push a file with this signature, the text of a `.minisig` file.
pub async fn push_signed(
    admin: &Client,
    component: &str,
    signature: &str,
    wasm: Vec<u8>,
) -> Answer {
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::STANDARD.encode(signature);
    let path = format!("/v1/components/{component}/revisions");
    let request = admin
        .request(http::Method::POST, &path)
        .header("content-type", "application/wasm")
        .header("zeropass-signature", signature)
        .body(wasm);
    Answer::of(request).await
}

/// Activate as `form` says: the body of `POST /v1/components/{name}/activate`.
pub async fn activate(admin: &Client, component: &str, form: &Value) -> Answer {
    admin
        .post(&format!("/v1/components/{component}/activate"), form)
        .await
}

/// Push a file as the revision that `wish` names, and activate it as `wish` says; what the
/// activation answers.
///
/// # Panics
/// Either is refused.
pub async fn release(
    deployment: &Deployment,
    admin: &Client,
    component: &str,
    wasm: Vec<u8>,
    wish: &Value,
) -> Value {
    let version = wish["revision"].as_str().expect("a version");
    let pushed = push(deployment, admin, component, version, wasm).await;
    pushed.expect(201);
    activate(admin, component, wish).await.expect(200)
}
