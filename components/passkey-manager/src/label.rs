//! Labels: what a person calls a passkey.

use crate::bindings::Rejection;
use crate::rejection::malformed;

/// The most characters a label may have.
pub const MAX_CHARACTERS: usize = 64;

/// The label as it is kept: without white space around it.
///
/// # Errors
/// `malformed` for an empty one, one over [`MAX_CHARACTERS`], or one with
/// control characters.
pub fn parse(given: &str) -> Result<String, Rejection> {
    let label = given.trim();
    let characters = label.chars().count();
    if characters == 0 {
        return Err(malformed("the label is empty; it needs 1 to 64 characters"));
    }
    if characters > MAX_CHARACTERS {
        return Err(malformed(format!(
            "the label has {characters} characters, and at most {MAX_CHARACTERS} are accepted"
        )));
    }
    if label.chars().any(char::is_control) {
        return Err(malformed("the label contains control characters"));
    }
    Ok(label.to_owned())
}
