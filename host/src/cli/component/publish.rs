//! `zeropass component publish`: a component and its signature into a registry.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::inspect::surface;
use super::{RegistryArguments, block_on, minisig, told};
use crate::cli::caution::Caution;
use crate::registry::oci::{OciReference, Registry};
use crate::registry::signature::Signature;
use crate::registry::{SignedComponent, sha256};

/// Arguments of `component publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// The component file. Its signature is looked for in FILE.minisig.
    file: PathBuf,
    /// Where it goes: oci://HOST/REPOSITORY:TAG
    reference: String,
    /// Publish a component that is not signed, too.
    #[arg(long)]
    unsigned: bool,
    /// What was published as JSON.
    #[arg(long)]
    json: bool,
    /// Whether to ask before a tag leads to another artifact than now.
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    registry: RegistryArguments,
}

// === impl Publish ===

impl Publish {
    /// Say under which digest it can be fetched.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let wasm = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        let signature = minisig(&self.file);
        let minisig = match std::fs::read_to_string(&signature) {
            Ok(text) => {
                Signature::parse(&text).with_context(|| signature.display().to_string())?;
                text
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.unsigned => {
                String::new()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} is missing: sign the component first (`zeropass component sign`), or publish it with --unsigned",
                signature.display()
            ),
            Err(error) => return Err(error).context(signature.display().to_string()),
        };
        let surface = surface(&wasm).with_context(|| self.file.display().to_string())?;
        let registry = Registry::new(OciReference::parse(&self.reference)?, &self.registry.into())?;
        let component = SignedComponent {
            wasm: wasm.into(),
            minisig,
        };
        let next = registry.named(&component, &surface);
        let now = block_on(registry.tagged())?;
        if now.as_ref().is_some_and(|now| *now != next) && !self.caution.dry_run() {
            let what = format!("{} leads to another artifact", self.reference);
            self.caution.confirmed(&what)?;
        }
        let reference = match self.caution.dry_run() {
            true => next,
            false => block_on(registry.publish(&component, &surface))?,
        };
        if self.json {
            let published = json!({
                "reference": reference,
                "digest": sha256(&component.wasm),
                "signed": !component.minisig.is_empty(),
                "before": now,
                "dryRun": self.caution.dry_run(),
            });
            return told(&published, out);
        }
        match self.caution.dry_run() {
            true => writeln!(out, "would publish {reference}")?,
            false => writeln!(out, "published {reference}")?,
        }
        Ok(())
    }
}
