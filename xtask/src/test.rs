//! `cargo xtask test`: everything from a fresh clone to a passed suite.
//!
//! A list of named steps. No failure stops it: the others still run and all
//! failures are reported, but what needs a failed step is skipped, because its own
//! failure would say nothing. The exit code is a failure when any step failed, and
//! with CI=true also when any was skipped, but for what a checkout need not have.

mod dependencies;
pub mod environment;
mod longtools;
mod named;
mod report;
mod results;
mod rules;
mod system;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use self::report::{Outcome, Report};
use self::results::Counts;
use crate::build::{COMPONENTS, HOST_SIDE, WASM};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::workspace::Workspace;
use crate::{build, process, toolchain};

/// Part of every browser test's path (`browser::...`), so that they can be left out
/// where there is no browser.
const BROWSER: &str = "browser";

/// Part of the path of every test that starts a PostgreSQL server.
const POSTGRES: &str = "postgres";

/// Part of the name of every test of the component in JavaScript.
const JAVASCRIPT: &str = "javascript";

/// Runs the suite, with the long tests if asked.
pub fn run(workspace: &Workspace, stop: &Stop, long: bool) -> Result<ExitCode> {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut suite = Suite {
        workspace,
        stop,
        report: Report::new(ci),
        browser: None,
        postgres: false,
        without: Vec::new(),
        javascript: false,
        variables: Vec::new(),
    };
    suite.prepare()?;
    suite.check_sources()?;
    suite.build()?;
    suite.test(long)?;
    if long {
        suite.test_long()?;
    }
    Ok(suite.report.finish())
}

/// What the steps share.
struct Suite<'a> {
    workspace: &'a Workspace,
    stop: &'a Stop,
    report: Report,
    /// Whether the component in JavaScript has been built.
    javascript: bool,
    /// Chromium and its driver, once found.
    browser: Option<system::Browser>,
    /// Whether there is a PostgreSQL server to start.
    postgres: bool,
    /// Programs that are missing, each with a part of its tests' names.
    without: Vec<(&'static str, &'static str)>,
    /// More environment for the tests.
    variables: Vec<(&'static str, PathBuf)>,
}

// === impl Suite ===

