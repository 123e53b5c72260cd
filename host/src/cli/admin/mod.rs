//! Commands that ask a running host: component revisions, policy, status.
//!
//! Tables for people, the host's own JSON with `--json`. Nothing is decided here: what
//! a command would do, and why it can't, is what the host says.

mod client;
mod table;

use std::io::{BufRead as _, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use self::client::{Access, Body, read_if_there};
use self::table::Table;

/// Component revisions on a running host.
#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Hand in a revision; it serves nobody until it is activated.
    Push {
        /// The component file; its signature is in FILE.minisig.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The component's name, where the signature does not say it.
        #[arg(long)]
        name: Option<String>,
        /// The signature, where it is elsewhere.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
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
    Remove {
        /// The component.
        name: String,
        /// A digest, the beginning of one, or a version.
        #[arg(value_name = "DIGEST-or-VERSION")]
        revision: String,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Whom to ask.
        #[command(flatten)]
        how: How,
    },
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
    /// Ask the host and say what it answers.
    ///
    /// # Errors
    /// The host can't be asked, or refuses.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Push {
                file,
                name,
                signature,
                how,
            } => push(&file, name, signature, &how, out),
            Self::List { how } => {
                let answer = how.get("/v1/components")?;
                how.say(&answer, out, list)
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
                how.say(&answer, out, change)
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
                how.say(&answer, out, change)
            }
            Self::History { name, how } => {
                let answer = how.get(&format!("/v1/components/{}/history", part(&name)?))?;
                how.say(&answer, out, history)
            }
            Self::Hosts { how } => {
                let answer = how.get("/v1/components")?;
                how.say(&answer, out, hosts)
            }
            Self::Remove {
                name,
                revision,
                yes,
                dry_run,
                how,
            } => remove(&name, &revision, yes, dry_run, &how, out),
        }
    }
}

/// `zeropass policy reload`.
///
/// # Errors
/// The host can't be asked, or refuses the policies; then the old ones stay in force.
pub fn reload_policy(how: &How, out: &mut dyn Write) -> anyhow::Result<()> {
    let answer = how.post("/v1/policy/reload", &json!({}))?;
    how.say(&answer, out, |answer, out| {
        let (epoch, digest) = (&answer["epoch"], text(answer, "digest"));
        Ok(writeln!(
            out,
            "policies are in force: epoch {epoch}, bundle sha256:{digest}"
        )?)
    })
}

fn push(
    file: &Path,
    name: Option<String>,
    signature: Option<PathBuf>,
    how: &How,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let wasm = std::fs::read(file).with_context(|| file.display().to_string())?;
    let minisig = match signature {
        Some(signature) => {
            std::fs::read_to_string(&signature).with_context(|| signature.display().to_string())?
        }
        None => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".minisig");
            read_if_there(Path::new(&beside))?.unwrap_or_default()
        }
    };
    let name = match name.or_else(|| signed_name(&minisig)) {
        Some(name) => name,
        None => file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .map(|stem| stem.replace('_', "-"))
            .context("--name is needed: neither the signature nor the file says it")?,
    };
    let body = Body::File {
        wasm,
        minisig: &minisig,
        progress: !how.json && std::io::stderr().is_terminal(),
    };
    let path = format!("/v1/components/{}/revisions", part(&name)?);
    let answer = how.access.ask(Method::POST, &path, body)?;
    how.say(&answer, out, |answer, out| {
        let was = match answer["new"].as_bool() {
            Some(false) => "was there already",
            _ => "pushed",
        };
        writeln!(
            out,
            "{name} {} ({}) {was}; it serves nobody until it is activated",
            text(answer, "version"),
            short(text(answer, "digest")),
        )?;
        if let Some(held) = answer.get("held") {
            writeln!(
                out,
                "it would not be admitted now: {} ({})",
                text(held, "reason"),
                text(held, "code"),
            )?;
        }
        Ok(())
    })
}

fn remove(
    name: &str,
    revision: &str,
    yes: bool,
    dry_run: bool,
    how: &How,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let path = format!(
        "/v1/components/{}/revisions/{}",
        part(name)?,
        part(revision)?
    );
    let would = how.access.ask(
        Method::DELETE,
        &format!("{path}?dryRun=true"),
        Body::Nothing,
    )?;
    let what = format!(
        "{name} {} ({})",
        text(&would, "version"),
        short(text(&would, "digest"))
    );
    if dry_run {
        return how.say(&would, out, |_, out| {
            Ok(writeln!(out, "would forget {what}")?)
        });
    }
    if !yes {
        if !std::io::stdin().is_terminal() {
            bail!("{what} would be forgotten, which can't be undone: say --yes");
        }
        eprint!("Forget {what}? This can't be undone. [y/N] ");
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            bail!("nothing was done");
        }
    }
    how.access.ask(Method::DELETE, &path, Body::Nothing)?;
    how.say(&would, out, |_, out| Ok(writeln!(out, "forgot {what}")?))
}

