//! Walks the document section by section.
//!
//! A setting that can't be read is `None` and a noted problem. A section remembers
//! which keys it was asked for; whatever else stands in it is an unknown key.
//! Defaults are TOML text and go through the same [`Format`] as given values, so
//! that `config check` and the example file show exactly what is used.

use toml::de::{DeTable, DeValue};

use super::at::At;
use super::format::Format;
use super::nearest::nearest;
use super::reader::{Given, Reader, Setting};

/// One table of the document. An absent table reads as an empty one.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    path: String,
    line: Option<usize>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

// === impl Section ===

impl<'a> Section<'a> {
    /// The document itself.
    pub(super) fn root(reader: &'a Reader<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            reader,
            path: String::new(),
            line: None,
            table: Some(table),
            asked: Vec::new(),
        }
    }

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
            source: self.reader.source(),
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
        self.reader.note(Setting {
            section,
            key,
            value,
            given,
        });
    }
}
