//! `none` (WebAuthn L3 section 8.7): no statement, which is the empty map.

use super::{Evidence, TrustPath, invalid};
use crate::bindings::Rejection;

pub(super) fn verify<'a>(evidence: &Evidence<'_, 'a>) -> Result<TrustPath<'a>, Rejection> {
    match evidence.statement.as_map() {
        Some([]) => Ok(TrustPath::None),
        _ => Err(invalid("format none comes with a statement")),
    }
}
