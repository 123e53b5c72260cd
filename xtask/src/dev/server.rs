//! A server that `dev` runs: its output goes to a log file, its end is noticed, and
//! the end of the log says why.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{Group, TICK};
use crate::stop::Stop;

/// How much of the log is shown when a server ends.
const LAST_LINES: usize = 15;

/// One running server. Dropped, it is stopped.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    log: PathBuf,
    group: Group,
}

// === impl Server ===

impl Server {
    /// Starts it, with a new log file for this run.
    pub fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
        let second = file
            .try_clone()
            .with_context(|| format!("can't write {}", log.display()))?;
        let group = Group::spawn(command.stdout(file).stderr(second))?;
        Ok(Self {
            name,
            log: log.to_path_buf(),
            group,
        })
    }

    /// For stopping it together with others.
    pub fn group(&mut self) -> &mut Group {
        &mut self.group
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// The server ends, the time is over (both with the end of the log), or the user stops this program.
    pub fn wait_until(
        &mut self,
        stop: &Stop,
        limit: Duration,
        what: &str,
        ready: impl Fn() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            stop.check()?;
            self.check()?;
            if ready() {
                // Not some other program that took the port meanwhile.
                return self.check();
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} is not ready after {} s (waited until {what}); {}",
                    self.name,
                    limit.as_secs(),
                    self.last_words()
                );
            }
            thread::sleep(TICK);
        }
    }

    /// # Errors
    /// The server has ended.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.group.ended()? {
            bail!(
                "{} ended by itself ({status}); {}",
                self.name,
                self.last_words()
            );
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let log = self.log.display();
        match tail(&text, LAST_LINES) {
            "" => format!("its log {log} is empty"),
            end => format!("the end of {log}:\n{end}"),
        }
    }
}

/// The last `count` lines, without the line break at the end.
fn tail(text: &str, count: usize) -> &str {
    let text = text.trim_end();
    let start = text
        .rmatch_indices('\n')
        .nth(count.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a\nb\n", 15), "a\nb");
        assert_eq!(tail("", 15), "");
    }

    #[test]
    fn server_that_ends_early_is_noticed_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such key; exit 7"]);
        let mut server = Server::start("stand-in", command, &folder.path().join("log")).unwrap();
        let stop = Stop::on_signals().unwrap();
        let error = server
            .wait_until(&stop, Duration::from_secs(60), "never", || false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("stand-in ended by itself") && error.contains("no such key"),
            "{error}"
        );
    }
}
