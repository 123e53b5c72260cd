//! The files of a policy folder, read once and in a fixed order.
//!
//! A file that is neither schema, policy, test nor prose is refused: a misspelt
//! suffix must not make a forbid vanish. Hidden entries are skipped (mounted
//! volumes keep their book-keeping in them), links are followed.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::Error;

/// Bytes of all files together.
const MAX_BYTES: u64 = 4 << 20;
/// Files, prose included.
const MAX_FILES: usize = 1_000;

/// The folder of signers.
const SIGNERS: &str = "signers/";

/// What a file is to the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Schema,
    Policies,
    Tests,
    Signers,
}

/// One file of the bundle.
#[derive(Debug)]
pub(super) struct File {
    /// Relative to the policy folder, with `/`.
    pub path: String,
    pub kind: Kind,
    pub text: String,
}

/// Read `folder`, sorted by path, and the signers in the folder `more`.
pub(super) fn read(folder: &Path, more: Option<&Path>) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    let mut budget = MAX_BYTES;
    visit(folder, "", &mut files, &mut budget)?;
    if let Some(more) = more {
        visit(more, SIGNERS, &mut files, &mut budget)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// SHA-256 over the paths and contents, each preceded by its length.
pub(super) fn digest(files: &[File]) -> String {
    let mut context = Context::new(&SHA256);
    for part in files.iter().flat_map(|file| [&file.path, &file.text]) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn visit(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<File>,
    budget: &mut u64,
) -> Result<(), Error> {
    let at = |path: &str| {
        if path.is_empty() {
            folder.display().to_string()
        } else {
            path.to_owned()
        }
    };
    let unreadable = |path: &str| {
        let path = at(path);
        move |source| Error::Read { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(prefix))? {
        let entry = entry.map_err(unreadable(prefix))?;
        let stray = |name: &str| Error::Stray {
            path: format!("{prefix}{name}"),
        };
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(stray(&name.to_string_lossy()));
        };
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        let about = fs::metadata(entry.path()).map_err(unreadable(&path))?;
        if about.is_dir() {
            if !prefix.is_empty() {
                return Err(stray(name));
            }
            visit(&entry.path(), &format!("{name}/"), files, budget)?;
            continue;
        }
        let kind = match kind(prefix, name) {
            Some(kind) => kind,
            None if name.ends_with(".md") => continue,
            None => return Err(stray(name)),
        };
        *budget = budget
            .checked_sub(about.len())
            .ok_or_else(|| Error::TooLarge {
                path: path.clone(),
                limit: format!("{MAX_BYTES} bytes"),
            })?;
        if files.len() == MAX_FILES {
            return Err(Error::TooLarge {
                path,
                limit: format!("{MAX_FILES} files"),
            });
        }
        let text = fs::read_to_string(entry.path()).map_err(unreadable(&path))?;
        files.push(File { path, kind, text });
    }
    Ok(())
}

fn kind(prefix: &str, name: &str) -> Option<Kind> {
    if prefix == "tests/" {
        return name.ends_with(".json").then_some(Kind::Tests);
    }
    if prefix == SIGNERS {
        return name.ends_with(".toml").then_some(Kind::Signers);
    }
    if prefix.is_empty() && name == "schema.cedarschema" {
        return Some(Kind::Schema);
    }
    name.ends_with(".cedar").then_some(Kind::Policies)
}
