//! A value at its place in the document.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::shown;
use super::reader::{Files, Reader};

type Value<'a> = Spanned<DeValue<'a>>;

/// A value at its place, as a [`Format`](super::format::Format) sees it.
pub(super) struct At<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) key: String,
    pub(super) line: Option<usize>,
    pub(super) source: &'a str,
    pub(super) value: &'a Value<'a>,
}

// === impl At ===

impl<'a> At<'a> {
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(super) fn files(&self) -> Files {
        self.reader.files()
    }

    pub(super) fn folder(&self) -> &Path {
        self.reader.folder()
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
    pub(super) fn shown(&self) -> String {
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

    pub(super) fn table(&self) -> Option<&'a DeTable<'a>> {
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
        if std::ptr::eq(self.source, self.reader.source()) {
            return Some(self.reader.line(value.span().start));
        }
        self.line
    }
}