impl Suite<'_> {
    fn prepare(&mut self) -> Result<()> {
        let (workspace, stop) = (self.workspace, self.stop);
        self.report.step(stop, "toolchain", &[], || {
            toolchain::c_tools()?;
            toolchain::wasm_target(&Progress::start(), stop)?;
            toolchain::lint_tools(workspace, stop)?;
            Ok(Outcome::Passed)
        })?;
        let (browser, postgres) = (&mut self.browser, &mut self.postgres);
        let without = &mut self.without;
        self.report.step(stop, "system packages", &[], || {
            let found = system::provide(stop);
            *browser = found.browser;
            *postgres = found.postgres;
            *without = found.without;
            Ok(found.outcome)
        })
    }

    fn check_sources(&mut self) -> Result<()> {
        let (workspace, stop) = (self.workspace, self.stop);
        self.report.step(stop, "format", &["toolchain"], || {
            process::run(workspace.cargo("fmt").args(["--all", "--check"]), stop)?;
            Ok(Outcome::Passed)
        })?;
        self.report
            .step(stop, "house rules", &[], || rules::check(workspace))
    }

    fn build(&mut self) -> Result<()> {
        let (workspace, stop) = (self.workspace, self.stop);
        self.report
            .step(stop, "build components", &["toolchain"], || {
                build::components(workspace, stop)?;
                Ok(Outcome::Passed)
            })?;
        self.report.step(stop, "build guests", &["toolchain"], || {
            build::guests(workspace, stop)?;
            Ok(Outcome::Passed)
        })?;
        let javascript = &mut self.javascript;
        self.report.step(
            stop,
            "build JavaScript component",
            &["build components"],
            || {
                if ["node", "npm"]
                    .into_iter()
                    .any(|tool| toolchain::on_path(tool).is_none())
                {
                    let why = "no Node.js with npm; on Debian: `sudo apt-get install nodejs npm`";
                    return Ok(Outcome::Skipped(why.into()));
                }
                build::javascript(workspace, stop)?;
                *javascript = true;
                Ok(Outcome::Passed)
            },
        )?;
        // The end-to-end tests start these; cargo builds the binaries of a test's
        // own package only.
        self.report
            .step(stop, "build binaries and tests", &["toolchain"], || {
                let binaries = ["zeropass", "relying-party", "replay"];
                build::binaries_and_tests(workspace, stop, &binaries)?;
                Ok(Outcome::Passed)
            })?;
        self.report
            .step(stop, "lint components", &["toolchain"], || {
                let mut clippy = workspace.cargo("clippy");
                for name in COMPONENTS {
                    clippy.args(["-p", name]);
                }
                clippy.args(["-p", "guests", "--lib", "--examples", "--target", WASM]);
                process::run(clippy.args(["--", "-D", "warnings"]), stop)?;
                Ok(Outcome::Passed)
            })?;
        self.report
            .step(stop, "lint host side", &["toolchain"], || {
                let mut clippy = workspace.cargo("clippy");
                clippy.args(HOST_SIDE);
                process::run(clippy.args(["--all-targets", "--", "-D", "warnings"]), stop)?;
                Ok(Outcome::Passed)
            })
    }

    fn test(&mut self, long: bool) -> Result<()> {
        let needs = [
            "build components",
            "build guests",
            "build binaries and tests",
        ];
        let mut command = self.cargo_test(long);
        command.arg("--no-fail-fast");
        command.arg("--");
        if self.browser.is_none() {
            command.args(["--skip", BROWSER]);
        }
        if !self.postgres {
            command.args(["--skip", POSTGRES]);
        }
        if !self.javascript {
            command.args(["--skip", JAVASCRIPT]);
        }
        for (_, tests) in &self.without {
            command.args(["--skip", tests]);
        }
        let (stop, mut counts) = (self.stop, Counts::default());
        self.report.step(stop, "tests", &needs, || {
            run_tests(&mut command, stop, &mut counts)
        })?;
        self.report.count(counts);
        if environment::vectors(self.workspace).is_none() {
            let why = "no file of them, and ZEROPASS_VECTORS names none; the tests that read it did nothing";
            self.report.step(stop, "W3C test vectors", &[], || {
                Ok(Outcome::Absent(why.into()))
            })?;
        }
        if self.browser.is_none() {
            let why = "no Chromium with its driver; see system packages";
            self.report.step(stop, "browser tests", &[], || {
                Ok(Outcome::Skipped(why.into()))
            })?;
        }
        for (program, _) in std::mem::take(&mut self.without) {
            let why = format!("no {program}; see system packages");
            self.report
                .step(stop, program, &[], || Ok(Outcome::Skipped(why)))?;
        }
        if !self.postgres {
            let why = "no PostgreSQL server; see system packages";
            self.report.step(stop, "PostgreSQL tests", &[], || {
                Ok(Outcome::Skipped(why.into()))
            })?;
        }
        Ok(())
    }

    fn test_long(&mut self) -> Result<()> {
        let (workspace, stop) = (self.workspace, self.stop);
        let variables = &mut self.variables;
        self.report
            .step(stop, "install wasmtime, wac", &["toolchain"], || {
                variables.extend(longtools::provide(workspace, stop)?);
                Ok(Outcome::Passed)
            })?;
        let needs = [
            "build components",
            "build guests",
            "build binaries and tests",
            "install wasmtime, wac",
        ];
        let mut command = self.cargo_test(true);
        command.args([
            "--test",
            "long",
            "--",
            "--include-ignored",
            "--test-threads=1",
        ]);
        let mut counts = Counts::default();
        self.report.step(stop, "long tests", &needs, || {
            run_tests(&mut command, stop, &mut counts)
        })?;
        self.report.count(counts);
        Ok(())
    }

    fn cargo_test(&self, long: bool) -> Command {
        let mut command = self.workspace.cargo("test");
        command.args(HOST_SIDE);
        environment::set(&mut command, self.workspace, "dev");
        if let Some(browser) = &self.browser {
            command.env("ZEROPASS_CHROMIUM", &browser.chromium);
            command.env("ZEROPASS_CHROMEDRIVER", &browser.driver);
        }
        if long {
            command.env("ZEROPASS_LONG", "1");
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Runs `cargo test`, shows its output as it comes, and counts.
fn run_tests(command: &mut Command, stop: &Stop, counts: &mut Counts) -> Result<Outcome> {
    let mut group = process::Group::spawn(command.stdout(Stdio::piped()))?;
    let stdout = group
        .child()
        .stdout
        .take()
        .context("no output of cargo test")?;
    let stream = results::Stream::start(stdout, std::io::stdout());
    let status = group.wait(stop)?;
    *counts = stream.finish();
    let failures = counts.failures().join(", ");
    if !failures.is_empty() {
        bail!("failed: {failures}");
    }
    if !status.success() {
        bail!("`cargo test` failed ({status}); its output is above");
    }
    if counts.passed == 0 {
        bail!("no test ran");
    }
    Ok(Outcome::Passed)
}
