//! `compound` (WebAuthn L3 section 8.9): two statements or more about one
//! credential. The section leaves to policy how many must be right; here all must.

use super::{Evidence, TrustPath, invalid, single};
use crate::bindings::Rejection;
use crate::cbor::Value;
use crate::host::Host;

/// The most statements that are verified; each costs signatures.
const MAX_STATEMENTS: usize = 4;

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1: an array of two at least.
    let Value::Array(items) = evidence.statement else {
        return Err(invalid("the compound statement is not an array"));
    };
    if !(2..=MAX_STATEMENTS).contains(&items.len()) {
        return Err(invalid(format!(
            "the compound statement has {} parts; 2 to {MAX_STATEMENTS} are accepted",
            items.len()
        )));
    }
    // Steps 2 and 3: each by the procedure of its own format.
    items
        .iter()
        .map(|item| {
            let (format, statement) = part(item)?;
            single(
                host,
                &Evidence {
                    format,
                    statement,
                    ..*evidence
                },
            )
        })
        .collect::<Result<_, _>>()
        .map(TrustPath::Several)
}

/// `{ fmt, attStmt }`, nothing else, and neither `compound` again nor `none`, which
/// would state nothing.
fn part<'e, 'a>(item: &'e Value<'a>) -> Result<(&'a str, &'e Value<'a>), Rejection> {
    match (
        item.as_map().map(<[_]>::len),
        item.get("fmt"),
        item.get("attStmt"),
    ) {
        (Some(2), Some(Value::Text(format @ ("compound" | "none"))), Some(_)) => Err(invalid(
            format!("a compound statement can't hold one of the format {format}"),
        )),
        (Some(2), Some(Value::Text(format)), Some(statement)) => Ok((*format, statement)),
        _ => Err(invalid(
            "a part of the compound statement is not a map of fmt and attStmt",
        )),
    }
}
