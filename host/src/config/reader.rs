//! One reading of one TOML document: every problem is collected instead of stopping at
//! the first, and every setting that was asked for is kept for `config check`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::error::Problem;

/// Whether files that must exist are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Checked,
    Unchecked,
}

/// A setting as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The table that holds it, for example `service` or `relying-party[0]`.
    pub section: String,
    /// Its key in that table.
    pub key: &'static str,
    /// Its value in TOML; none when it is optional and absent.
    pub value: Option<String>,
    /// Where the value comes from.
    pub given: Given,
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The configuration file.
    File,
    /// The default, because the file is silent.
    Default,
}

/// One reading of one document.
pub(super) struct Reader<'a> {
    source: &'a str,
    folder: PathBuf,
    files: Files,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, folder: PathBuf, files: Files) -> Self {
        Self {
            source,
            folder,
            files,
            found: RefCell::default(),
        }
    }

    /// The document, or None when it is not TOML. The messages of the parser carry no text of
    /// the file, only the place.
    pub(super) fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        let (document, errors) = DeTable::parse_recoverable(self.source);
        for error in &errors {
            let line = error.span().map(|span| self.line(span.start));
            self.problem(line, format!("not valid TOML: {}", error.message()));
        }
        errors.is_empty().then_some(document)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Problems in the order of lines, and settings in the order of reading.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Setting>) {
        let Found {
            mut problems,
            settings,
        } = self.found.into_inner();
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        (problems, settings)
    }

    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    pub(super) fn files(&self) -> Files {
        self.files
    }

    pub(super) fn note(&self, setting: Setting) {
        self.found.borrow_mut().settings.push(setting);
    }

    pub(super) fn problem(&self, line: Option<usize>, message: String) {
        let problem = Problem { line, message };
        self.found.borrow_mut().problems.push(problem);
    }

    /// The line of a place in the document, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.source.get(..offset).unwrap_or(self.source);
        before.matches('\n').count() + 1
    }
}
