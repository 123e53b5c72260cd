//! `cargo xtask replay FILE`: recorded ceremonies through the passkey-manager
//! component, alone under the test kit. Prints nothing of its own on success, so
//! that the lines are what scripts see.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::process::Group;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::workspace::Workspace;
use crate::{build, process, toolchain};

/// Builds what is missing, then replays. The exit code is the replay's own.
pub fn run(workspace: &Workspace, stop: &Stop, file: &Path) -> Result<ExitCode> {
    let file = std::path::absolute(file).context("FILE")?;
    std::fs::File::open(&file).with_context(|| format!("can't read {}", file.display()))?;
    toolchain::c_tools()?;
    toolchain::wasm_target(&Progress::start(), stop)?;
    build::components(workspace, stop)?;
    build::binaries(workspace, stop, "dev", &["replay"])?;
    let mut replay = Command::new(workspace.binary("dev", "replay"));
    replay
        .arg("--component")
        .arg(workspace.component("passkey-manager"));
    replay.arg(file);
    let shown = process::shown(&replay);
    let status = Group::spawn(&mut replay)?.wait(stop)?;
    let code = status
        .code()
        .with_context(|| format!("`{shown}`: {status}"))?;
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}
