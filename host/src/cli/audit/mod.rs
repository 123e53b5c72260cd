//! `zeropass audit ...`: one file for each command.
//!
//! What reads the log for people (`export`, `query`, and `prove` on a host's store) and what
//! changes it (`prune`) leaves a record of itself first, in the log of the operators (PCI DSS
//! 10.2.1.3), and another one when it fails. `verify`, and `prove` on copies, work without
//! the host and its keys.

mod dates;
mod export;
mod filter;
pub(super) mod operators;
mod prove;
mod prune;
mod query;
mod table;
mod verify;
pub(super) mod within;

use std::io::Write;

use clap::Subcommand;

pub(super) use operators::recorded;
pub(super) use within::{history, keys_in, read_key};

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every record against all checkpoints. Works offline, on a database or an
    /// export.
    Verify(verify::Verify),
    /// Prove that a record is in the log, or that a log only grew between two
    /// checkpoints. Prints JSON. Leaves a record of itself, unless it works on a copy.
    Prove(prove::Prove),
    /// Write the log as JSON Lines. Leaves a record of itself.
    Export(export::Export),
    /// Search the log. Leaves a record of itself.
    Query(query::Query),
    /// Cut records older than 365 days to their leaves, so that the log still verifies.
    /// Leaves a record of itself.
    Prune(prune::Prune),
}

// === impl AuditCommand ===

impl AuditCommand {
    /// True when all is well; false when the command has said what is not.
    pub(super) fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        super::block_on(async {
            match self {
                Self::Verify(command) => command.run(out).await,
                Self::Prove(command) => command.run(out).await.map(|()| true),
                Self::Export(command) => command.run(out).await.map(|()| true),
                Self::Query(command) => command.run(out).await.map(|()| true),
                Self::Prune(command) => command.run(out).await,
            }
        })
    }
}
