//! A leash for the servers that `dev` starts: when this program is killed so hard
//! that it can't stop them, the kernel does.
//!
//! The death signal has to be set inside the child, before it becomes the server.
//! Doing that between fork and exec needs unsafe code, so the child starts as this
//! program once more (`xtask tether`), sets it on itself, and execs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// A command that runs `program` on the leash. It must be spawned from the main
/// thread: Linux watches the thread, not the process.
pub fn tethered(program: &Path) -> Result<Command> {
    let this = std::env::current_exe().context("can't find the path of xtask itself")?;
    let mut command = Command::new(this);
    command.arg("tether");
    command.arg("--parent").arg(std::process::id().to_string());
    command.arg("--").arg(program);
    Ok(command)
}

/// The other half of [`tethered`]: returns only if the program can't be started.
pub fn become_program(parent: i32, program: &[OsString]) -> Result<ExitCode> {
    let (name, arguments) = program.split_first().context("no program to start")?;
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))
            .context("can't set the death signal")?;
        // The parent may have died before the signal was set.
        if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
            return Ok(ExitCode::FAILURE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    let error = Command::new(name).args(arguments).exec();
    Err(error).with_context(|| format!("can't start {}", name.display()))
}
