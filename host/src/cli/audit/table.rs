//! The table of a search, however many rows it has.
//!
//! The first rows are kept until there are [`SAMPLE`] of them or no more; they make the columns as
//! wide as they need. Rows behind them are written as they come: a longer text moves what stands
//! behind it in its line.

use std::io::Write;

/// Rows that are kept.
const SAMPLE: usize = 1_000;

/// Columns of the table.
pub(super) const COLUMNS: usize = 9;

const HEAD: [&str; COLUMNS] = [
    "TIME",
    "LOG",
    "SEQ",
    "ACTOR",
    "ACTION",
    "RELYING PARTY",
    "TARGET",
    "OUTCOME",
    "ORIGIN",
];

/// What is kept of it.
pub(super) struct Table {
    widths: [usize; COLUMNS],
    /// None when they were written.
    first: Option<Vec<[String; COLUMNS]>>,
}

// === impl Table ===

impl Table {
    /// A row more.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn row(
        &mut self,
        row: [String; COLUMNS],
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let Some(first) = &mut self.first else {
            return line(&row, &self.widths, out);
        };
        for (width, text) in self.widths.iter_mut().zip(&row) {
            *width = text.chars().count().max(*width);
        }
        first.push(row);
        if first.len() < SAMPLE {
            return Ok(());
        }
        self.finish(out)
    }

    /// What was kept; the head, where nothing was.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn finish(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        let Some(first) = self.first.take() else {
            return Ok(());
        };
        line(&HEAD, &self.widths, out)?;
        first
            .iter()
            .try_for_each(|row| line(row, &self.widths, out))
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            widths: HEAD.map(str::len),
            first: Some(Vec::new()),
        }
    }
}

fn line(
    row: &[impl AsRef<str>; COLUMNS],
    widths: &[usize; COLUMNS],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut line = String::new();
    for (text, width) in row.iter().zip(widths) {
        line.push_str(&format!("{:width$}  ", text.as_ref()));
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> [String; COLUMNS] {
        [text; COLUMNS].map(str::to_owned)
    }

    #[test]
    fn columns_are_as_wide_as_the_first_rows_need() {
        let (mut table, mut out) = (Table::default(), Vec::new());
        table.finish(&mut out).unwrap();
        assert!(out.starts_with(b"TIME  LOG  SEQ  ACTOR  "));
        let (mut table, mut out) = (Table::default(), Vec::new());
        table.row(row("one"), &mut out).unwrap();
        table.row(row("longer"), &mut out).unwrap();
        assert!(out.is_empty(), "their width is not known yet");
        table.finish(&mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let starts: Vec<_> = out.lines().filter_map(|line| line.get(..16)).collect();
        assert_eq!(
            starts,
            ["TIME    LOG     ", "one     one     ", "longer  longer  "]
        );
    }

    #[test]
    fn rows_behind_the_first_are_written_as_they_come() {
        let (mut table, mut out) = (Table::default(), Vec::new());
        for _ in 1..SAMPLE {
            table.row(row("one"), &mut out).unwrap();
        }
        assert!(out.is_empty());
        for rows in SAMPLE..SAMPLE + 10 {
            table.row(row("one"), &mut out).unwrap();
            let lines = out.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines, rows + 1);
        }
        let before = out.len();
        table.finish(&mut out).unwrap();
        assert_eq!(out.len(), before);
    }
}
