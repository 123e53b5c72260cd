//! `cargo xtask bench`: builds what is measured, optimised, and runs the measurements.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::progress::Progress;
use crate::stop::Stop;
use crate::test::environment;
use crate::workspace::Workspace;
use crate::{build, process, toolchain};

/// Runs the bench; `json` is a file for the rows, `only` the one row to run.
pub fn run(
    workspace: &Workspace,
    stop: &Stop,
    json: Option<PathBuf>,
    only: Option<String>,
) -> Result<ExitCode> {
    let progress = Progress::start();
    // Seen from where the command was typed, not from the checkout.
    let json = json
        .map(std::path::absolute)
        .transpose()
        .context("--json")?;
    toolchain::c_tools()?;
    toolchain::wasm_target(&progress, stop)?;
    progress.line("building the components ...");
    build::components(workspace, stop)?;
    progress.line("building the bench and the host, optimised ...");
    build::binaries(workspace, stop, "release", &["zeropass", "zeropass-bench"])?;
    progress.line("measuring ...");
    let mut bench = Command::new(workspace.binary("release", "zeropass-bench"));
    bench.current_dir(workspace.root());
    environment::set(&mut bench, workspace, "release");
    if let Some(file) = json {
        bench.arg("--json").arg(file);
    }
    if let Some(row) = only {
        bench.arg("--only").arg(row);
    }
    process::run(&mut bench, stop)?;
    Ok(ExitCode::SUCCESS)
}
