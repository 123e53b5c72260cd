//! Child processes: each in its own process group, and none outlives its owner.
//!
//! A group is asked to end with SIGTERM and, after [`GRACE`], made to with SIGKILL.
//! That holds for Ctrl-C, for a failure elsewhere, and when a [`Group`] is dropped.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::stop::{Interrupted, Stop};

/// How long a child may take to end by itself.
pub const GRACE: Duration = Duration::from_secs(4);

/// How often waits look at the child and at the stop flag.
pub const TICK: Duration = Duration::from_millis(25);

/// A running child and everything that it has started in its group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    group: Option<Pid>,
    status: Option<ExitStatus>,
}

/// Runs a command to its end. Its output goes where the command says.
///
/// # Errors
/// It can't be started, it fails, or the user stops this program.
pub fn run(command: &mut Command, stop: &Stop) -> Result<()> {
    let name = shown(command);
    let status = Group::spawn(command)?.wait(stop)?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Runs a short command and returns what it printed to stdout.
///
/// # Errors
/// It can't be started, or fails; then the message has what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let name = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("can't start `{name}`"))?;
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        bail!("`{name}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as a person would type it: the program without its folder.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![program.to_string_lossy()];
    words.extend(command.get_args().map(|word| word.to_string_lossy()));
    words.join(" ")
}

/// Stops several groups at the same time: together they take one grace period.
pub fn stop_all(groups: &mut [&mut Group]) {
    for group in groups.iter_mut() {
        group.ask();
    }
    let deadline = Instant::now() + GRACE;
    for group in groups.iter_mut() {
        group.end_by(deadline);
    }
}

// === impl Group ===

impl Group {
    /// Starts a command in a process group of its own, without a stdin.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start `{}`", shown(command)))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self {
            child,
            group,
            status: None,
        })
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self
                .child
                .try_wait()
                .context("can't watch a child process")?;
        }
        Ok(self.status)
    }

    /// Waits for the child's end; what it left behind in its group is killed.
    ///
    /// # Errors
    /// [`Interrupted`] when the user stops this program first.
    pub fn wait(mut self, stop: &Stop) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if stop.requested() {
                return Err(Interrupted.into());
            }
            thread::sleep(TICK);
        }
    }

    fn ask(&self) {
        if self.status.is_none() {
            self.signal(Signal::TERM);
        }
    }

    fn end_by(&mut self, deadline: Instant) {
        while matches!(self.ended(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(TICK);
        }
        // Also after a good end: a child's own children have no other owner.
        self.signal(Signal::KILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The group may be gone already, which is what is wanted.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        stop_all(&mut [self]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn dropped_group_takes_its_grandchildren_along() {
        let mut command = shell("sleep 600 & echo started; wait");
        let mut group = Group::spawn(command.stdout(Stdio::piped())).unwrap();
        let mut stdout = BufReader::new(group.child().stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        drop(group);
        // The grandchild holds the pipe too: its end comes when both are gone.
        assert_eq!(stdout.read_line(&mut line).unwrap(), 0);
    }

    #[test]
    fn failed_command_says_what_it_said() {
        let error = output(&mut shell("echo no luck >&2; exit 3"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no luck"), "{error}");
    }

    #[test]
    fn command_is_shown_as_typed() {
        let mut command = Command::new("/some/folder/cargo");
        assert_eq!(shown(command.arg("build")), "cargo build");
    }
}
