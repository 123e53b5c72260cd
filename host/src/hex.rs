//! Bytes as people compare them: digests, thumbprints, serial numbers.

use std::fmt::Write as _;

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let room = String::with_capacity(bytes.len() * 2);
    bytes.iter().fold(room, |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
