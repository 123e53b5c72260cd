//! Records as text: a block has one line for each, a JSON array of its columns.
//!
//! No second text stands for the same record: a line counts only as this program writes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::audit::Placed;

/// Records in a block, at most.
pub(super) const BLOCK: usize = 256;

/// What a log has in blocks at the places after `after` up to `until`.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) after: u64,
    pub(super) until: u64,
    /// All with a place of these, and the one before, in order.
    pub(super) blocks: Vec<Block>,
}

/// Consecutive records of a log, as they are found.
#[derive(Debug)]
pub(super) struct Block {
    /// The place of the first.
    pub(super) first: i64,
    /// Their lines.
    pub(super) records: Vec<u8>,
}

/// A place where no record stands that this program wrote, and why.
pub(super) type Unreadable = (u64, &'static str);

/// A record's columns, in the order of the view `audit`. A text stays where it is, if JSON has
/// it as it is. The policies are a list, or its text.
#[derive(Serialize, Deserialize)]
struct Line<'a, P>(
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
    P,
);

/// The last list of policies that was read, and its text: most records have the same as the
/// one before.
#[derive(Default)]
struct Lists {
    text: String,
    policies: Vec<String>,
}

/// The lines of these records.
pub(super) fn write(records: &[Placed<'_>]) -> Result<String, serde_json::Error> {
    let mut text = Vec::with_capacity(512 * records.len());
    for record in records {
        serde_json::to_writer(&mut text, &Line::of(record))?;
        text.push(b'\n');
    }
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

// === impl Stretch ===

impl Stretch {
    /// Tell of each place, in the order of blocks. A place that two blocks have comes twice; and
    /// if none before it does, both are here.
    pub(super) fn each(&self, mut tell: impl FnMut(Result<&Placed<'_>, Unreadable>)) {
        for block in &self.blocks {
            self.each_of(block, &mut tell);
        }
    }

    fn each_of(&self, block: &Block, tell: &mut impl FnMut(Result<&Placed<'_>, Unreadable>)) {
        let first = u64::try_from(block.first).unwrap_or(0);
        if first == 0 {
            return tell(Err((
                self.after + 1,
                "a block stands before the first place",
            )));
        }
        if block.records.is_empty() && first > self.after {
            return tell(Err((first, "a block without a record stands in its place")));
        }
        let mut lists = Lists::default();
        for (count, (place, line)) in (first..).zip(lines(&block.records)).enumerate() {
            if place > self.until {
                break;
            }
            if place > self.after {
                match read(place, line, &mut lists) {
                    _ if count >= BLOCK => return tell(Err((place, "its block is too long"))),
                    Ok(record) => tell(Ok(&record)),
                    Err(why) => tell(Err((place, why))),
                }
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

fn read<'a>(place: u64, line: &'a [u8], lists: &'a mut Lists) -> Result<Placed<'a>, &'static str> {
    let not_ours = "it is no record as this program writes it";
    let text = std::str::from_utf8(line).ok();
    let text = text.and_then(|text| text.strip_suffix('\n'));
    let text = text.ok_or(not_ours)?;
    let record: Line<'_, &RawValue> = serde_json::from_str(text).map_err(|_| not_ours)?;
    if record.0 != place {
        return Err("another record stands in its place");
    }
    if !is_ours(text, &record) {
        return Err(not_ours);
    }
    let Line(seq, time, a, b, c, d, e, f, g, h, i, j, policies) = record;
    Ok(Placed {
        seq,
        time,
        texts: [a, b, c, d, e, f, g, h, i, j],
        policies: lists.read(policies.get()).ok_or(not_ours)?,
    })
}

/// Whether a line without its end that has these columns is the one that this program writes.
fn is_ours(line: &str, record: &Line<'_, &RawValue>) -> bool {
    let Line(seq, time, a, b, c, d, e, f, g, h, i, j, policies) = record;
    let mut length = policies.get().len();
    for text in [a, b, c, d, e, f, g, h, i, j] {
        let Cow::Borrowed(text) = text else {
            let written = serde_json::to_string(record);
            return written.is_ok_and(|written| line == written);
        };
        length += text.len();
    }
    // Nothing is escaped, and nothing stands between: brackets, commas and quotes.
    let digits = |number: u64| number.checked_ilog10().map_or(1, |tens| tens as usize + 1);
    line.len() == length + digits(*seq) + digits(*time) + 2 + 12 + 20
}

// === impl Line ===

impl<'a> Line<'a, &'a [String]> {
    fn of(record: &'a Placed<'_>) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = record.texts.each_ref().map(|text| Cow::from(&**text));
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
            record.policies,
        )
    }
}

// === impl Lists ===

impl Lists {
    /// A list of policies. It must be the text that this program writes for it.
    fn read(&mut self, text: &str) -> Option<&[String]> {
        if self.text != text {
            let policies: Vec<String> = serde_json::from_str(text).ok()?;
            if !serde_json::to_string(&policies).is_ok_and(|written| written == text) {
                return None;
            }
            *self = Self {
                text: text.to_owned(),
                policies,
            };
        }
        Some(&self.policies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{StoredRecord, sample};

    /// One block and nothing else.
    fn block(first: i64, records: impl Into<Vec<u8>>) -> Stretch {
        let records = records.into();
        Stretch {
            after: 0,
            until: u64::MAX,
            blocks: vec![Block { first, records }],
        }
    }

    /// What is found: the places of records, and of what is none.
    fn found(stretch: &Stretch) -> Vec<Result<u64, Unreadable>> {
        let mut found = Vec::new();
        stretch.each(|record| found.push(record.map(|record| record.seq)));
        found
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let mut records: Vec<_> = (7..=9).map(sample).collect();
        records[1].target = "a \"quoted\"\n\tt\u{1}xt \\ \u{7f} é \u{2028}".into();
        records[2].policies = Vec::new();
        let text = write(&StoredRecord::all_placed(&records)).unwrap();
        let mut stretch = block(7, text);
        let mut read = Vec::new();
        stretch.each(|record| read.push(record.unwrap().to_stored()));
        assert_eq!(read, records);
        for (after, until, places) in [
            (8, 20, &[9][..]),
            (9, 20, &[]),
            (0, 8, &[7, 8]),
            (7, 8, &[8]),
        ] {
            (stretch.after, stretch.until) = (after, until);
            let expected: Vec<_> = places.iter().map(|place| Ok(*place)).collect();
            assert_eq!(found(&stretch), expected, "after {after} until {until}");
        }
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
        let mut escaped = sample(7);
        escaped.target = "\u{1f}".into();
        let escaped = write(&[escaped.placed()]).unwrap();
        let other_case = escaped.replace("001f", "001F");
        for (text, found_there) in [
            (
                format!("{first}\n{second_text}\n"),
                vec![Ok(7), Err((8, not_ours))],
            ),
            (
                format!("{first}\n{}\n", second.replace(",\"t-8", ", \"t-8")),
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
                format!("{first}\n{second} "),
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
            (escaped.clone(), vec![Ok(7)]),
            (other_case, vec![Err((7, not_ours))]),
            (
                escaped.replace("[\"a\"", "[ \"a\""),
                vec![Err((7, not_ours))],
            ),
            (
                format!("{first}\n").replace("[\"a\"", "[ \"a\""),
                vec![Err((7, not_ours))],
            ),
            (
                String::new(),
                vec![Err((7, "a block without a record stands in its place"))],
            ),
        ] {
            assert_eq!(found(&block(7, text.clone())), found_there, "{text}");
        }
        let mut bytes = good.into_bytes();
        bytes[3] = 0xff;
        assert_eq!(found(&block(7, bytes)), [Err((7, not_ours)), Ok(8), Ok(9)]);
    }

    #[test]
    fn block_that_is_too_long_or_before_the_first_place_is_named() {
        let records: Vec<_> = (1..=300).map(sample).collect();
        let text = write(&StoredRecord::all_placed(&records)).unwrap();
        let found_there = found(&block(1, text.clone()));
        assert_eq!(found_there.len(), BLOCK + 1);
        assert_eq!(found_there[BLOCK], Err((257, "its block is too long")));
        for first in [0, -1, i64::MIN] {
            let expected = Err((1, "a block stands before the first place"));
            assert_eq!(found(&block(first, text.clone())), [expected]);
        }
    }
}
