//! What must be on the machine before anything can be built: a C compiler and make, the wasm
//! target, and for `test` rustfmt and clippy. What rustup can add is added.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::WASM;
use crate::process;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// The C compiler that aws-lc, SQLite and jemalloc are built with, and jemalloc's make.
///
/// # Errors
/// No compiler is on the path, and `CC` names none; or there is no make.
pub fn c_tools() -> Result<()> {
    let named = std::env::var_os("CC").is_some_and(|named| !named.is_empty());
    if !named
        && !["cc", "gcc", "clang"]
            .into_iter()
            .any(|name| on_path(name).is_some())
    {
        bail!(
            "no C compiler found (looked for cc, gcc and clang): install one with `apt-get install gcc libc6-dev`, or name it in CC"
        );
    }
    on_path("make").context("no make found: install it with `apt-get install make`")?;
    Ok(())
}

/// Adds the wasm target to the toolchain in use, unless it is there.
pub fn wasm_target(progress: &Progress, stop: &Stop) -> Result<()> {
    if target_installed()? {
        return Ok(());
    }
    progress.line(format!("adding the target {WASM} ..."));
    rustup(&["target", "add", WASM], stop)
}

/// Adds rustfmt and clippy, unless they are there: rustup's minimal profile lacks them.
pub fn lint_tools(workspace: &Workspace, stop: &Stop) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if process::output(workspace.cargo(subcommand).arg("--version")).is_err() {
            rustup(&["component", "add", component], stop)?;
        }
    }
    Ok(())
}

/// The first executable file of that name on the path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Asks rustc rather than rustup, which a distribution's Rust does without.
fn target_installed() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", WASM]);
    let folder = process::output(&mut rustc)
        .with_context(|| format!("this Rust doesn't know {WASM}: zeropass needs Rust 1.95 or later, `rustup update stable`"))?;
    Ok(Path::new(folder.trim()).is_dir())
}

fn rustup(arguments: &[&str], stop: &Stop) -> Result<()> {
    if on_path("rustup").is_none() {
        bail!(
            "rustup is not installed, so this can't be added: `rustup {}`; get rustup from https://rustup.rs, or install it with your distribution's packages",
            arguments.join(" ")
        );
    }
    process::run(Command::new("rustup").args(arguments), stop)
}
