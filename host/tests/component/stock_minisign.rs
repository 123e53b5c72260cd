//! The signatures are minisign's: the stock tool checks ours, and we take its.
//!
//! Left out by name where Debian's `minisign` is missing.

use std::process::Command;

use zeropass::registry::sha256;

use super::{Desk, component};

fn minisign(desk: &Desk, arguments: &[&str]) -> String {
    let output = Command::new("minisign")
        .args(arguments)
        .current_dir(desk.folder.path())
        .output()
        .expect("minisign is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", super::stderr(&output));
    said
}

#[test]
fn our_signature_passes_the_stock_tool() {
    let desk = Desk::new();
    desk.sign("1.3.0");
    let said = minisign(
        &desk,
        &["-V", "-p", "pki/component-signing.pub", "-m", "a.wasm"],
    );
    assert!(
        said.contains("Signature and comment signature verified"),
        "{said}"
    );
    assert!(
        said.contains(
            "Trusted comment: zeropass-component name=auth-service version=1.3.0 sha256="
        ),
        "{said}"
    );
}

#[test]
fn signature_of_the_stock_tool_is_trusted() {
    let desk = Desk::new();
    minisign(
        &desk,
        &["-G", "-W", "-f", "-p", "stock.pub", "-s", "stock.key"],
    );
    let statement = format!(
        "zeropass-component name=auth-service version=2.0.0 sha256={} \
         world=zeropass:components/auth-service@1.0.0 time=2026-01-31T12:00:00Z",
        sha256(&component(300_000))
    );
    minisign(
        &desk,
        &["-S", "-s", "stock.key", "-m", "a.wasm", "-t", &statement],
    );
    let public = std::fs::read_to_string(desk.path("stock.pub")).unwrap();
    let key = public.lines().nth(1).unwrap();
    std::fs::write(
        desk.path("pki/signers/stock.toml"),
        format!("key = \"{key}\"\nnames = [\"auth-service\"]\n"),
    )
    .unwrap();
    let (code, found) = desk.inspect("a.wasm");
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found["signer"], "stock");
    assert_eq!(found["statement"]["version"], "2.0.0");
}

#[test]
fn key_of_the_stock_tool_signs_here() {
    let desk = Desk::new();
    minisign(
        &desk,
        &["-G", "-W", "-f", "-p", "stock.pub", "-s", "stock.key"],
    );
    desk.done(&[
        "component",
        "sign",
        "a.wasm",
        "--key",
        "stock.key",
        "--name",
        "passkey-manager",
        "--version",
        "1.0.0",
    ]);
    minisign(&desk, &["-V", "-p", "stock.pub", "-m", "a.wasm"]);
}
