//! Walks the TOML document section by section, collecting every problem instead
//! of stopping at the first.
//!
//! A setting that can't be read is `None` and a noted problem. A section remembers
//! which keys it was asked for; whatever else stands in it is an unknown key.
//! Defaults are TOML text and go through the same [`Format`] as given values, so
//! that `config check` and the example file show exactly what is used.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, shown};
use super::format::Format;

type Value<'a> = Spanned<DeValue<'a>>;

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

/// One table of the document. An absent table reads as an empty one.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    path: String,
    line: Option<usize>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

/// A value at its place, as a [`Format`] sees it.
pub(super) struct At<'a> {
    reader: &'a Reader<'a>,
    key: String,
    line: Option<usize>,
    source: &'a str,
    value: &'a Value<'a>,
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

    pub(super) fn root(&'a self, table: &'a DeTable<'a>) -> Section<'a> {
        Section {
            reader: self,
            path: String::new(),
            line: None,
            table: Some(table),
            asked: Vec::new(),
        }
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

    fn problem(&self, line: Option<usize>, message: String) {
        let problem = Problem { line, message };
        self.found.borrow_mut().problems.push(problem);
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.source.get(..offset).unwrap_or(self.source);
        before.matches('\n').count() + 1
    }
}

// === impl Section ===

impl<'a> Section<'a> {
    /// A setting that must be there.
    pub(super) fn required<F: Format>(&mut self, key: &'static str, format: F) -> Option<F::Value> {
        if let Some(at) = self.find(key) {
            self.note(key, Some(at.shown()), Given::File);
            return format.read(&at);
        }
        self.note(key, None, Given::File);
        let expected = format.expected();
        let message = format!("{} is missing: expected {expected}", self.dotted(key));
        self.reader.problem(self.line, message);
        None
    }

    /// A setting with a default, which is given in TOML.
    pub(super) fn or<F: Format>(
        &mut self,
        key: &'static str,
        default: &'static str,
        format: F,
    ) -> Option<F::Value> {
        if let Some(at) = self.find(key) {
            self.note(key, Some(at.shown()), Given::File);
            return format.read(&at);
        }
        self.note(key, Some(default.to_owned()), Given::Default);
        let value = match DeValue::parse(default) {
            Ok(value) => value,
            Err(error) => {
                let message = format!("{}: default: {}", self.dotted(key), error.message());
                self.reader.problem(None, message);
                return None;
            }
        };
        format.read(&At {
            reader: self.reader,
            key: self.dotted(key),
            line: self.line,
            source: default,
            value: &value,
        })
    }

    /// A setting that may be absent: `Some(None)`.
    pub(super) fn optional<F: Format>(
        &mut self,
        key: &'static str,
        format: F,
    ) -> Option<Option<F::Value>> {
        if let Some(at) = self.find(key) {
            self.note(key, Some(at.shown()), Given::File);
            return format.read(&at).map(Some);
        }
        self.note(key, None, Given::Default);
        Some(None)
    }

    /// A table inside this one.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> Option<T>,
    ) -> Option<T> {
        let table = match self.find(key) {
            Some(at) => Some(at.table()?),
            None => None,
        };
        let mut section = Section {
            reader: self.reader,
            path: self.dotted(key),
            line: self.line_of(key),
            table,
            asked: Vec::new(),
        };
        let read = read(&mut section);
        section.finish();
        read
    }

    /// A table that may be absent: `Some(None)`.
    pub(super) fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.table.is_some_and(|table| table.contains_key(key)) {
            return self.section(key, read).map(Some);
        }
        self.asked.push(key);
        Some(None)
    }

    /// An array of tables with at least one entry.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(at) = self.find(key) else {
            let message = format!("{key} is missing: expected at least one [[{key}]]");
            self.reader.problem(None, message);
            return None;
        };
        let entries = at
            .elements()
            .filter(|entries| !entries.is_empty())
            .or_else(|| at.refuse(&format!("at least one [[{key}]]"), None))?;
        let mut all = Some(Vec::new());
        for entry in entries {
            let Some(table) = entry.table() else {
                all = None;
                continue;
            };
            let mut section = Section {
                reader: self.reader,
                path: entry.key,
                line: entry.line,
                table: Some(table),
                asked: Vec::new(),
            };
            let one = read(&mut section);
            section.finish();
            all = all.zip(one).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        all
    }

    /// Note that the value of a key doesn't fit with another one. `index` is the place in a list.
    pub(super) fn refuse(&mut self, key: &'static str, index: Option<usize>, expected: &str) {
        let Some(at) = self.find(key) else {
            let message = format!("{} (default): expected {expected}", self.dotted(key));
            self.reader.problem(self.line, message);
            return;
        };
        let element = index.and_then(|index| at.elements()?.into_iter().nth(index));
        element.unwrap_or(at).refuse::<()>(expected, None);
    }

    /// Whatever was not asked for is unknown.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let known = match nearest(name, &self.asked) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("expected one of {}", self.asked.join(", ")),
            };
            let message = format!("{}: unknown key; {known}", self.dotted(name));
            let line = self.reader.line(key.span().start);
            self.reader.problem(Some(line), message);
        }
    }

    fn find(&mut self, key: &'static str) -> Option<At<'a>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        Some(At {
            reader: self.reader,
            key: self.dotted(key),
            line: self.line_of(key),
            source: self.reader.source,
            value: self.table?.get(key)?,
        })
    }

    fn line_of(&self, key: &str) -> Option<usize> {
        let (key, _) = self.table?.get_key_value(key)?;
        Some(self.reader.line(key.span().start))
    }

    fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.path)
    }

    fn note(&self, key: &'static str, value: Option<String>, given: Given) {
        let section = self.path.clone();
        self.reader.found.borrow_mut().settings.push(Setting {
            section,
            key,
            value,
            given,
        });
    }
}

