//! `zeropass config check`: what the host would understand, without starting it.
//!
//! The answer is TOML itself: every setting, the ones that the file leaves out with
//! their defaults. A configuration that can't be used is an error with all its problems,
//! those in the files that it names too: key material, policies, signers and signatures are
//! judged as at a start. Nothing is written, and nobody is asked over a network.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Error, Given, Setting};
use crate::host;

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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let problems = host::problems(&config, &clock);
    if !problems.is_empty() {
        let file = file.to_owned();
        return Err(Error::Invalid { file, problems }.into());
    }
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
#[path = "config_tests.rs"]
mod tests;
