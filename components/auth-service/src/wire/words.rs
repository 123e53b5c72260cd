//! Values that are one word of a list (WebAuthn L3 section 5.8).

use crate::host::UserVerification;

/// At most so many hints (section 5.8.7 defines three), and so many characters of a hint or
/// a transport; unknown ones are kept.
pub(super) const MOST_HINTS: usize = 3;
pub(super) const LONGEST_WORD: usize = 32;

pub(super) const USER_VERIFICATION: &[(&str, UserVerification)] = &[
    ("required", UserVerification::Required),
    ("preferred", UserVerification::Preferred),
    ("discouraged", UserVerification::Discouraged),
];

/// The word of a value in such a table.
pub(super) fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words
        .iter()
        .find(|(_, candidate)| *candidate == value)
        .map_or("", |(word, _)| *word)
}

/// As it stands in JSON.
pub(super) fn user_verification_word(value: UserVerification) -> &'static str {
    word(USER_VERIFICATION, value)
}
