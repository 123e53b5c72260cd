//! `zeropass component fetch`: a component and its signature out of a registry.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{RegistryArguments, block_on, minisig, told};
use crate::cli::caution::Caution;
use crate::registry::oci::{MAX_COMPONENT, OciReference, Registry};
use crate::registry::sha256;

/// Arguments of `component fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// What to fetch: oci://HOST/REPOSITORY@sha256:DIGEST
    reference: String,
    /// Where the component goes; its signature goes to FILE.minisig.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The largest component that is fetched, bytes.
    #[arg(long, value_name = "BYTES", default_value_t = MAX_COMPONENT)]
    limit: u64,
    /// What was fetched as JSON.
    #[arg(long)]
    json: bool,
    /// Whether to ask before a file that is there is overwritten.
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    registry: RegistryArguments,
}

// === impl Fetch ===

impl Fetch {
    /// Both files appear when the transfer was whole and true, or neither does.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let reference = OciReference::parse(&self.reference)?;
        let registry = Registry::new(reference, &self.registry.into())?;
        let bar = bar();
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let fetched = block_on(registry.fetch(self.limit, &progress));
        bar.finish_and_clear();
        let component = fetched?;
        let signature = minisig(&self.output);
        let dry_run = self.caution.dry_run();
        if !dry_run {
            for (file, next) in [
                (&self.output, &*component.wasm),
                (&signature, component.minisig.as_bytes()),
            ] {
                if differs(file, next)? {
                    let what = format!("{} is there, and is overwritten", file.display());
                    self.caution.confirmed(&what)?;
                    break;
                }
            }
        }
        if dry_run {
            // The transfer was whole and true; that is all.
        } else if component.minisig.is_empty() {
            // One that lies there from before is not this component's.
            match std::fs::remove_file(&signature) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).context(signature.display().to_string());
                }
                _ => {}
            }
        } else {
            write(&signature, component.minisig.as_bytes())?;
        }
        if !dry_run {
            write(&self.output, &component.wasm)?;
        }
        if self.json {
            let fetched = json!({
                "file": self.output,
                "size": component.wasm.len(),
                "digest": sha256(&component.wasm),
                "signed": !component.minisig.is_empty(),
                "dryRun": dry_run,
            });
            return told(&fetched, out);
        }
        writeln!(
            out,
            "{} {} ({} bytes, sha256:{}), {}",
            if dry_run { "would fetch" } else { "fetched" },
            self.output.display(),
            component.wasm.len(),
            sha256(&component.wasm),
            if component.minisig.is_empty() {
                "not signed".to_owned()
            } else if dry_run {
                "signed".to_owned()
            } else {
                format!("its signature is in {}", signature.display())
            }
        )?;
        Ok(())
    }
}

/// On a terminal; elsewhere it shows nothing.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Whether a file is there that has other content.
fn differs(path: &Path, next: &[u8]) -> anyhow::Result<bool> {
    match std::fs::read(path) {
        Ok(now) => Ok(now != next),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context(path.display().to_string()),
    }
}

/// The whole file or nothing.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file =
        tempfile::NamedTempFile::new_in(folder).with_context(|| folder.display().to_string())?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .with_context(|| path.display().to_string())?;
    file.persist(path)
        .with_context(|| path.display().to_string())?;
    Ok(())
}
