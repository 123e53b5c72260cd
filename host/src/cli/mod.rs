//! The `zeropass` command line: one file for each subcommand.
//!
//! A command that fails says why in one message on standard error and exits with
//! 1; wrong usage exits with 2.

pub mod admin;
mod audit;
mod caution;
mod component;
pub mod config;
mod new_file;
pub mod pki;
pub mod policy;
mod serve;
mod store;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A passkey authentication host: mTLS in, sandboxed components, a mediated and
/// audited credential store.
#[derive(Debug, Parser)]
#[command(name = "zeropass", version, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host until SIGTERM.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Look at a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Prepare, change or move the store.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Component revisions: sign and inspect them, push, activate and roll back.
    #[command(subcommand)]
    Component(component::ComponentCommand),
    /// The audit log: verify, prove, export, search, prune.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Certificates for development.
    #[command(subcommand)]
    Pki(pki::PkiCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read a configuration as `serve` would, and print what was understood.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Validate the policies and run their golden tests.
    Check {
        /// The folder with the schema, the policies and the tests.
        #[arg(long, value_name = "FOLDER", default_value = "policies")]
        folder: PathBuf,
    },
    /// Let a running host read its policies again.
    Reload {
        /// Only check them.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        how: admin::How,
    },
}

/// Run the command of these words, the first of which is the program, and write to
/// `out` what it says, errors too. True when it would exit with 0.
///
/// # Errors
/// The words are no command, or `out` can't be written.
pub fn execute(words: &[&str], out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    match Arguments::try_parse_from(words)?.command.run(out) {
        Ok(well) => Ok(well),
        Err(error) => {
            writeln!(out, "zeropass: {}", told_once(&error))?;
            Ok(false)
        }
    }
}

/// Run the command of these arguments.
pub fn run(arguments: Arguments) -> ExitCode {
    match arguments.command.run(&mut std::io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("zeropass: {}", told_once(&error));
            ExitCode::FAILURE
        }
    }
}

/// Run what a command has to wait for.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// The error with its causes, leaving out a cause that the message before it names.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        if told.is_empty() {
            cause
        } else if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}

// === impl Command ===

impl Command {
    /// True when all is well; false when the command has said what is not.
    fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        match self {
            Self::Serve { config } => serve::serve(&config),
            Self::Audit(command) => command.run(out),
            Self::Config(ConfigCommand::Check { config }) => {
                config::check(&config, out)?;
                Ok(true)
            }
            Self::Policy(PolicyCommand::Check { folder }) => policy::check(&folder, out),
            Self::Policy(PolicyCommand::Reload { dry_run, how }) => {
                admin::reload_policy(&how, dry_run, out)?;
                Ok(true)
            }
            Self::Store(command) => store::run(command, out),
            Self::Component(command) => command.run(out),
            Self::Pki(command) => command.run(out),
        }
    }
}
