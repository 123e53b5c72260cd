//! A file of checkpoints: signed notes with an empty line after each.
//!
//! A crash or a full disk may leave half a note at the end. It is cut off where that can
//! be done. A file that can only be appended to keeps it, and has [`TORN`] behind it: what
//! stands between the last whole note and that line was promised to nobody and is
//! skipped. Everything else that is no note is an error.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::note::SignedNote;
use super::sink::error::{SinkError, io_error};

/// How much of the end of a file is searched for a log's last checkpoint before all
/// of it is, bytes.
pub(super) const TAIL: u64 = 256 * 1024;

/// Longer than any note of this program.
const NOTE: u64 = 4096;

/// Ends half a note that can't be cut off. No beginning of it makes half a note look whole.
pub(super) const TORN: &str = "\n! unfinished\n\n";

const SIGNATURE: &str = "\u{2014} ";

/// All notes of a file, none when there is no file.
///
/// # Errors
/// The file can't be read, or something in it is no note. Half a note at the end is
/// not counted.
pub fn read_notes(path: &Path) -> Result<Vec<SignedNote>, SinkError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        // What is no text can only be half a note, or is none.
        Ok(bytes) => parse(&String::from_utf8_lossy(&bytes), path),
        Err(source) => Err(io_error(path, source)),
    }
}

/// The last note of the log `origin`, not verified; none when there is none.
pub(super) fn last(path: &Path, origin: &str) -> Result<Option<SignedNote>, SinkError> {
    let of_this = |notes: Vec<SignedNote>| {
        let mut notes = notes.into_iter().rev();
        notes.find(|note| note.claimed().origin == origin)
    };
    let end = read_end(path).map_err(|source| io_error(path, source))?;
    if let Some(end) = end
        && let Ok(notes) = parse(&end, path)
        && let Some(note) = of_this(notes)
    {
        return Ok(Some(note));
    }
    Ok(of_this(read_notes(path)?))
}

/// How long the file is, and how much of it is not half a note at its end. More than the
/// last note is read only when there is such a half.
pub(super) fn measure(path: &Path) -> io::Result<(u64, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(NOTE)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if bytes.is_empty() || bytes.ends_with(TORN.as_bytes()) || whole(&bytes) == bytes.len() {
        return Ok((length, length));
    }
    file.seek(SeekFrom::Start(0))?;
    bytes.clear();
    file.read_to_end(&mut bytes)?;
    let torn = TORN.as_bytes();
    let marked = bytes.windows(torn.len()).rposition(|found| found == torn);
    let good = whole(&bytes).max(marked.map_or(0, |at| at + torn.len()));
    Ok((length, good as u64))
}

fn parse(text: &str, path: &Path) -> Result<Vec<SignedNote>, SinkError> {
    let (mut notes, mut line) = (Vec::new(), 1);
    for stretch in text.split(TORN) {
        let good = stretch.get(..whole(stretch.as_bytes())).unwrap_or_default();
        parse_whole(good, line, path, &mut notes)?;
        line += stretch.matches('\n').count() + TORN.matches('\n').count();
    }
    Ok(notes)
}

/// A note is two paragraphs: its text and its signatures.
fn parse_whole(
    text: &str,
    mut line: usize,
    path: &Path,
    notes: &mut Vec<SignedNote>,
) -> Result<(), SinkError> {
    let mut rest = text;
    while !rest.is_empty() {
        let end = end_of_note(rest).unwrap_or(rest.len());
        let (note, after) = rest.split_at(end);
        // Without the empty line behind it.
        let note = note.strip_suffix('\n').unwrap_or(note);
        notes.push(note.parse().map_err(|source| SinkError::Note {
            path: path.to_owned(),
            line,
            source,
        })?);
        line += note.matches('\n').count() + 1;
        rest = after;
    }
    Ok(())
}

/// Behind the empty line that ends the first note.
fn end_of_note(text: &str) -> Option<usize> {
    let signatures = text.find("\n\n")? + 2;
    let end = text.get(signatures..)?.find("\n\n")? + 2;
    Some(signatures + end)
}

/// How many bytes are whole notes: up to the last empty line that follows a
/// signature.
fn whole(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    while end > 0 {
        let before = bytes.get(..end).unwrap_or_default();
        if before.ends_with(b"\n\n") {
            let line = before.strip_suffix(b"\n\n").unwrap_or_default();
            let line = line
                .rsplit(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            if line.starts_with(SIGNATURE.as_bytes()) {
                return end;
            }
        }
        end -= 1;
    }
    0
}

/// The notes at the end of a long file, from the beginning of one on; none when the
/// file is short enough to be read whole, or the end holds no beginning.
fn read_end(path: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    if length <= TAIL {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - TAIL))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The end of a signature line ends the note that is cut in two.
    let start = text
        .find(&format!("\n{SIGNATURE}"))
        .and_then(|at| text.get(at + 1..)?.find("\n\n").map(|end| at + 1 + end + 2));
    Ok(start.and_then(|start| text.get(start..).map(str::to_owned)))
}
