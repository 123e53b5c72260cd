//! `zeropass store ...`: one file for each duty.

mod backup;

use std::io::Write;

use clap::Subcommand;

/// What can be done with the credential store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy a SQLite store while the host runs. Leaves an audit record.
    Backup(backup::Backup),
    /// Put a copy in the place of a SQLite store, after its audit log was verified.
    /// Leaves an audit record.
    Restore(backup::Restore),
}

// === impl StoreCommand ===

impl StoreCommand {
    /// True when all is well; false when the command has said what is not.
    pub(super) fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
        super::block_on(async {
            match self {
                Self::Backup(command) => command.run(out).await.map(|()| true),
                Self::Restore(command) => command.run(out).await,
            }
        })
    }
}
