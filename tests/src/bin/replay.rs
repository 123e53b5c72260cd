//! `replay [--component FILE] FILE`: recorded ceremonies through a passkey-manager
//! in isolation. `cargo xtask replay FILE` builds what is needed and runs it.
//!
//! Prints `name registration accept`, `name authentication reject <code>` and the
//! like, then a count. Exit code 0 when everything ran, whatever the verdicts; 2
//! for a file that can't be read as recordings, a component that does not load, or
//! one that failed somewhere instead of answering (`name registration failed`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use zeropass_tests::isolation::{PasskeyManager, built, replay};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let (component, file) = arguments()?;
    let shown = file.display();
    let bytes = std::fs::read(&file).with_context(|| format!("{shown}"))?;
    let recordings = ceremony_driver::parse(&bytes).with_context(|| format!("{shown}"))?;
    let kit = PasskeyManager::load(component)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(replay::all(&kit, &recordings))
}

fn arguments() -> Result<(PathBuf, PathBuf)> {
    const USAGE: &str = "usage: replay [--component FILE] FILE";
    let mut component = None;
    let mut file = None;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--component" {
            component = Some(PathBuf::from(arguments.next().context(USAGE)?));
        } else if argument.to_string_lossy().starts_with("--") || file.is_some() {
            bail!(USAGE);
        } else {
            file = Some(PathBuf::from(argument));
        }
    }
    let component = component.unwrap_or_else(|| built("passkey-manager"));
    Ok((component, file.context(USAGE)?))
}
