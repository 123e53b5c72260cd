//! Component revisions change while people sign in: pushed, activated, tried on a few,
//! rolled back, by hand and by themselves, through the admin listener.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod activation;
mod canary;
mod operators;
mod swap;

use serde_json::{Value, json};
use zeropass_tests::deployment::{Answer, Client, Deployment, component_file};
use zeropass_tests::signing::minisig;

/// The SPIFFE path of the operator that the delivered policies allow everything.
const OPERATOR: &str = "/operator/dev";

/// The built component with a mark in a custom section: another file that does the
/// same.
fn variant(component: &str, mark: &str) -> Vec<u8> {
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
async fn push(
    deployment: &Deployment,
    admin: &Client,
    component: &str,
    version: &str,
    wasm: Vec<u8>,
) -> Answer {
    let signature = minisig(deployment.key(), component, version, &wasm).unwrap();
    push_signed(admin, component, &signature, wasm).await
}

async fn push_signed(admin: &Client, component: &str, signature: &str, wasm: Vec<u8>) -> Answer {
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

async fn activate(admin: &Client, component: &str, form: &Value) -> Answer {
    admin
        .post(&format!("/v1/components/{component}/activate"), form)
        .await
}

async fn roll_back(admin: &Client, component: &str) -> Answer {
    admin
        .post(&format!("/v1/components/{component}/rollback"), &json!({}))
        .await
}

async fn component(admin: &Client, name: &str) -> Value {
    admin
        .get(&format!("/v1/components/{name}"))
        .await
        .expect(200)
}

/// `what why` of each change, oldest first.
async fn history(admin: &Client, name: &str) -> Vec<(String, String)> {
    let answer = admin
        .get(&format!("/v1/components/{name}/history"))
        .await
        .expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut changes: Vec<_> = answer["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (text(&change["what"]), text(&change["why"])))
        .collect();
    changes.reverse();
    changes
}