fn list(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&["COMPONENT", "VERSION", "DIGEST", "SERVES", "PUSHED", "BY"]);
    for component in array(answer, "components") {
        let name = text(component, "name");
        for revision in array(component, "revisions") {
            let serves = match (text(revision, "serves"), component.get("canary")) {
                ("canary", Some(canary)) => format!(
                    "canary {}%, {} healthy calls",
                    canary["weight"], canary["healthyCalls"]
                ),
                (serves, _) => serves.to_owned(),
            };
            table.row([
                name,
                text(revision, "version"),
                short(text(revision, "digest")),
                &serves,
                text(revision, "pushedAt"),
                text(revision, "pushedBy"),
            ]);
        }
    }
    write!(out, "{table}")?;
    for component in array(answer, "components") {
        for host in array(component, "hosts") {
            let problem = text(host, "problem");
            if problem != "-" {
                writeln!(
                    out,
                    "{} on {} stays where it is: {problem}",
                    text(component, "name"),
                    text(host, "host"),
                )?;
            }
        }
    }
    Ok(())
}

fn history(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&["EPOCH", "TIME", "WHAT", "FROM", "TO", "WHO", "WHY"]);
    for change in array(answer, "history") {
        table.row([
            &change["epoch"].to_string(),
            text(change, "time"),
            text(change, "what"),
            short(text(change, "from")),
            short(text(change, "to")),
            text(change, "who"),
            text(change, "why"),
        ]);
    }
    Ok(write!(out, "{table}")?)
}

fn hosts(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        "HOST",
        "COMPONENT",
        "EPOCH",
        "STABLE",
        "CANARY",
        "SEEN",
        "PROBLEM",
    ]);
    for component in array(answer, "components") {
        for host in array(component, "hosts") {
            table.row([
                text(host, "host"),
                text(host, "component"),
                &host["epoch"].to_string(),
                short(text(host, "stable")),
                short(text(host, "canary")),
                text(host, "seenAt"),
                text(host, "problem"),
            ]);
        }
    }
    Ok(write!(out, "{table}")?)
}

/// One sentence about a change.
fn change(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let named = |version: &str, digest: &str| {
        format!(
            "{} ({})",
            text(answer, version),
            short(text(answer, digest))
        )
    };
    let (from, to) = (named("fromVersion", "from"), named("toVersion", "to"));
    let would = answer["dryRun"].as_bool() == Some(true);
    let name = text(answer, "component");
    let sentence = match (text(answer, "what"), &answer["canary"]) {
        ("canary", weight) => format!(
            "{to} {} {weight}% of the callers, {from} the others",
            if would { "would serve" } else { "serves" },
        ),
        ("rolled-back", _) => format!(
            "{to} {} everybody again, {from} nobody",
            if would { "would serve" } else { "serves" },
        ),
        _ => format!(
            "{to} {} everybody; a rollback {} to {from}",
            if would { "would serve" } else { "serves" },
            if would { "would return" } else { "returns" },
        ),
    };
    Ok(writeln!(out, "{name}: {sentence}")?)
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

/// The name in the statement of a signature, unverified: the host verifies it.
fn signed_name(minisig: &str) -> Option<String> {
    minisig
        .lines()
        .find(|line| line.starts_with("trusted comment:"))?
        .split(' ')
        .find_map(|word| word.strip_prefix("name="))
        .map(str::to_owned)
}

/// A text that can stand in a path.
fn part(text: &str) -> anyhow::Result<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:+".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        bail!("`{text}`: expected letters, digits and -._:+");
    }
    Ok(text)
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or("-")
}

fn array<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Enough of a digest to tell revisions apart, and to name one.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn name_is_read_from_the_statement() {
        let minisig = "untrusted comment: x name=other\nRUQ\ntrusted comment: zeropass-component name=auth-service version=1.0.0\nabc\n";
        assert_eq!(signed_name(minisig).as_deref(), Some("auth-service"));
        assert_eq!(signed_name("untrusted comment: name=x\n"), None);
    }

    #[test]
    fn changes_are_told_in_one_sentence() {
        let told = |what: &str, dry_run: bool, canary: Option<u8>| {
            let answer = json!({
                "component": "auth-service", "what": what, "dryRun": dry_run, "canary": canary,
                "from": "a".repeat(64), "fromVersion": "1.0.0",
                "to": "b".repeat(64), "toVersion": "1.1.0",
            });
            let mut out = Vec::new();
            change(&answer, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            told("activated", false, None),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) serves everybody; a rollback returns to 1.0.0 (aaaaaaaaaaaa)\n"
        );
        assert_eq!(
            told("canary", true, Some(5)),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) would serve 5% of the callers, 1.0.0 (aaaaaaaaaaaa) the others\n"
        );
        assert_eq!(
            told("rolled-back", false, None),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) serves everybody again, 1.0.0 (aaaaaaaaaaaa) nobody\n"
        );
    }

    #[test]
    fn path_takes_no_slash_from_an_argument() {
        assert!(part("auth-service").is_ok());
        assert!(part("../policy").is_err());
        assert!(part("").is_err());
    }
}
