//! Commands that ask a running host: component revisions, policy, status.
//!
//! Tables for people, the host's own JSON with `--json`. Nothing is decided here: what
//! a command would do, and why it can't, is what the host says.

mod access;
mod client;
mod push;
mod remove;
mod say;
mod table;

use std::io::Write;

use anyhow::bail;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use self::access::Access;
use self::client::Body;

/// Component revisions on a running host.
#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Hand in a revision; it serves nobody until it is activated.
    Push(push::Push),
    /// Show what serves, and what was pushed.
    List {
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
    /// Let a revision serve.
    Activate {
        /// The component.
        name: String,
        /// A digest, the beginning of one, or a version.
        #[arg(value_name = "DIGEST-or-VERSION")]
        revision: String,
        /// Only this share of the callers, 1 to 99.
        #[arg(long, value_name = "PERCENT")]
        canary: Option<u64>,
        /// An older version than the active one is what is wanted.
        #[arg(long)]
        rollback: bool,
        /// Why, for the history.
        #[arg(long, default_value = "")]
        reason: String,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
    /// Take the canary back, or return to the revision before.
    Rollback {
        /// The component.
        name: String,
        /// Why, for the history.
        #[arg(long, default_value = "")]
        reason: String,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
    /// Show who changed what, when and why.
    History {
        /// The component.
        name: String,
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
    /// Show what each host runs.
    Hosts {
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
    /// Forget a revision that nobody needs. This can't be undone.
    Remove(remove::Remove),
}

/// Whom to ask, and how to say the answer.
#[derive(Debug, Args)]
pub struct How {
    #[command(flatten)]
    access: Access,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
}

// === impl ComponentCommand ===

impl ComponentCommand {
    /// Ask the host and say what it answers: false when that is no.
    ///
    /// # Errors
    /// The host can't be asked, or refuses.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<bool> {
        let said = match self {
            Self::Push(command) => return command.run(out),
            Self::List { how } => {
                let answer = how.get("/v1/components")?;
                how.say(&answer, out, say::list)
            }
            Self::Activate {
                name,
                revision,
                canary,
                rollback,
                reason,
                dry_run,
                how,
            } => {
                let mut form = json!({
                    "revision": revision, "rollback": rollback,
                    "dryRun": dry_run, "reason": reason,
                });
                if let (Some(canary), Some(form)) = (canary, form.as_object_mut()) {
                    form.insert("canary".into(), canary.into());
                }
                let answer =
                    how.post(&format!("/v1/components/{}/activate", part(&name)?), &form)?;
                how.say(&answer, out, say::change)
            }
            Self::Rollback {
                name,
                reason,
                dry_run,
                how,
            } => {
                let form = json!({"dryRun": dry_run, "reason": reason});
                let answer =
                    how.post(&format!("/v1/components/{}/rollback", part(&name)?), &form)?;
                how.say(&answer, out, say::change)
            }
            Self::History { name, how } => {
                let answer = how.get(&format!("/v1/components/{}/history", part(&name)?))?;
                how.say(&answer, out, say::history)
            }
            Self::Hosts { how } => {
                let answer = how.get("/v1/components")?;
                how.say(&answer, out, say::hosts)
            }
            Self::Remove(command) => command.run(out),
        };
        said.map(|()| true)
    }
}

/// `zeropass policy reload`; with `dry_run` the policies are only looked at.
///
/// # Errors
/// The host can't be asked, or refuses the policies; then the old ones stay in force.
pub fn reload_policy(how: &How, dry_run: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let query = if dry_run { "?dryRun=true" } else { "" };
    let answer = how.post(&format!("/v1/policy/reload{query}"), &json!({}))?;
    how.say(&answer, out, |answer, out| {
        let (epoch, digest) = (&answer["epoch"], say::text(answer, "digest"));
        match answer["dryRun"].as_bool() {
            Some(true) => writeln!(
                out,
                "policies would be in force: bundle sha256:{digest}; epoch {epoch} goes on"
            )?,
            _ => writeln!(
                out,
                "policies are in force: epoch {epoch}, bundle sha256:{digest}"
            )?,
        }
        Ok(())
    })
}

// === impl How ===

impl How {
    fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.access.ask(Method::GET, path, Body::Nothing)
    }

    fn post(&self, path: &str, form: &Value) -> anyhow::Result<Value> {
        self.access.ask(Method::POST, path, Body::Json(form))
    }

    fn say(
        &self,
        answer: &Value,
        out: &mut dyn Write,
        people: impl FnOnce(&Value, &mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.json {
            return Ok(writeln!(out, "{}", serde_json::to_string_pretty(answer)?)?);
        }
        people(answer, out)
    }
}

// === helpers ===

/// A text that can stand in a path.
fn part(text: &str) -> anyhow::Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:+".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        bail!("`{text}`: expected letters, digits and -._:+");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_takes_no_slash_from_an_argument() {
        assert!(part("auth-service").is_ok());
        assert!(part("../policy").is_err());
        assert!(part("").is_err());
    }
}
