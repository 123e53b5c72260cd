//! `zeropass component ...`: one file for each command.

mod inspect;
mod sign;

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use super::admin;

/// What can be done with component revisions.
#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Sign a component file: writes FILE.minisig.
    Sign(sign::Sign),
    /// Show what a component file is, who signed it, what it asks for and what it
    /// would be granted. Works offline.
    Inspect(inspect::Inspect),
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
            Self::Online(command) => command.run(out).map(|()| true),
        }
    }
}

/// A file's name with `.minisig` behind it.
fn minisig(file: &std::path::Path) -> PathBuf {
    let mut name = file.to_owned().into_os_string();
    name.push(".minisig");
    name.into()
}
