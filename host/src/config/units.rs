//! Durations such as `5s` and sizes such as `64KiB`, as text.
//!
//! A whole number and one unit, nothing else: no fractions, no sums, no bare
//! numbers whose unit a reader would have to guess. Sizes are binary only, so
//! that nobody wonders which kilobyte is meant.

use std::time::Duration;

const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZES: [(&str, usize); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// `250ms`, `5s`, `15m` or `12h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, factor) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*factor).map(Duration::from_millis)
}

/// `512B`, `64KiB`, `32MiB` or `1GiB`, in bytes.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    let number: usize = number.parse().ok()?;
    number.checked_mul(*factor)
}

/// In the largest unit that leaves a whole number.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    DURATIONS
        .iter()
        .map(|(name, factor)| (name, u128::from(*factor)))
        .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor))
        .map_or_else(
            || format!("{millis}ms"),
            |(name, factor)| format!("{}{name}", millis / factor),
        )
}

/// In the largest unit that leaves a whole number.
pub(super) fn show_size(size: usize) -> String {
    SIZES
        .iter()
        .find(|(_, factor)| size >= *factor && size.is_multiple_of(*factor))
        .map_or_else(
            || format!("{size}B"),
            |(name, factor)| format!("{}{name}", size / factor),
        )
}

/// Digits, then the unit. A sign or a blank is in neither.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    text.split_at_checked(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_whole_number_with_one_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("12h"), Some(Duration::from_secs(43_200)));
        for wrong in [
            "", "5", "s", "5 s", "-5s", "+5s", "1.5s", "5S", "5s ", "1m30s",
        ] {
            assert_eq!(duration(wrong), None, "{wrong:?}");
        }
        assert_eq!(duration("99999999999999999h"), None);
    }

    #[test]
    fn size_is_a_whole_number_with_a_binary_unit() {
        assert_eq!(size("512B"), Some(512));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("32MiB"), Some(33_554_432));
        for wrong in ["64", "64KB", "64kib", "64K", "-1KiB", "1.5MiB", " 1KiB"] {
            assert_eq!(size(wrong), None, "{wrong:?}");
        }
        assert_eq!(size("18446744073709551615GiB"), None);
    }

    #[test]
    fn shown_units_read_back_as_themselves() {
        for millis in [1, 250, 5_000, 90_000, 3_600_000] {
            let time = Duration::from_millis(millis);
            assert_eq!(duration(&show_duration(time)), Some(time));
        }
        for bytes in [0, 1, 1_000, 65_536, 1 << 30] {
            assert_eq!(size(&show_size(bytes)), Some(bytes));
        }
    }
}
