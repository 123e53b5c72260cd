//! The stock command line tools of the long tests, from the registry: `wasmtime`
//! runs a component without zeropass, `wac` composes it with an in-memory store.
//! They are built once, into the target folder.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process;
use crate::progress::seconds;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// What is installed: the variable that names it to the tests, binary, crate, version,
/// and the features that running a component needs, where there are more.
const TOOLS: [(&str, &str, &str, &str, Option<&str>); 2] = [
    (
        "ZEROPASS_WASMTIME",
        "wasmtime",
        "wasmtime-cli",
        "^48",
        Some("run,cranelift,component-model,parallel-compilation"),
    ),
    ("ZEROPASS_WAC", "wac", "wac-cli", "^0.12", None),
];

/// Installs what is missing; returns the variables for the tests.
pub fn provide(workspace: &Workspace, stop: &Stop) -> Result<Vec<(&'static str, PathBuf)>> {
    let folder = workspace.tools();
    let mut found = Vec::new();
    for (variable, binary, package, version, features) in TOOLS {
        let file = folder.join("bin").join(binary);
        if !file.is_file() {
            let start = Instant::now();
            let mut install = workspace.cargo("install");
            install
                .args(["--locked", "--version", version, package, "--root"])
                .arg(&folder);
            if let Some(features) = features {
                install.args(["--no-default-features", "--features", features]);
            }
            // Beside our own artefacts, so that an interrupted installation goes on.
            install.env("CARGO_TARGET_DIR", folder.join("build"));
            process::run(&mut install, stop).with_context(|| format!("installing {package}"))?;
            eprintln!("installed {package} in {}", seconds(start.elapsed()));
        }
        found.push((variable, file));
    }
    Ok(found)
}
