//! `zeropass component inspect`: all that can be said about a file without running
//! it and without a network.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use wasmtime::component::Component;

use super::minisig;
use crate::audit::ComponentIdentity;
use crate::clock::{Clock as _, SystemClock, rfc3339};
use crate::policy::{Bundle, Gate, key_id};
use crate::registry::signature::Signature;
use crate::registry::{Item, SignedComponent, Statement, Surface, sha256, verify};
use crate::runtime::engine::inspection;

/// Arguments of `component inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The component file. Its signature is looked for in FILE.minisig.
    file: PathBuf,
    /// The signature, if it is elsewhere.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// The policy that decides whom to trust and what to grant.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<PathBuf>,
    /// More signers than those in the policy folder.
    #[arg(long, value_name = "FOLDER", requires = "policy")]
    signers: Option<PathBuf>,
    /// The name to judge it under, if not the one in its statement.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was found out.
struct Findings {
    file: PathBuf,
    component: SignedComponent,
    name: Option<String>,
    statement: Option<Statement>,
    /// Whether signature and statement hold, and why not; none without a policy.
    trusted: Option<Result<String, String>>,
    surface: Surface,
    /// For each import whether policy grants it; empty without a policy or name.
    granted: BTreeMap<String, bool>,
}

// === impl Inspect ===

impl Inspect {
    /// True unless a policy was given and would not let the file in.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<bool> {
        let json = self.json;
        let findings = self.find()?;
        if json {
            let value = findings.json();
            writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        } else {
            findings.write(out)?;
        }
        Ok(findings.is_well())
    }

    fn find(self) -> anyhow::Result<Findings> {
        let wasm = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        let signature = self.signature.unwrap_or_else(|| minisig(&self.file));
        let minisig = match std::fs::read_to_string(&signature) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context(signature.display().to_string()),
        };
        let statement = Signature::parse(&minisig)
            .ok()
            .and_then(|signature| Statement::parse(signature.comment()).ok());
        let name = self
            .name
            .or_else(|| statement.as_ref().map(|statement| statement.name.clone()));
        let surface = surface(&wasm).with_context(|| self.file.display().to_string())?;
        let component = SignedComponent {
            wasm: wasm.into(),
            minisig,
        };
        let (mut trusted, mut granted) = (None, BTreeMap::new());
        if let Some(folder) = &self.policy {
            let bundle = Bundle::load_with_signers(folder, self.signers.as_deref())?;
            if let Some(name) = &name {
                let now = SystemClock.now();
                let verified = verify(name, &component, bundle.signers(), now);
                trusted = Some(match verified {
                    Ok(verified) => Ok(verified.signer),
                    Err(distrust) => Err(format!("{}: {distrust}", distrust.code())),
                });
                let gate = Gate::new(bundle, Vec::new(), Arc::new(SystemClock))?;
                let identity = ComponentIdentity {
                    name: name.clone(),
                    digest: sha256(&component.wasm),
                    revision: statement
                        .as_ref()
                        .map(|statement| statement.version.to_string())
                        .unwrap_or_default(),
                };
                granted = surface
                    .imports
                    .iter()
                    .filter(|(_, item)| !is_vocabulary(item))
                    .map(|(import, _)| (import.clone(), gate.may_link(&identity, import).allowed))
                    .collect();
            }
        }
        Ok(Findings {
            file: self.file,
            component,
            name,
            statement,
            trusted,
            surface,
            granted,
        })
    }
}

/// Compiled in the quickest way there is: only the types are looked at.
pub(super) fn surface(wasm: &[u8]) -> anyhow::Result<Surface> {
    let engine = inspection().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let component = Component::new(&engine, wasm).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    Ok(Surface::of(&component))
}

fn is_vocabulary(item: &Item) -> bool {
    matches!(item, Item::Interface(functions) if functions.is_empty())
}

// === impl Findings ===

impl Findings {
    fn is_well(&self) -> bool {
        self.trusted.as_ref().is_none_or(Result::is_ok) && self.granted.values().all(|it| *it)
    }

    fn write(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let wasm = &self.component.wasm;
        writeln!(out, "file       {}", self.file.display())?;
        writeln!(out, "digest     sha256:{}", sha256(wasm))?;
        writeln!(out, "size       {} bytes", wasm.len())?;
        match (&self.statement, Signature::parse(&self.component.minisig)) {
            (_, _) if self.component.minisig.is_empty() => writeln!(out, "signature  none")?,
            (_, Err(error)) => writeln!(out, "signature  {error}")?,
            (statement, Ok(signature)) => {
                writeln!(out, "signature  key {}", key_id(signature.key_id()))?;
                if let Some(statement) = statement {
                    writeln!(out, "name       {}", statement.name)?;
                    writeln!(out, "version    {}", statement.version)?;
                    writeln!(out, "world      {}", statement.world)?;
                    writeln!(out, "signed at  {}", rfc3339(statement.time))?;
                }
            }
        }
        match &self.trusted {
            Some(Ok(signer)) => writeln!(out, "trusted    yes, signed by {signer}")?,
            Some(Err(reason)) => writeln!(out, "trusted    NO, {reason}")?,
            None => writeln!(
                out,
                "trusted    not judged; --policy FOLDER says whom to trust"
            )?,
        }
        writeln!(out, "\nimports")?;
        self.write_items(&self.surface.imports, out)?;
        writeln!(out, "\nexports")?;
        self.write_items(&self.surface.exports, out)
    }

    fn write_items(
        &self,
        items: &BTreeMap<String, Item>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        if items.is_empty() {
            writeln!(out, "  (none)")?;
        }
        for (name, item) in items {
            let grant = match self.granted.get(name) {
                Some(true) => "  granted",
                Some(false) => "  NOT GRANTED",
                None => "",
            };
            writeln!(out, "  {name}{grant}")?;
            let functions: Vec<&str> = match item {
                Item::Interface(functions) => functions.keys().map(String::as_str).collect(),
                Item::Function(_) | Item::Other(_) => Vec::new(),
            };
            if !functions.is_empty() {
                writeln!(out, "    {}", functions.join(", "))?;
            }
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let items = |items: &BTreeMap<String, Item>| -> Value {
            items
                .iter()
                .map(|(name, item)| {
                    let functions = match item {
                        Item::Interface(functions) => json!(functions),
                        Item::Function(signature) => json!({ "": signature }),
                        Item::Other(kind) => json!(kind),
                    };
                    let granted = self.granted.get(name);
                    (
                        name.clone(),
                        json!({"functions": functions, "granted": granted}),
                    )
                })
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let signature = Signature::parse(&self.component.minisig).ok();
        json!({
            "digest": sha256(&self.component.wasm),
            "bytes": self.component.wasm.len(),
            "name": self.name,
            "keyId": signature.map(|signature| key_id(signature.key_id())),
            "statement": self.statement.as_ref().map(|statement| json!({
                "name": statement.name,
                "version": statement.version.to_string(),
                "digest": statement.digest,
                "world": statement.world,
                "time": rfc3339(statement.time),
            })),
            "trusted": self.trusted.as_ref().map(Result::is_ok),
            "signer": self.trusted.as_ref().and_then(|trusted| trusted.as_ref().ok()),
            "reason": self.trusted.as_ref().and_then(|trusted| trusted.as_ref().err()),
            "imports": items(&self.surface.imports),
            "exports": items(&self.surface.exports),
        })
    }
}
