//! `compound` (L3 section 8.9).

use passkey_manager::cbor::{Value, decode, encode};

/// The statement that holds these, each under its format.
pub fn compound_of(statements: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = statements.iter().map(|(format, statement)| {
        Value::Map(vec![
            (Value::Text("fmt"), Value::Text(format)),
            (Value::Text("attStmt"), decode(statement).unwrap()),
        ])
    });
    let mut out = Vec::new();
    encode(&Value::Array(items.collect()), &mut out);
    out
}
