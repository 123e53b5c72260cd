//! Where things are: the checkout and what cargo builds from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The checkout and its target folder.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

// === impl Workspace ===

impl Workspace {
    /// Finds the checkout that this program was built from. `CARGO_TARGET_DIR`
    /// moves the target folder, as it does for cargo itself.
    pub fn locate() -> Result<Self> {
        // Cargo sets this at run time too, so a moved checkout is found again.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask is not inside the checkout")?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder).context("CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// A checkout somewhere else.
    #[cfg(test)]
    pub fn of(root: PathBuf, target: PathBuf) -> Self {
        Self { root, target }
    }

    /// The top of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one of the host side's binaries, in the profile `dev` or `release`.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.binaries(profile).join(name)
    }

    /// The folder with the host side's binaries.
    pub fn binaries(&self, profile: &str) -> PathBuf {
        self.target
            .join(if profile == "dev" { "debug" } else { profile })
    }

    /// The folder with the built components.
    pub fn components(&self) -> PathBuf {
        self.target.join("wasm32-wasip2/component")
    }

    /// One built component: `auth-service` or `passkey-manager`.
    pub fn component(&self, name: &str) -> PathBuf {
        self.components()
            .join(format!("{}.wasm", name.replace('-', "_")))
    }

    /// The folder with the built guest programs of the isolation tests.
    pub fn guests(&self) -> PathBuf {
        self.components().join("examples")
    }

    /// Where `--long` keeps the command line tools that it installs.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A cargo command at the top of the checkout.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.arg(subcommand).current_dir(&self.root);
        // `cargo run` describes xtask in these. Passed on, they would make build
        // scripts see another environment than under a cargo started by hand.
        for (name, _) in std::env::vars_os() {
            let about_xtask = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if about_xtask {
                command.env_remove(name);
            }
        }
        command
    }
}
