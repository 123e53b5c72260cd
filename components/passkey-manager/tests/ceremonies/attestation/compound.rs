use passkey_manager::cbor::Value;

use super::{Make, attested, refused};
use crate::kit::*;

type Part = (&'static str, fn(&[u8], &[u8], &TestKey) -> Vec<u8>);

const SELF: Part = ("packed", |data, hash, key| {
    let sig = key.sign(&[data, hash].concat());
    cbor_map(&[("alg", Value::Integer(-7)), ("sig", Value::Bytes(&sig))])
});
const FORGED: Part = ("packed", |data, _, key| (SELF.1)(data, &[0; 32], key));
const NONE: Part = ("none", |_, _, _| cbor_map(&[]));
const UNKNOWN: Part = ("made-up", |_, _, _| cbor_map(&[]));
const NESTED: Part = ("compound", |data, hash, key| {
    compound(&[SELF, SELF], data, hash, key)
});

fn compound(parts: &[Part], data: &[u8], hash: &[u8], key: &TestKey) -> Vec<u8> {
    let statements: Vec<_> = parts
        .iter()
        .map(|(format, make)| (*format, make(data, hash, key)))
        .collect();
    compound_of(&statements)
}

fn make(parts: &'static [Part]) -> Make {
    Box::new(move |data, hash, key| compound(parts, data, hash, key))
}

#[test]
fn several_statements_are_verified() {
    attested("compound", make(&[SELF, SELF])).unwrap();
}

#[test]
fn one_wrong_statement_among_several_is_refused() {
    refused("compound", make(&[SELF, FORGED]));
    refused("compound", make(&[FORGED, SELF]));
    refused("compound", make(&[SELF, UNKNOWN]));
}

#[test]
fn too_few_or_too_many_statements_are_refused() {
    refused("compound", make(&[]));
    refused("compound", make(&[SELF]));
    refused("compound", make(&[SELF, SELF, SELF, SELF, SELF]));
}

#[test]
fn compound_holds_neither_itself_nor_nothing() {
    refused("compound", make(&[SELF, NESTED]));
    refused("compound", make(&[SELF, NONE]));
}

#[test]
fn array_belongs_to_compound_alone() {
    refused("packed", make(&[SELF, SELF]));
    refused("none", make(&[SELF, SELF]));
    refused("compound", Box::new(|_, _, _| cbor_map(&[])));
}
