//! The cargo invocations that build things, in one place.
//!
//! Everything for the host side is selected as "the workspace without the guests",
//! even when two binaries are wanted. Cargo unifies features over the selected
//! packages; one selection everywhere means that wasmtime is compiled once, and
//! `test` after `dev` finds it ready.

use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// The one selection of packages for the host side.
pub const HOST_SIDE: [&str; 3] = ["--workspace", "--exclude", "guests"];

/// The wasm target of components; Rust's own, no other tool is needed.
pub const WASM: &str = "wasm32-wasip2";

/// What runs in a sandbox.
pub const COMPONENTS: [&str; 2] = ["auth-service", "passkey-manager"];

/// Builds some of the host side's binaries in the profile `dev` or `release`.
pub fn binaries(workspace: &Workspace, stop: &Stop, profile: &str, names: &[&str]) -> Result<()> {
    process::run(&mut host_side(workspace, profile, names), stop)
}

/// Builds some of the host side's binaries and all of its tests. Of the largest crate both want
/// a version of their own, each takes its time, and so they are made at the same time.
pub fn binaries_and_tests(workspace: &Workspace, stop: &Stop, names: &[&str]) -> Result<()> {
    process::run(host_side(workspace, "dev", names).arg("--tests"), stop)
}

fn host_side(workspace: &Workspace, profile: &str, names: &[&str]) -> Command {
    let mut command = workspace.cargo("build");
    command.args(["--profile", profile]).args(HOST_SIDE);
    for name in names {
        command.args(["--bin", name]);
    }
    command
}

/// Builds the components as they are shipped: `auth_service.wasm` and `passkey_manager.wasm`.
pub fn components(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let mut command = wasm(workspace);
    for name in COMPONENTS {
        command.args(["-p", name]);
    }
    process::run(&mut command, stop)
}

/// Builds the hostile guests of the isolation tests, one program per behaviour.
pub fn guests(workspace: &Workspace, stop: &Stop) -> Result<()> {
    process::run(wasm(workspace).args(["-p", "guests", "--examples"]), stop)
}

/// Builds `passkey_manager_js.wasm`, with npm and the registry's own tools.
pub fn javascript(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let folder = workspace.root().join("examples/passkey-manager-js");
    let tools = folder.join("node_modules/@bytecodealliance/componentize-js");
    if !tools.is_dir() {
        let mut install = Command::new("npm");
        install.args(["install", "--no-package-lock", "--no-audit", "--no-fund"]);
        process::run(install.current_dir(&folder), stop)?;
    }
    let output = workspace.components().join("passkey_manager_js.wasm");
    let mut build = Command::new("node");
    process::run(
        build.arg("build.mjs").arg(output).current_dir(&folder),
        stop,
    )
}

fn wasm(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo("build");
    command.args(["--target", WASM, "--profile", "component"]);
    command
}
