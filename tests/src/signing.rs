//! Signatures for components in tests.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::registry::statement::parse_version;
use zeropass::registry::{SigningKey, Statement, sha256};

/// A true statement about `wasm`, signed now.
///
/// # Errors
/// The version is none.
pub fn statement(name: &str, version: &str, wasm: &[u8]) -> anyhow::Result<Statement> {
    Ok(Statement {
        name: name.to_owned(),
        version: parse_version(version).with_context(|| format!("{version} is no version"))?,
        digest: sha256(wasm),
        world: Statement::default_world(name),
        time: SystemClock.now(),
    })
}

/// Sign `wasm` as this revision of `name`: the text of its `.minisig` file.
///
/// # Errors
/// The version is none.
pub fn minisig(key: &SigningKey, name: &str, version: &str, wasm: &[u8]) -> anyhow::Result<String> {
    Ok(key.sign(wasm, &statement(name, version, wasm)?)?)
}

/// Sign the component `file` as version `version` of `name`, and write the
/// signature to `folder/NAME.minisig`.
///
/// # Errors
/// A file can't be read or written.
pub fn sign_into(
    folder: &Path,
    key: &SigningKey,
    name: &str,
    version: &str,
    file: &Path,
) -> anyhow::Result<PathBuf> {
    let wasm = std::fs::read(file).with_context(|| file.display().to_string())?;
    let path = folder.join(format!("{name}.minisig"));
    std::fs::write(&path, minisig(key, name, version, &wasm)?)
        .with_context(|| path.display().to_string())?;
    Ok(path)
}
