//! What is wrong with a configuration, said so that it can be mended at once:
//! file, line, key, value, and what is expected.
//!
//! Values are shown as they stand in the file, cut when long. Nobody should put a
//! key or a password into this file, but people do: PEM text and the values of
//! unknown keys are never repeated.

use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file itself can't be read.
    #[error("{}: {source}: expected a configuration file; zeropass.example.toml shows every setting", file.display())]
    Unreadable {
        /// As it was named on the command line.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Its content is wrong, in at least one place.
    #[error("{}", Listed { file, problems })]
    Invalid {
        /// As it was named on the command line.
        file: PathBuf,
        /// All problems, in the order of lines.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1; none when it belongs to no line, as a missing section does.
    pub line: Option<usize>,
    /// What is wrong and what is expected, starting with the dotted key.
    pub message: String,
}

struct Listed<'a> {
    file: &'a Path,
    problems: &'a [Problem],
}

/// The longest part of a value that a message repeats, in characters.
const SHOWN: usize = 80;

/// The text of a value, safe and short enough for a message.
pub(super) fn shown(text: &str) -> String {
    if text.contains("-----BEGIN") {
        return "(PEM text, not shown)".to_owned();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

// === impl Listed ===

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}
