//! Moments as people write and read them.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::clock::Timestamp;

/// RFC 3339, or a date alone, which is its first moment in UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let expected = || format!("{text:?} is no time: expected 2026-11-21 or 2026-11-21T09:30:00Z");
    let moment = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| {
        let form = time::macros::format_description!("[year]-[month]-[day]");
        Date::parse(text, form).map(|date| date.midnight().assume_utc())
    });
    let moment = moment.map_err(|_| expected())?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| expected())
}

/// RFC 3339 in UTC, with milliseconds.
pub(super) fn told(time: Timestamp) -> String {
    let form = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(form).ok())
        .unwrap_or_else(|| format!("{time} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_told_alike() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        assert_eq!(moment("2023-11-14T23:13:20.5+01:00"), Ok(1_700_000_000_500));
        assert_eq!(moment("1970-01-02"), Ok(86_400_000));
        assert_eq!(told(1_700_000_000_500), "2023-11-14T22:13:20.500Z");
        for wrong in ["", "yesterday", "14.11.2023", "2023-13-01", "1969-12-31"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
