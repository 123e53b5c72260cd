//! System packages that tests need: Chromium and its driver, the PostgreSQL server
//! with its client, a container registry and minisign. Tests start servers of their own; one that the package starts is not used.
//!
//! As root on a Debian system the missing ones are installed. Otherwise the one
//! command that installs them is printed, and the caller skips what needs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use super::report::Outcome;
use crate::process;
use crate::stop::Stop;
use crate::toolchain::on_path;

/// A browser that tests can drive.
#[derive(Debug)]
pub struct Browser {
    /// Chromium itself.
    pub chromium: PathBuf,
    /// The WebDriver server of the same version.
    pub driver: PathBuf,
}

/// What is there, after installing what could be.
#[derive(Debug)]
pub struct Found {
    /// Nothing: browser tests can't run.
    pub browser: Option<Browser>,
    /// Whether tests can start a PostgreSQL server.
    pub postgres: bool,
    /// Programs that are missing, each with a part of the names of the tests that run it.
    pub without: Vec<(&'static str, &'static str)>,
    /// Skipped when a package is missing.
    pub outcome: Outcome,
}

/// A Debian package, and how to see that what it brings is there.
struct Package {
    name: &'static str,
    present: fn() -> bool,
}

const PACKAGES: [Package; 5] = [
    Package {
        name: "chromium",
        present: || chromium().is_some(),
    },
    Package {
        name: "chromium-driver",
        present: || on_path("chromedriver").is_some(),
    },
    Package {
        name: "postgresql",
        present: has_postgresql,
    },
    Package {
        name: "docker-registry",
        present: || on_path("docker-registry").is_some(),
    },
    Package {
        name: "minisign",
        present: || on_path("minisign").is_some(),
    },
];

/// Programs that some tests run, each with a part of those tests' names.
const TOOLS: [(&str, &str); 2] = [
    ("docker-registry", "docker_registry"),
    ("minisign", "stock_minisign"),
];

/// Looks, installs what is missing if that is possible, and looks again.
pub fn provide(stop: &Stop) -> Found {
    let wanted = missing();
    let mut why = None;
    if !wanted.is_empty() && on_path("apt-get").is_some() && geteuid().is_root() {
        eprintln!("installing {} ...", wanted.join(" "));
        why = install(&wanted, stop)
            .err()
            .map(|error| format!("{error:#}"));
    }
    let missing = missing();
    let browser = chromium()
        .zip(on_path("chromedriver"))
        .map(|(chromium, driver)| Browser { chromium, driver });
    let outcome = if missing.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Skipped(advice(&missing, why))
    };
    Found {
        browser,
        postgres: has_postgresql(),
        without: TOOLS
            .into_iter()
            .filter(|(program, _)| on_path(program).is_none())
            .collect(),
        outcome,
    }
}

fn missing() -> Vec<&'static str> {
    PACKAGES
        .iter()
        .filter(|package| !(package.present)())
        .map(|package| package.name)
        .collect()
}

fn install(packages: &[&str], stop: &Stop) -> anyhow::Result<()> {
    process::run(apt_get().arg("update"), stop)?;
    process::run(
        apt_get()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
        stop,
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn advice(missing: &[&str], why: Option<String>) -> String {
    let names = missing.join(" ");
    let failed = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "missing: {names}{failed}; on Debian: `sudo apt-get install --no-install-recommends {names}`"
    )
}

fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(on_path)
}

/// Server, and the tools to make a database folder and to ask questions.
fn has_postgresql() -> bool {
    ["postgres", "initdb", "psql"]
        .into_iter()
        .all(|program| postgresql(program).is_some())
}

/// Debian keeps the server's programs off the path, in a folder for each version.
fn postgresql(program: &str) -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok();
    let mut found = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(program));
    on_path(program).or_else(|| found.find(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_one_command_for_just_the_missing() {
        let text = advice(&["chromium", "chromium-driver"], Some("no network".into()));
        assert!(text.contains("(no network)"), "{text}");
        assert!(
            text.ends_with(
                "`sudo apt-get install --no-install-recommends chromium chromium-driver`"
            ),
            "{text}"
        );
    }
}
