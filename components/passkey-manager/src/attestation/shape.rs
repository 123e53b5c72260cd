//! The outer form of a certificate (RFC 5280 section 4.1), tag by tag, in DER.
//!
//! The certificate library reads leniently: it takes wrong classes and tags for
//! right ones. Whatever passes here has one reading, so the library's is that one.

use super::der::{self, Elements, Tag};

/// Whether the bytes are one certificate, each element with the tag that the
/// grammar has for it.
pub(super) fn is_certificate(input: &[u8]) -> bool {
    certificate(input).is_some()
}

fn certificate(input: &[u8]) -> Option<()> {
    let mut fields = Elements::new(der::only(input, der::SEQUENCE)?);
    to_be_signed(fields.expect(der::SEQUENCE)?)?;
    algorithm(fields.expect(der::SEQUENCE)?)?;
    signature(fields.expect(der::BIT_STRING)?)?;
    end(&fields)
}

fn to_be_signed(contents: &[u8]) -> Option<()> {
    let mut fields = Elements::new(contents);
    let mut field = fields.next()?;
    if field.0 == der::explicit(0) {
        // Versions 2 and 3; 1 is the default and is not written.
        if !matches!(der::only(field.1, der::INTEGER)?, [1 | 2]) {
            return None;
        }
        field = fields.next()?;
    }
    integer(tagged(field, der::INTEGER)?)?;
    algorithm(fields.expect(der::SEQUENCE)?)?;
    name(fields.expect(der::SEQUENCE)?)?;
    validity(fields.expect(der::SEQUENCE)?)?;
    name(fields.expect(der::SEQUENCE)?)?;
    key(fields.expect(der::SEQUENCE)?)?;
    while !fields.is_empty() {
        match fields.next()? {
            // issuerUniqueID and subjectUniqueID, which nobody reads.
            (tag, _) if tag == der::implicit(1) || tag == der::implicit(2) => {}
            (tag, contents) if tag == der::explicit(3) => {
                let mut list = Elements::new(der::only(contents, der::SEQUENCE)?);
                while !list.is_empty() {
                    extension(list.expect(der::SEQUENCE)?)?;
                }
                return end(&fields);
            }
            _ => return None,
        }
    }
    Some(())
}

/// AlgorithmIdentifier: an identifier and at most one element of parameters.
fn algorithm(contents: &[u8]) -> Option<()> {
    let mut fields = Elements::new(contents);
    identifier(fields.expect(der::OBJECT_IDENTIFIER)?)?;
    if fields.is_empty() {
        return Some(());
    }
    let (tag, parameters) = fields.next()?;
    if tag == der::OBJECT_IDENTIFIER {
        identifier(parameters)?;
    }
    end(&fields)
}

fn name(contents: &[u8]) -> Option<()> {
    let mut sets = Elements::new(contents);
    while !sets.is_empty() {
        let mut attributes = Elements::new(sets.expect(der::SET)?);
        while !attributes.is_empty() {
            let mut fields = Elements::new(attributes.expect(der::SEQUENCE)?);
            identifier(fields.expect(der::OBJECT_IDENTIFIER)?)?;
            let (tag, text) = fields.next()?;
            if tag == der::UTF8_STRING {
                std::str::from_utf8(text).ok()?;
            } else if !der::OTHER_STRINGS.contains(&tag) {
                return None;
            }
            end(&fields)?;
        }
    }
    Some(())
}

fn validity(contents: &[u8]) -> Option<()> {
    let mut times = Elements::new(contents);
    for _ in 0..2 {
        let (tag, _) = times.next()?;
        if tag != der::UTC_TIME && tag != der::GENERALIZED_TIME {
            return None;
        }
    }
    end(&times)
}

fn key(contents: &[u8]) -> Option<()> {
    let mut fields = Elements::new(contents);
    algorithm(fields.expect(der::SEQUENCE)?)?;
    whole_octets(fields.expect(der::BIT_STRING)?)?;
    end(&fields)
}

fn extension(contents: &[u8]) -> Option<()> {
    let mut fields = Elements::new(contents);
    identifier(fields.expect(der::OBJECT_IDENTIFIER)?)?;
    let mut field = fields.next()?;
    if field.0 == der::BOOLEAN {
        // FALSE is the default and is not written.
        if field.1 != [0xff] {
            return None;
        }
        field = fields.next()?;
    }
    // What it holds is its own affair: security keys in the field have some that
    // hold no DER.
    tagged(field, der::OCTET_STRING)?;
    end(&fields)
}

fn tagged((tag, contents): (Tag, &[u8]), expected: Tag) -> Option<&[u8]> {
    (tag == expected).then_some(contents)
}

fn end(fields: &Elements<'_>) -> Option<()> {
    fields.is_empty().then_some(())
}

/// An INTEGER in as few octets as it needs.
fn integer(contents: &[u8]) -> Option<()> {
    match contents {
        [] => None,
        [0, next, ..] if next & 0x80 == 0 => None,
        [0xff, next, ..] if next & 0x80 != 0 => None,
        _ => Some(()),
    }
}

/// An OBJECT IDENTIFIER: each part in as few octets as it needs, the last complete.
fn identifier(contents: &[u8]) -> Option<()> {
    let mut starts = true;
    for octet in contents {
        if starts && *octet == 0x80 {
            return None;
        }
        starts = octet & 0x80 == 0;
    }
    (starts && !contents.is_empty()).then_some(())
}

/// The signature: a BIT STRING whose octets all count. Early security keys of one maker,
/// still in use, claim that its last bits are unused, and nothing is read by that claim.
fn signature(contents: &[u8]) -> Option<()> {
    matches!(contents, [0..=7, _, ..]).then_some(())
}

/// A BIT STRING of octets: no unused bits.
fn whole_octets(contents: &[u8]) -> Option<()> {
    (contents.first() == Some(&0)).then_some(())
}
