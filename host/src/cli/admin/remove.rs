//! `zeropass component remove`.

use std::io::Write;

use clap::Args;
use http::Method;

use super::client::Body;
use super::say::{short, text};
use super::{How, part};
use crate::cli::caution::Caution;

/// Arguments of `component remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// The component.
    name: String,
    /// A digest, the beginning of one, or a version.
    #[arg(value_name = "DIGEST-or-VERSION")]
    revision: String,
    /// Whether to ask.
    #[command(flatten)]
    caution: Caution,
    /// Whom to ask.
    #[command(flatten)]
    how: How,
}

// === impl Remove ===

impl Remove {
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (name, how) = (&self.name, &self.how);
        let path = format!(
            "/v1/components/{}/revisions/{}",
            part(name)?,
            part(&self.revision)?
        );
        let looking = format!("{path}?dryRun=true");
        let would = how.access.ask(Method::DELETE, &looking, Body::Nothing)?;
        let what = format!(
            "{name} {} ({})",
            text(&would, "version"),
            short(text(&would, "digest"))
        );
        if self.caution.dry_run() {
            return how.say(&would, out, |_, out| {
                Ok(writeln!(out, "would forget {what}")?)
            });
        }
        self.caution.confirmed(&format!("{what} is forgotten"))?;
        how.access.ask(Method::DELETE, &path, Body::Nothing)?;
        how.say(&would, out, |_, out| Ok(writeln!(out, "forgot {what}")?))
    }
}
