//! The rows, in the order of the table.

mod assertion;
mod audit;
mod cold_start;
mod enumeration;
mod handshake;
mod instance;
mod link;
mod login;
mod policy;
mod rollback;
mod swap;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::report::Row;

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// An ES256 assertion in and out of the sandbox.
    Assertion,
    /// A fresh instance.
    Instance,
    /// A call through the link.
    Link,
    /// A full handshake.
    Handshake,
    /// A policy decision.
    Policy,
    /// An audited write.
    Write,
    /// What auditing costs, and verification.
    Audit,
    /// A whole sign-in.
    Login,
    /// A known name beside an unknown one.
    Enumeration,
    /// Start and memory of the host.
    ColdStart,
    /// Revisions that change under load.
    Swap,
    /// Back to the revision before.
    Rollback,
}

/// Where things are.
#[derive(Debug)]
pub struct Places {
    components: PathBuf,
    binaries: PathBuf,
    /// The policies that are shipped, in the checkout.
    pub policies: PathBuf,
    /// A folder on the same disk as the binaries: the temporary folder of a system
    /// may be memory, where nothing is ever written to a disk.
    pub scratch: TempDir,
}

const ALL: [Group; 12] = [
    Group::Assertion,
    Group::Instance,
    Group::Link,
    Group::Handshake,
    Group::Policy,
    Group::Write,
    Group::Audit,
    Group::Login,
    Group::Enumeration,
    Group::ColdStart,
    Group::Rollback,
    // Last: what it has written goes on reaching the disk after it.
    Group::Swap,
];

/// The groups of which `--only` names one, or a row of one; else all.
///
/// # Errors
/// There is no such group.
pub fn chosen(only: Option<&str>) -> anyhow::Result<Vec<Group>> {
    let Some(only) = only else {
        return Ok(ALL.to_vec());
    };
    let group = only.split('/').next().unwrap_or(only);
    let found: Vec<_> = ALL.into_iter().filter(|one| one.id() == group).collect();
    if found.is_empty() {
        let known: Vec<_> = ALL.iter().map(|group| group.id()).collect();
        anyhow::bail!(
            "--only {only}: no such row; groups are {}",
            known.join(", ")
        );
    }
    Ok(found)
}

// === impl Group ===

impl Group {
    /// The name for `--only`, and the first part of its rows' names.
    pub fn id(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Instance => "instance",
            Self::Link => "link",
            Self::Handshake => "handshake",
            Self::Policy => "policy",
            Self::Write => "write",
            Self::Audit => "audit",
            Self::Login => "login",
            Self::Enumeration => "enumeration",
            Self::ColdStart => "cold-start",
            Self::Swap => "swap",
            Self::Rollback => "rollback",
        }
    }

    /// Measure its rows.
    ///
    /// # Errors
    /// Why they can't be measured.
    pub async fn measure(self, places: &Arc<Places>) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Assertion => assertion::measure(places).await,
            Self::Instance => instance::measure(places).await,
            Self::Link => link::measure(places).await,
            Self::Handshake => handshake::measure(places).await,
            Self::Policy => policy::measure(places).await,
            Self::Write => write::measure(places).await,
            Self::Audit => audit::measure(places).await,
            Self::Login => login::measure(places).await,
            Self::Enumeration => enumeration::measure(places).await,
            Self::ColdStart => cold_start::measure(places).await,
            Self::Swap => swap::measure(places).await,
            Self::Rollback => rollback::measure(places).await,
        }
    }
}

// === impl Places ===

impl Places {
    /// As `cargo xtask bench` says, from the root of the checkout.
    ///
    /// # Errors
    /// A variable or a folder is missing.
    pub fn from_environment() -> anyhow::Result<Self> {
        let folder = |name: &str| -> anyhow::Result<PathBuf> {
            let value = std::env::var_os(name).with_context(|| {
                format!("{name} is not set; start the bench with `cargo xtask bench`")
            })?;
            std::path::absolute(&value).with_context(|| name.to_owned())
        };
        let binaries = folder("ZEROPASS_BINARIES")?;
        let scratch = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(&binaries)
            .with_context(|| binaries.display().to_string())?;
        Ok(Self {
            components: folder("ZEROPASS_COMPONENTS")?,
            policies: std::path::absolute("policies")?,
            binaries,
            scratch,
        })
    }

    /// A component's file.
    pub fn component(&self, name: &str) -> PathBuf {
        let file = format!("{}.wasm", name.replace('-', "_"));
        self.components.join(file)
    }

    /// The host's binary.
    pub fn zeropass(&self) -> PathBuf {
        self.binaries.join("zeropass")
    }

    /// An empty folder for one part of a run.
    ///
    /// # Errors
    /// It can't be made, or is there.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        make(&folder)?;
        Ok(folder)
    }
}

fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_chooses_its_group_and_an_unknown_one_is_refused() {
        assert_eq!(chosen(None).unwrap().len(), ALL.len());
        assert_eq!(chosen(Some("link")).unwrap(), [Group::Link]);
        assert_eq!(chosen(Some("login/p99")).unwrap(), [Group::Login]);
        assert!(chosen(Some("nothing")).is_err());
    }
}
