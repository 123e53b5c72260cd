//! A child process that ends with its owner, and whose last words are kept.
//!
//! Children stay in the process group of the test, so that whoever stops the test by
//! its group stops them too.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How much of a log an error shows.
const LAST_LINES: usize = 20;

/// A running program. Dropped, it is killed and waited for.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    child: std::process::Child,
    log: PathBuf,
}

/// Whether a process runs. One that has ended and waits to be reaped does not; it has no
/// command line any more. Needs `/proc`, as Linux has it; without, the answer is no.
pub fn is_alive(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

// === impl Child ===

impl Child {
    /// Starts `command`, whose output goes to `NAME.log` in `folder`.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let second = file.try_clone().context("can't share the log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(second)
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        Ok(Self { name, child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// It has ended; the message has its last words.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context("can't look at a child")? {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended by itself ({status}):\n{}",
                self.name,
                self.last_words()
            ),
        }
    }

    /// All it has said.
    pub fn said(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of it, under the program's name.
    pub fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        let end = lines.get(first..).unwrap_or_default().join("\n");
        format!("--- {} ---\n{end}", self.name)
    }

    pub fn stop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}
