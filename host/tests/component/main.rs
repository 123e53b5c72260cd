//! `zeropass component ...` as people run it: the binary, files, a registry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod docker_registry;
mod files;
mod stock_minisign;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a development key and a component.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let pki = desk.path("pki");
        let init = desk.zeropass(&["pki", "init", "--dir", pki.to_str().unwrap()]);
        assert!(init.status.success(), "{}", stderr(&init));
        std::fs::write(desk.path("a.wasm"), component(300_000)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, in this folder.
    fn zeropass(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_zeropass"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Its output, when it succeeds.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.zeropass(arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says on standard error, when it fails.
    fn failed(&self, arguments: &[&str]) -> String {
        let output = self.zeropass(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        stderr(&output)
    }

    /// `a.wasm` signed with the development key as auth-service.
    fn sign(&self, version: &str) -> String {
        let key = "pki/component-signing.key";
        self.done(&[
            "component",
            "sign",
            "a.wasm",
            "--key",
            key,
            "--name",
            "auth-service",
            "--version",
            version,
        ])
    }

    /// `component inspect --json` under the delivered policies and the development
    /// signer.
    fn inspect(&self, file: &str) -> (Option<i32>, serde_json::Value) {
        let policies = policies();
        let output = self.zeropass(&[
            "component",
            "inspect",
            file,
            "--json",
            "--policy",
            policies.to_str().unwrap(),
            "--signers",
            "pki/signers",
        ]);
        let value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), value)
    }
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The smallest component, with a custom section that makes it this long.
fn component(bytes: usize) -> Vec<u8> {
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // No pattern that repeats: two parts in the wrong order would be noticed.
    let filling: Vec<u8> = (0..bytes as u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut size = 2 + filling.len();
    wasm.push(0);
    while size >= 0x80 {
        wasm.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    wasm.push(size as u8);
    wasm.extend([1, b'x']);
    wasm.extend(filling);
    wasm
}
