//! `zeropass component push`: a revision out of a file, or out of a registry that the host
//! pulls from.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::client::{Body, read_if_there};
use super::say::{short, text};
use super::{How, part};

/// How often the host is asked how far it is.
const LOOK: Duration = Duration::from_millis(300);

/// Arguments of `component push`.
#[derive(Debug, Args)]
pub struct Push {
    /// The component file; its signature is in FILE.minisig.
    #[arg(
        value_name = "FILE",
        required_unless_present = "oci",
        conflicts_with = "oci"
    )]
    file: Option<PathBuf>,
    /// Instead of a file: let the host pull oci://HOST/REPOSITORY@sha256:DIGEST, from a
    /// registry of its [oci] section.
    #[arg(long, value_name = "REFERENCE")]
    oci: Option<String>,
    /// The component's name, where neither the signature nor the repository says it.
    #[arg(long)]
    name: Option<String>,
    /// The signature, where it is elsewhere.
    #[arg(long, value_name = "FILE", conflicts_with = "oci")]
    signature: Option<PathBuf>,
    /// Say whether it would be taken and admitted, and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Whom to ask.
    #[command(flatten)]
    how: How,
}

// === impl Push ===

impl Push {
    /// False when it would not be admitted and that was the question.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<bool> {
        let (name, answer) = match (&self.oci, &self.file) {
            (Some(reference), _) => self.pull(reference)?,
            (None, Some(file)) => self.send(file)?,
            (None, None) => anyhow::bail!("a FILE or --oci is needed"),
        };
        self.how
            .say(&answer, out, |answer, out| told(&name, answer, out))?;
        Ok(!self.dry_run || answer.get("held").is_none_or(Value::is_null))
    }

    /// Let the host pull it.
    fn pull(&self, reference: &str) -> anyhow::Result<(String, Value)> {
        let reference = match reference.starts_with("oci://") {
            true => reference.to_owned(),
            false => format!("oci://{reference}"),
        };
        let name = match &self.name {
            Some(name) => name.clone(),
            None => repository(&reference).context("--name is needed: the reference has none")?,
        };
        let form = json!({ "oci": reference });
        let path = self.path(&name)?;
        let ask = || {
            let form = Body::Reference(&form);
            self.how.access.ask(Method::POST, &path, form)
        };
        let answer = match !self.how.json && std::io::stderr().is_terminal() {
            true => watched(&self.how, ask),
            false => ask(),
        };
        Ok((name, answer?))
    }

    /// Send the file.
    fn send(&self, file: &Path) -> anyhow::Result<(String, Value)> {
        let wasm = std::fs::read(file).with_context(|| file.display().to_string())?;
        let minisig = match &self.signature {
            Some(signature) => std::fs::read_to_string(signature)
                .with_context(|| signature.display().to_string())?,
            None => {
                let mut beside = file.as_os_str().to_owned();
                beside.push(".minisig");
                read_if_there(Path::new(&beside))?.unwrap_or_default()
            }
        };
        let name = match self.name.clone().or_else(|| signed_name(&minisig)) {
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
            progress: !self.how.json && std::io::stderr().is_terminal(),
        };
        let path = self.path(&name)?;
        let answer = self.how.access.ask(Method::POST, &path, body)?;
        Ok((name, answer))
    }

    fn path(&self, name: &str) -> anyhow::Result<String> {
        let query = if self.dry_run { "?dryRun=true" } else { "" };
        Ok(format!("/v1/components/{}/revisions{query}", part(name)?))
    }
}

/// Pull with a bar for people: how far the host is, as its status says.
fn watched(how: &How, pull: impl FnOnce() -> anyhow::Result<Value>) -> anyhow::Result<Value> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("pulling {bar:30} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // An operator who may not ask sees a bar that stands still.
                if let Ok(status) = how.get("/v1/status") {
                    let pull = |member: &str| status.get("pull")?.get(member)?.as_u64();
                    bar.set_length(pull("total").unwrap_or_default());
                    bar.set_position(pull("done").unwrap_or_default());
                }
                std::thread::sleep(LOOK);
            }
        });
        let answer = pull();
        ended.store(true, Ordering::Relaxed);
        bar.finish_and_clear();
        answer
    })
}

fn told(name: &str, answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let dry_run = answer["dryRun"].as_bool() == Some(true);
    let was = match (dry_run, answer["new"].as_bool()) {
        (true, Some(false)) => "is there already",
        (true, _) => "would be pushed",
        (false, Some(false)) => "was there already",
        (false, _) => "pushed",
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
}

/// The last part of the repository in a reference.
fn repository(reference: &str) -> Option<String> {
    let path = reference.strip_prefix("oci://")?.split('@').next()?;
    let (_, last) = path.rsplit_once('/')?;
    let name = last.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The name in the statement of a signature, unverified: the host verifies it.
fn signed_name(minisig: &str) -> Option<String> {
    minisig
        .lines()
        .find(|line| line.starts_with("trusted comment:"))?
        .split(' ')
        .find_map(|word| word.strip_prefix("name="))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_read_from_the_statement() {
        let minisig = "untrusted comment: x name=other\nRUQ\ntrusted comment: zeropass-component name=auth-service version=1.0.0\nabc\n";
        assert_eq!(signed_name(minisig).as_deref(), Some("auth-service"));
        assert_eq!(signed_name("untrusted comment: name=x\n"), None);
    }

    #[test]
    fn repository_is_named_as_the_component() {
        let name = |reference| repository(reference);
        let digest = "oci://registry.example:5000/team/auth-service@sha256:00";
        assert_eq!(name(digest).as_deref(), Some("auth-service"));
        let tag = "oci://registry.example/passkey-manager:1";
        assert_eq!(name(tag).as_deref(), Some("passkey-manager"));
        assert_eq!(name("oci://registry.example"), None);
    }
}
