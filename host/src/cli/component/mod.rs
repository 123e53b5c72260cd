//! `zeropass component ...`: one file for each command.

mod fetch;
mod inspect;
mod publish;
mod sign;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::admin;
use crate::registry::oci::{OciError, RegistryOptions};

/// What can be done with component revisions.
#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Sign a component file: writes FILE.minisig.
    Sign(sign::Sign),
    /// Show what a component file is, who signed it, what it asks for and what it
    /// would be granted. Works offline.
    Inspect(inspect::Inspect),
    /// Fetch a component and its signature from an OCI registry.
    Fetch(fetch::Fetch),
    /// Publish a component and its signature to an OCI registry.
    Publish(publish::Publish),
    /// On a running host.
    #[command(flatten)]
    Online(admin::ComponentCommand),
}

// === impl ComponentCommand ===

impl ComponentCommand {
    /// True when all is well; false when the command has said what is not.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<bool> {
        match self {
            Self::Sign(command) => command.run(out).map(|()| true),
            Self::Inspect(command) => command.run(out),
            Self::Fetch(command) => command.run(out).map(|()| true),
            Self::Publish(command) => command.run(out).map(|()| true),
            Self::Online(command) => command.run(out),
        }
    }
}

/// For scripts: what was done as one JSON object.
fn told(json: &serde_json::Value, out: &mut dyn Write) -> anyhow::Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(json)?)?)
}

/// How the registry is reached.
#[derive(Debug, Args)]
struct RegistryArguments {
    /// The certificate authorities that the registry's certificate comes from, PEM
    /// [default: those of the system]
    #[arg(long, value_name = "FILE")]
    registry_ca: Option<PathBuf>,
    /// Credentials, in the format of Docker's config.json.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
}

// === impl RegistryArguments ===

impl From<RegistryArguments> for RegistryOptions {
    fn from(arguments: RegistryArguments) -> Self {
        Self {
            ca: arguments.registry_ca,
            credentials: arguments.credentials,
            hosts: None,
        }
    }
}

/// Run one transfer to its end.
fn block_on<T>(transfer: impl Future<Output = Result<T, OciError>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(transfer)?)
}

/// A file's name with `.minisig` behind it.
fn minisig(file: &std::path::Path) -> PathBuf {
    let mut name = file.to_owned().into_os_string();
    name.push(".minisig");
    name.into()
}