// === impl At ===

impl<'a> At<'a> {
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(super) fn files(&self) -> Files {
        self.reader.files
    }

    pub(super) fn folder(&self) -> &Path {
        &self.reader.folder
    }

    /// The elements of a list, each at its own place; None when it is no list.
    pub(super) fn elements(&self) -> Option<Vec<At<'a>>> {
        let list = self.value().as_array()?;
        let elements = list.iter().enumerate().map(|(index, value)| At {
            reader: self.reader,
            key: format!("{}[{index}]", self.key),
            line: self.line_at(value),
            source: self.source,
            value,
        });
        Some(elements.collect())
    }

    /// Note that this value is wrong, in the end with what makes it so.
    pub(super) fn refuse<T>(&self, expected: &str, because: Option<String>) -> Option<T> {
        let because = because.map_or_else(String::new, |because| format!("; {because}"));
        let value = shown(&self.shown());
        let message = format!("{} = {value}: expected {expected}{because}", self.key);
        self.reader.problem(self.line, message);
        None
    }

    /// The value in TOML, on one line, without comments.
    fn shown(&self) -> String {
        match self.value() {
            DeValue::Table(_) => "(a table)".to_owned(),
            DeValue::Array(_) => {
                let elements = self.elements().unwrap_or_default();
                let elements: Vec<_> = elements.iter().map(At::shown).collect();
                format!("[{}]", elements.join(", "))
            }
            _ => {
                let text = self.source.get(self.value.span());
                text.unwrap_or_default().trim().to_owned()
            }
        }
    }

    fn table(&self) -> Option<&'a DeTable<'a>> {
        let table = self.value().as_table();
        if table.is_none() {
            // Not shown: `store.postgres` is where people put URLs with passwords.
            let message = format!("{}: expected a table", self.key);
            self.reader.problem(self.line, message);
        }
        table
    }

    /// A default has no line of its own: it takes that of its section.
    fn line_at(&self, value: &Value<'_>) -> Option<usize> {
        if std::ptr::eq(self.source, self.reader.source) {
            return Some(self.reader.line(value.span().start));
        }
        self.line
    }
}

/// The known key that was most likely meant: at most a third of its letters differ.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = name.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|key| (distance(&plain, key), *key))
        .filter(|(distance, key)| *distance <= (key.len() / 3).max(1))
        .min()
        .map(|(_, key)| key)
}

/// Letters to insert, remove or replace between two words (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut left = above + 1;
        let mut next = vec![left];
        for (pair, against) in row.windows(2).zip(other.chars()) {
            let &[diagonal, up] = pair else { continue };
            let replaced = diagonal + usize::from(letter != against);
            left = replaced.min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
