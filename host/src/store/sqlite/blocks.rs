//! Records as text: a block has one line for each, a JSON array of its columns.
//!
//! No second text stands for the same record: a line counts only as this program writes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::audit::Placed;

/// Records in a block, at most.
pub(super) const BLOCK: usize = 256;

/// Consecutive records of a log, as they are found.
#[derive(Debug)]
pub(super) struct Block {
    /// The place of the first.
    pub(super) first: u64,
    /// Their lines.
    pub(super) records: Vec<u8>,
}

/// A place where no record stands that this program wrote, and why.
pub(super) type Unreadable = (u64, &'static str);

/// A record's columns, in the order of the view `audit`. A text stays where it is, if JSON has
/// it as it is.
#[derive(Serialize, Deserialize)]
struct Line<'a>(
    u64,
    u64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    Cow<'a, [String]>,
);

/// The lines of these records.
pub(super) fn write(records: &[Placed<'_>]) -> Result<String, serde_json::Error> {
    let mut text = Vec::with_capacity(512 * records.len());
    for record in records {
        serde_json::to_writer(&mut text, &Line::of(record))?;
        text.push(b'\n');
    }
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

// === impl Block ===

impl Block {
    /// Tell of each record behind the place `after`.
    pub(super) fn each(&self, after: u64, mut tell: impl FnMut(Result<&Placed<'_>, Unreadable>)) {
        let mut written = Vec::new();
        for (place, line) in (self.first..).zip(lines(&self.records)) {
            if place <= after {
                continue;
            }
            match read(place, line, &mut written) {
                Ok(Line(seq, time, a, b, c, d, e, f, g, h, i, j, policies)) => tell(Ok(&Placed {
                    seq,
                    time,
                    texts: [a, b, c, d, e, f, g, h, i, j],
                    policies: &policies,
                })),
                Err(why) => tell(Err((place, why))),
            }
        }
    }
}

/// Each with its end.
fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
        let (line, rest) = text.split_at_checked(end)?;
        text = rest;
        (!line.is_empty()).then_some(line)
    })
}

fn read<'a>(place: u64, line: &'a [u8], written: &mut Vec<u8>) -> Result<Line<'a>, &'static str> {
    let not_ours = "it is no record as this program writes it";
    let record: Line<'_> = serde_json::from_slice(line).map_err(|_| not_ours)?;
    if record.0 != place {
        return Err("another record stands in its place");
    }
    written.clear();
    serde_json::to_writer(&mut *written, &record).map_err(|_| not_ours)?;
    written.push(b'\n');
    if written == line {
        Ok(record)
    } else {
        Err(not_ours)
    }
}

// === impl Line ===

impl<'a> Line<'a> {
    fn of(record: &'a Placed<'_>) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = record.texts.each_ref().map(|text| Cow::from(&**text));
        let policies = Cow::from(record.policies);
        Self(
            record.seq,
            record.time,
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            j,
            policies,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{StoredRecord, sample};

    fn block(first: u64, records: impl Into<Vec<u8>>) -> Block {
        Block {
            first,
            records: records.into(),
        }
    }

    /// What is found: the places of records, and of what is none.
    fn found(block: &Block, after: u64) -> Vec<Result<u64, Unreadable>> {
        let mut found = Vec::new();
        block.each(after, |record| found.push(record.map(|record| record.seq)));
        found
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let mut records: Vec<_> = (7..=9).map(sample).collect();
        records[1].target = "a \"quoted\"\n\tt\u{1}xt \\ \u{7f} é \u{2028}".into();
        records[2].policies = Vec::new();
        let text = write(&StoredRecord::all_placed(&records)).unwrap();
        let block = block(7, text);
        let mut read = Vec::new();
        block.each(0, |record| read.push(record.unwrap().to_stored()));
        assert_eq!(read, records);
        assert_eq!(found(&block, 8), [Ok(9)]);
        assert_eq!(found(&block, 9), []);
    }

    #[test]
    fn what_is_not_as_it_was_written_is_named_by_its_place() {
        let records: Vec<_> = (7..=9).map(sample).collect();
        let good = write(&StoredRecord::all_placed(&records)).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let (first, second, third) = (lines[0], lines[1], lines[2]);
        let not_ours = "it is no record as this program writes it";
        let elsewhere = "another record stands in its place";
        let second_text = second.replacen("t-8", "\\u0074-8", 1);
        for (text, found_there) in [
            (
                format!("{first}\n{second_text}\n"),
                vec![Ok(7), Err((8, not_ours))],
            ),
            (
                format!("{first} \n{second}\n"),
                vec![Err((7, not_ours)), Ok(8)],
            ),
            (
                format!("{first}\n{second}"),
                vec![Ok(7), Err((8, not_ours))],
            ),
            (
                format!("{first}\n\n{second}\n"),
                vec![Ok(7), Err((8, not_ours)), Err((9, elsewhere))],
            ),
            (
                format!("{first}\n{third}\n"),
                vec![Ok(7), Err((8, elsewhere))],
            ),
            (format!("{first}{second}\n"), vec![Err((7, not_ours))]),
            (String::new(), vec![]),
        ] {
            assert_eq!(found(&block(7, text.clone()), 0), found_there, "{text}");
        }
        let mut bytes = good.into_bytes();
        bytes[3] = 0xff;
        assert_eq!(
            found(&block(7, bytes), 0),
            [Err((7, not_ours)), Ok(8), Ok(9)]
        );
    }
}
