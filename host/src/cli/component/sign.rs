//! `zeropass component sign`: a statement about a file, signed.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::{minisig, told};
use crate::clock::{Clock as _, SystemClock};
use crate::registry::statement::{is_name, parse_version};
use crate::registry::{SigningKey, Statement, sha256};

/// The first bytes of a component in WebAssembly's binary format.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Arguments of `component sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// The component file.
    file: PathBuf,
    /// The minisign secret key.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The component's name: auth-service or passkey-manager.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its version, higher than that of the revision it will follow.
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// The WIT world that it was built for [default: zeropass:components/NAME@1.0.0]
    #[arg(long, value_name = "WORLD")]
    world: Option<String>,
    /// A file with the key's password. Without it the terminal is asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Say what would be signed, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// What was signed as JSON.
    #[arg(long)]
    json: bool,
}

// === impl Sign ===

impl Sign {
    /// Write the signature beside the file and say what was signed.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let wasm = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        if !wasm.starts_with(COMPONENT) {
            bail!(
                "{}: not a WebAssembly component; build it for wasm32-wasip2",
                self.file.display()
            );
        }
        if !is_name(&self.name) {
            bail!(
                "--name \"{}\": expected a name like auth-service",
                self.name
            );
        }
        let Some(version) = parse_version(&self.version) else {
            bail!(
                "--version \"{}\": expected a semantic version like 1.3.0, without build metadata",
                self.version
            );
        };
        let statement = Statement {
            digest: sha256(&wasm),
            world: self
                .world
                .unwrap_or_else(|| Statement::default_world(&self.name)),
            name: self.name,
            version,
            time: SystemClock.now(),
        };
        // What can't be read again is not signed.
        Statement::parse(&statement.to_string())?;
        let password = match &self.password_file {
            Some(file) => Some(
                std::fs::read_to_string(file)
                    .with_context(|| file.display().to_string())?
                    .trim_end_matches(['\r', '\n'])
                    .to_owned(),
            ),
            None => None,
        };
        let key = SigningKey::open(&self.key, password)?;
        let text = key.sign(&wasm, &statement)?;
        let file = minisig(&self.file);
        if !self.dry_run {
            std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
        if self.json {
            let signed = json!({
                "name": statement.name,
                "version": statement.version.to_string(),
                "digest": statement.digest,
                "world": statement.world,
                "key": key.id(),
                "signature": file,
                "dryRun": self.dry_run,
            });
            return told(&signed, out);
        }
        writeln!(
            out,
            "{} {} {} sha256:{}\nwith key {} in {}",
            if self.dry_run { "would sign" } else { "signed" },
            statement.name,
            statement.version,
            statement.digest,
            key.id(),
            file.display()
        )?;
        Ok(())
    }
}
