//! Where the browser and the built programs are: environment variables that
//! `cargo xtask test` sets. Nothing is guessed, so a test never runs on a stale build
//! by accident, and never passes because something is missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Files that exist.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The browser.
    pub chromium: PathBuf,
    /// Its WebDriver server.
    pub chromedriver: PathBuf,
    /// The host.
    pub zeropass: PathBuf,
    /// The demo.
    pub relying_party: PathBuf,
    /// `auth_service.wasm`.
    pub auth_service: PathBuf,
    /// `passkey_manager.wasm`.
    pub passkey_manager: PathBuf,
    /// The Cedar policies of this checkout.
    pub policies: PathBuf,
}

// === impl Environment ===

impl Environment {
    /// Reads `ZEROPASS_CHROMIUM`, `ZEROPASS_CHROMEDRIVER`, `ZEROPASS_BINARIES` and
    /// `ZEROPASS_COMPONENTS`.
    ///
    /// # Errors
    /// One is not set or names nothing; the message says what sets it.
    pub fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let file = |name: &str, below: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            let value = value.with_context(|| {
                format!(
                    "{name} is not set; run `cargo xtask test`, which sets it, or set it by hand"
                )
            })?;
            let file = if below.is_empty() {
                PathBuf::from(value)
            } else {
                Path::new(&value).join(below)
            };
            ensure!(
                file.is_file(),
                "{name}: there is no file {}; `cargo xtask test` builds or installs it",
                file.display()
            );
            std::path::absolute(&file).with_context(|| name.to_owned())
        };
        Ok(Self {
            chromium: file("ZEROPASS_CHROMIUM", "")?,
            chromedriver: file("ZEROPASS_CHROMEDRIVER", "")?,
            zeropass: file("ZEROPASS_BINARIES", "zeropass")?,
            relying_party: file("ZEROPASS_BINARIES", "relying-party")?,
            auth_service: file("ZEROPASS_COMPONENTS", "auth_service.wasm")?,
            passkey_manager: file("ZEROPASS_COMPONENTS", "passkey_manager.wasm")?,
            policies: Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_that_is_not_set_is_named_with_the_mend() {
        let error = Environment::read(|_| None).unwrap_err().to_string();
        assert!(
            error.starts_with("ZEROPASS_CHROMIUM is not set; run `cargo xtask test`"),
            "{error}"
        );
    }

    #[test]
    fn file_that_does_not_exist_is_named_with_its_variable() {
        let error = Environment::read(|_| Some("no-such-folder".into())).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("ZEROPASS_CHROMIUM: there is no file no-such-folder"),
            "{error}"
        );
    }
}
