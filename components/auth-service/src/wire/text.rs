//! Text that people see: names, display names, labels.
//!
//! 1 to 64 characters, no control characters, no white space at either end.
//! Nothing is trimmed or folded: what comes in is what is stored, or nothing.

use super::object::{Malformed, Object};

/// Characters (Unicode scalar values) of a name or label at most.
pub const LONGEST: usize = 64;

/// Such a text, when the field is there.
pub fn optional<'a>(object: &Object<'a>, field: &str) -> Result<Option<&'a str>, Malformed> {
    let Some(text) = object.optional_string(field)? else {
        return Ok(None);
    };
    let fault = if text.chars().count() > LONGEST {
        Some("longer than 64 characters")
    } else if text.chars().any(char::is_control) {
        Some("has a control character")
    } else if text.trim() != text {
        Some("white space at the beginning or the end")
    } else {
        None
    };
    match fault {
        Some(fault) => Err(object.fault(field, fault)),
        None => Ok(Some(text)),
    }
}

/// Such a text.
pub fn required<'a>(object: &Object<'a>, field: &str) -> Result<&'a str, Malformed> {
    optional(object, field)?.ok_or_else(|| object.fault(field, "missing"))
}
