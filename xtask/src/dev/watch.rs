//! Swap on save: a component whose source has changed is built, signed, pushed and
//! activated, and the next request has it.
//!
//! Everything goes the way of any operator: through the admin listener, with the
//! development operator's certificate. What does not build or is not admitted is said, and
//! the revision that serves goes on serving. Files are looked at by their times and
//! lengths, so that no watcher of the system is needed.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::snapshot::{Saved, Snapshot};
use crate::stop::{Interrupted, Stop};
use crate::workspace::Workspace;
use crate::{build, process};

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Revisions of a component that stay in the store: what serves, what a rollback may
/// return to, and one more.
const KEPT: usize = 10;

/// The version before the first one.
const FIRST: &str = "0.1.0";

/// Watches the sources, and swaps.
pub struct Watch<'w> {
    workspace: &'w Workspace,
    operator: Operator,
    seen: Snapshot,
    looked: Instant,
    /// By component: the file that was pushed last, and the versions so far.
    pushed: BTreeMap<&'static str, Pushed>,
}

/// How the running host is told: its own commands, as the development operator.
pub struct Operator {
    /// The `zeropass` program.
    pub program: PathBuf,
    /// The development PKI.
    pub pki: PathBuf,
    /// The admin listener.
    pub admin: SocketAddr,
}

#[derive(Default)]
struct Pushed {
    wasm: Vec<u8>,
    versions: VecDeque<String>,
}

// === impl Watch ===

impl<'w> Watch<'w> {
    /// Watch from now on. What was built before this and does not serve yet is swapped in.
    pub fn start(workspace: &'w Workspace, operator: Operator) -> Result<Self> {
        let mut watch = Self {
            seen: Snapshot::of(workspace.root())?,
            workspace,
            operator,
            looked: Instant::now(),
            pushed: BTreeMap::new(),
        };
        for name in build::COMPONENTS {
            match watch.swap(name, "built before the start") {
                Ok(Some(swapped)) => println!("{swapped}"),
                Ok(None) => {}
                Err(error) => println!("{name}: not swapped, the old one serves: {error:#}"),
            }
        }
        Ok(watch)
    }

    /// Look whether anything was saved, if it is time, and swap what was.
    ///
    /// # Errors
    /// The user stops this program. Whatever else goes wrong is printed.
    pub fn look(&mut self, stop: &Stop) -> Result<()> {
        if self.looked.elapsed() < EVERY {
            return Ok(());
        }
        let now = Snapshot::of(self.workspace.root())?;
        let saved = self.seen.since(&now);
        self.seen = now;
        if let Some(saved) = saved {
            // All together as at the start: another selection would build other files.
            match build::components(self.workspace, stop) {
                Ok(()) => self.built(&saved),
                Err(error) if error.is::<Interrupted>() => return Err(error),
                Err(error) => println!("not swapped, the old one serves: {error:#}"),
            }
        }
        self.looked = Instant::now();
        Ok(())
    }

    /// Swap what was built after this, a line for each component.
    fn built(&mut self, saved: &Saved) {
        let file = saved.file.display();
        for name in &saved.components {
            match self.swap(name, &format!("{file} was saved")) {
                Ok(Some(swapped)) => {
                    let taken = saved.when.elapsed().unwrap_or_default();
                    let seconds = taken.as_secs_f64();
                    println!("{swapped}, {seconds:.1} s after {file} was saved");
                }
                Ok(None) => println!("{name}: {file} was saved, and the component is the same"),
                Err(error) => println!("{name}: not swapped, the old one serves: {error:#}"),
            }
        }
    }

    /// Let the built file serve; none where it does so already.
    fn swap(&mut self, name: &'static str, why: &str) -> Result<Option<String>> {
        let file = self.workspace.component(name);
        let wasm = fs::read(&file).with_context(|| file.display().to_string())?;
        let pushed = self.pushed.entry(name).or_default();
        if pushed.wasm == wasm {
            return Ok(None);
        }
        let serves = self.operator.serves(name)?;
        let version = next(serves.as_deref(), milliseconds()?);
        sign_as(
            &self.operator.program,
            &self.operator.pki,
            name,
            &file,
            &version,
        )?;
        let said = self.operator.run("push", &[&file.display().to_string()])?;
        let activated = self
            .operator
            .run("activate", &[name, &version, "--reason", why]);
        match activated {
            Ok(_) => {}
            Err(error) if error.to_string().contains("(already-active)") => {
                pushed.wasm = wasm;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        pushed.wasm = wasm;
        pushed.versions.push_back(version.clone());
        if pushed.versions.len() > KEPT
            && let Some(oldest) = pushed.versions.pop_front()
        {
            // One that can still be returned to stays.
            let _ = self.operator.run("remove", &[name, &oldest, "--yes"]);
        }
        Ok(Some(format!("swapped {name} {version}{}", digest(&said))))
    }
}

/// Signs a component with the development key, each time under a higher version.
pub fn sign(zeropass: &Path, pki: &Path, name: &str, file: &Path) -> Result<()> {
    sign_as(zeropass, pki, name, file, &next(None, milliseconds()?))
}

fn milliseconds() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())
}

