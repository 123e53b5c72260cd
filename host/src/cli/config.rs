//! `zeropass config check`: what the host would understand, without starting it.
//!
//! The answer is TOML itself: every setting, the ones that the file leaves out with
//! their defaults. A configuration that can't be used is an error with all its problems.

use std::io::Write;
use std::path::Path;

use crate::config::{Config, Error, Given, Setting};

/// Why a check gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration can't be used.
    #[error(transparent)]
    Config(#[from] Error),
    /// The answer could not be written.
    #[error("the answer can't be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Load `file` and write what was understood to `out`.
///
/// # Errors
/// [`CheckError::Config`] lists every problem of the file; the command ends with
/// exit code 1.
pub fn check(file: &Path, out: &mut dyn Write) -> Result<(), CheckError> {
    let config = Config::load(file)?;
    writeln!(out, "# {}: no problems", file.display())?;
    writeln!(
        out,
        "# relative paths start at {}",
        config.folder().display()
    )?;
    let mut section = None;
    for setting in config.settings() {
        if section != Some(&setting.section) {
            writeln!(out, "\n{}", header(&setting.section))?;
            section = Some(&setting.section);
        }
        writeln!(out, "{}", line(setting))?;
    }
    Ok(())
}

/// An entry of a list of tables is told by its index: `relying-party[0]`.
fn header(section: &str) -> String {
    match section.split_once('[') {
        Some((list, _)) => format!("[[{list}]]"),
        None => format!("[{section}]"),
    }
}

fn line(setting: &Setting) -> String {
    let key = setting.key;
    match (&setting.value, setting.given) {
        (Some(value), Given::File) => format!("{key} = {value}"),
        (Some(value), Given::Default) => format!("{key} = {value}  # default"),
        (None, _) => format!("# {key} is not set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        [service]
        certificate = "host.pem"
        key = "host.key"
        client-ca = "ca.pem"
        trust-domain = "zeropass.internal"
        [policy]
        folder = "."
        [components.auth-service]
        file = "auth.wasm"
        [components.passkey-manager]
        file = "passkeys.wasm"
        [link]
        kind = "in-process"
        [[relying-party]]
        id = "localhost"
        name = "Demo"
        origins = ["http://localhost:8080"] # the demo
        workloads = ["spiffe://zeropass.internal/demo"]
    "#;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "host.pem",
            "host.key",
            "ca.pem",
            "auth.wasm",
            "passkeys.wasm",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn answer_shows_given_values_and_defaults_and_reads_back_as_the_same() {
        let folder = folder();
        let file = folder.path().join("zeropass.toml");
        std::fs::write(&file, MINIMAL).unwrap();
        let mut out = Vec::new();
        check(&file, &mut out).unwrap();
        let answer = String::from_utf8(out).unwrap();
        assert!(
            answer.contains("\ntrust-domain = \"zeropass.internal\"\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\nbody-limit = \"64KiB\"  # default\n"),
            "{answer}"
        );
        assert!(
            answer.contains("\norigins = [\"http://localhost:8080\"]\n"),
            "{answer}"
        );
        assert!(answer.contains("\n# enroll-url is not set\n"), "{answer}");

        std::fs::write(&file, &answer).unwrap();
        let again = Config::load(&file).expect("the answer is a configuration");
        assert_eq!(
            again.service,
            Config::parse(MINIMAL, &file).unwrap().service
        );
    }

    #[test]
    fn problems_are_the_error_and_nothing_is_written() {
        let folder = folder();
        let file = folder.path().join("zeropass.toml");
        std::fs::write(&file, MINIMAL.replace("auth.wasm", "absent.wasm")).unwrap();
        let mut out = Vec::new();
        let error = check(&file, &mut out).unwrap_err();
        assert!(matches!(error, CheckError::Config(Error::Invalid { .. })));
        assert!(error.to_string().contains("components.auth-service.file"));
        assert!(out.is_empty());
    }
}
