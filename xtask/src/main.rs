//! The developer commands of zeropass: `cargo xtask dev`, `test`, `bench` and `replay`.
//!
//! This program is compiled before anything else in a fresh clone, so it stays
//! small: it starts cargo and the built programs, watches them, and says what
//! happens. It never links the host.

mod bench;
mod build;
mod dev;
mod process;
mod progress;
mod replay;
mod stop;
mod test;
mod tether;
mod toolchain;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::stop::{Interrupted, Stop};
use crate::workspace::Workspace;

/// Developer commands of zeropass.
///
/// From a fresh clone, `cargo xtask dev` ends with a running system and
/// `cargo xtask test` with a passed test suite.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and run it: the host, its components and the demo relying party
    ///
    /// Adds the wasm target if it is missing, makes a development PKI, a
    /// configuration and a SQLite store, starts the host and the demo, and prints
    /// the URL to open. Ctrl-C stops all of it. Started again, it reuses what is
    /// there, an edited configuration included.
    Dev {
        /// Where PKI, configuration, store and logs live [default: .zeropass in the checkout]
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Run the whole test suite: format, lints, unit, component, end-to-end and browser tests
    ///
    /// Missing system packages are installed when this runs as root on a Debian
    /// system. Otherwise the command that installs them is printed, and the suites
    /// that need them are skipped; with CI=true a skipped suite is a failure.
    Test {
        /// Also run the long tests: soak, kill rounds, floods, the stock wasmtime command line
        #[arg(long)]
        long: bool,
    },
    /// Measure, each row beside what it is compared with, in one run
    Bench {
        /// Also write the rows to FILE, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Run this row only
        #[arg(long, value_name = "ROW")]
        only: Option<String>,
    },
    /// Replay recorded ceremonies through the passkey-manager component alone
    Replay {
        /// A JSON array of recorded ceremonies (tests/standalone/README.md describes the format)
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Become PROGRAM, and die when the process PARENT does
    #[command(hide = true)]
    Tether {
        #[arg(long)]
        parent: i32,
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Tether { parent, program } = command {
        return tether::become_program(parent, &program);
    }
    let workspace = Workspace::locate()?;
    let stop = Stop::on_signals()?;
    match command {
        Command::Dev { dir } => dev::run(&workspace, &stop, dir),
        Command::Test { long } => test::run(&workspace, &stop, long),
        Command::Bench { json, only } => bench::run(&workspace, &stop, json, only),
        Command::Replay { file } => replay::run(&workspace, &stop, &file),
        Command::Tether { .. } => Ok(ExitCode::FAILURE),
    }
}
