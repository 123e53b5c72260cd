//! Times in JSON: RFC 3339, UTC, milliseconds.

use ::time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last millisecond that RFC 3339's four-digit years can say.
const LAST: u64 = 253_402_300_799_999;

/// Milliseconds since the Unix epoch, as RFC 3339 text. Later times than the
/// format can say are written as the last one that it can.
pub fn rfc3339(milliseconds: u64) -> String {
    let nanoseconds = i128::from(milliseconds.min(LAST)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(FORMAT)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(rfc3339(LAST), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_time_beyond_the_format_is_the_last_one_in_it() {
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
