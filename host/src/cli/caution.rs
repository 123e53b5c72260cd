//! Before what can't be undone: on a terminal the command asks, elsewhere it wants to be
//! told.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;

/// How careful a command is that can't be undone.
#[derive(Debug, Clone, Copy, Args)]
pub struct Caution {
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unconfirmed {
    /// There is nobody to ask.
    #[error("{0}, which can't be undone, and nobody can be asked here: say --yes (not-confirmed)")]
    Unasked(String),
    /// Somebody said no.
    #[error("nothing was done (not-confirmed)")]
    Declined,
}

// === impl Caution ===

impl Caution {
    /// Whether nothing is to be done.
    pub(super) fn dry_run(self) -> bool {
        self.dry_run
    }

    /// Whether `what`, a sentence without its end, is to happen.
    ///
    /// # Errors
    /// [`Unconfirmed`].
    pub(super) fn confirmed(self, what: &str) -> Result<(), Unconfirmed> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Unconfirmed::Unasked(what.to_owned()));
        }
        // Not on standard output, which may go into a file.
        eprint!("{what}. This can't be undone. Go on? [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        match read.is_ok() && agrees(&answer) {
            true => Ok(()),
            false => Err(Unconfirmed::Declined),
        }
    }
}

fn agrees(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(["y\n", "Y", " yes "].into_iter().all(agrees));
        assert!(!["", "\n", "n", "yeah", "ye"].into_iter().any(agrees));
    }
}