/// A version of now that is higher than the one that serves, whoever made that.
fn next(serves: Option<&str>, now: u128) -> String {
    let (core, before) = match serves.map(|version| version.split_once('-')) {
        Some(Some((core, before))) => (core, Some(before)),
        Some(None) => (serves.unwrap_or_default(), None),
        None => (FIRST, Some("dev.0")),
    };
    let numbers: Vec<u64> = core
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    let (core, patch) = match *numbers.as_slice() {
        [major, minor, patch] => (format!("{major}.{minor}"), patch),
        // A revision without a version is older than any.
        _ => return format!("{FIRST}-dev.{now}"),
    };
    match before {
        // One of ours: the time alone is higher.
        Some(before) if before.starts_with("dev.") => format!("{core}.{patch}-dev.{now}"),
        _ => format!("{core}.{}-dev.{now}", patch + 1),
    }
}

fn sign_as(zeropass: &Path, pki: &Path, name: &str, file: &Path, version: &str) -> Result<()> {
    process::output(
        Command::new(zeropass)
            .args(["component", "sign"])
            .arg(file)
            .arg("--key")
            .arg(pki.join("component-signing.key"))
            .args(["--name", name])
            .args(["--version", version]),
    )?;
    Ok(())
}

/// The digest in brackets, as `component push` prints it.
fn digest(said: &str) -> String {
    let inside = said
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    inside.map_or_else(String::new, |(digest, _)| format!(" ({digest})"))
}

// === impl Operator ===

impl Operator {
    /// The version of a component's stable revision.
    fn serves(&self, name: &str) -> Result<Option<String>> {
        Ok(stable(&self.run("list", &[])?, name))
    }

    /// Run `zeropass component COMMAND ...`; what it prints.
    fn run(&self, command: &str, arguments: &[&str]) -> Result<String> {
        process::output(
            Command::new(&self.program)
                .args(["component", command])
                .args(arguments)
                .args(["--admin", &format!("https://{}", self.admin)])
                .arg("--ca")
                .arg(self.pki.join("ca.pem"))
                .arg("--cert")
                .arg(self.pki.join("operator.pem"))
                .arg("--key")
                .arg(self.pki.join("operator.key")),
        )
    }
}

/// The version of the stable revision in the table that `component list` prints.
fn stable(listed: &str, name: &str) -> Option<String> {
    listed.lines().find_map(|line| {
        let mut columns = line.split_whitespace();
        let (component, version) = (columns.next()?, columns.next()?);
        let serves = columns.nth(1)?;
        (component == name && serves == "stable").then(|| version.to_owned())
    })
}

#[cfg(test)]
mod host_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_version_is_higher_than_the_one_that_serves() {
        for (serves, expected) in [
            (None, "0.1.0-dev.7"),
            (Some("0.1.0-dev.5"), "0.1.0-dev.7"),
            (Some("1.2.3"), "1.2.4-dev.7"),
            (Some("1.2.4-dev.5"), "1.2.4-dev.7"),
            (Some("1.2.3-rc.1"), "1.2.4-dev.7"),
            (Some("0123456789ab"), "0.1.0-dev.7"),
        ] {
            assert_eq!(next(serves, 7), expected, "{serves:?}");
        }
    }

    #[test]
    fn stable_version_is_read_from_the_list() {
        let listed = "\
COMPONENT        VERSION  DIGEST        SERVES                       PUSHED  BY
auth-service     1.0.0    bbbbbbbbbbbb  -                            now     me
auth-service     1.1.0    aaaaaaaaaaaa  stable                       now     me
auth-service     1.2.0    cccccccccccc  canary 5%, 17 healthy calls  now     me
";
        assert_eq!(stable(listed, "auth-service").as_deref(), Some("1.1.0"));
        assert_eq!(stable(listed, "passkey-manager"), None);
    }

    #[test]
    fn digest_is_read_from_what_push_prints() {
        let said = "auth-service 0.1.0-dev.7 (0123456789ab) pushed; it serves nobody until it is activated\n";
        assert_eq!(digest(said), " (0123456789ab)");
        assert_eq!(digest("nothing"), "");
    }
}
