//! The members of an attestation statement. A format names all that it has; others
//! are refused, since a statement that says more than was read is not understood.

use super::certificate::Certificate;
use super::{chain, invalid};
use crate::bindings::Rejection;
use crate::cbor::Value;

/// A statement that has no members but those of its format.
pub(super) struct Members<'e, 'a> {
    format: &'a str,
    statement: &'e Value<'a>,
}

// === impl Members ===

impl<'e, 'a> Members<'e, 'a> {
    /// Step 1 of each format: the statement is a map of known members.
    pub(super) fn new(
        format: &'a str,
        statement: &'e Value<'a>,
        known: &[&str],
    ) -> Result<Self, Rejection> {
        let entries = statement
            .as_map()
            .ok_or_else(|| invalid(format!("the {format} statement is not a map")))?;
        let foreign = entries
            .iter()
            .any(|(key, _)| !matches!(key, Value::Text(name) if known.contains(name)));
        if foreign {
            return Err(invalid(format!(
                "the {format} statement has other members than {known:?}"
            )));
        }
        Ok(Members { format, statement })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.statement.get(name).is_some()
    }

    /// `alg`, a COSE algorithm identifier.
    pub(super) fn algorithm(&self) -> Result<i32, Rejection> {
        match self.statement.get("alg") {
            Some(Value::Integer(number)) => i32::try_from(*number)
                .map_err(|_| invalid(format!("{number} is not a COSE algorithm identifier"))),
            _ => Err(self.lacks("alg, an integer")),
        }
    }

    /// A byte string.
    pub(super) fn bytes(&self, name: &str) -> Result<&'a [u8], Rejection> {
        match self.statement.get(name) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.lacks(&format!("{name}, a byte string"))),
        }
    }

    /// A text string.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Rejection> {
        match self.statement.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.lacks(&format!("{name}, a text string"))),
        }
    }

    /// `x5c`: one certificate at least, the attesting one first.
    pub(super) fn certificates(
        &self,
    ) -> Result<(Certificate<'a>, Vec<Certificate<'a>>), Rejection> {
        let Some(Value::Array(items)) = self.statement.get("x5c") else {
            return Err(self.lacks("x5c, an array"));
        };
        if items.len() > chain::MAX_LENGTH {
            return Err(invalid(format!(
                "x5c has {} certificates; at most {} are accepted",
                items.len(),
                chain::MAX_LENGTH
            )));
        }
        let mut certificates = items.iter().map(|item| match item {
            Value::Bytes(der) => Certificate::parse(der),
            _ => Err(invalid("an element of x5c is not a byte string")),
        });
        let first = certificates
            .next()
            .ok_or_else(|| invalid("x5c is empty"))??;
        let others = certificates.collect::<Result<_, _>>()?;
        Ok((first, others))
    }

    fn lacks(&self, what: &str) -> Rejection {
        invalid(format!("the {} statement lacks {what}", self.format))
    }
}
