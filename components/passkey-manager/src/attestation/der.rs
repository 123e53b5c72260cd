//! A strict reader of DER (X.690), for the form of certificates and for the few
//! structures in their extensions that the certificate library does not know.
//!
//! Definite lengths in their shortest form and tags below 2^14 alone; nothing is
//! copied, and nothing is read beyond the input.

/// Class, constructed bit and number, as in the identifier octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// The upper three bits: class and whether it is constructed.
    leading: u8,
    number: u16,
}

pub(super) const BOOLEAN: Tag = universal(1);
pub(super) const INTEGER: Tag = universal(2);
pub(super) const BIT_STRING: Tag = universal(3);
pub(super) const OCTET_STRING: Tag = universal(4);
pub(super) const OBJECT_IDENTIFIER: Tag = universal(6);
pub(super) const ENUMERATED: Tag = universal(10);
pub(super) const UTF8_STRING: Tag = universal(12);
pub(super) const UTC_TIME: Tag = universal(23);
pub(super) const GENERALIZED_TIME: Tag = universal(24);
/// Numeric, Printable, Teletex, IA5, Universal and BMP strings.
pub(super) const OTHER_STRINGS: [Tag; 6] = [
    universal(18),
    universal(19),
    universal(20),
    universal(22),
    universal(28),
    universal(30),
];
pub(super) const SEQUENCE: Tag = Tag {
    leading: 0x20,
    number: 16,
};
pub(super) const SET: Tag = Tag {
    leading: 0x20,
    number: 17,
};

/// The tag of `[number] EXPLICIT`.
pub(super) const fn explicit(number: u16) -> Tag {
    Tag {
        leading: 0xa0,
        number,
    }
}

/// The tag of `[number] IMPLICIT` of a primitive type.
pub(super) const fn implicit(number: u16) -> Tag {
    Tag {
        leading: 0x80,
        number,
    }
}

const fn universal(number: u16) -> Tag {
    Tag { leading: 0, number }
}

/// The elements of a constructed value, one after the other.
pub(super) struct Elements<'a>(&'a [u8]);

/// The contents of the one element that is the whole input and has this tag.
pub(super) fn only(input: &[u8], expected: Tag) -> Option<&[u8]> {
    let mut elements = Elements::new(input);
    let contents = elements.expect(expected)?;
    elements.is_empty().then_some(contents)
}

/// A non-negative integer of one byte.
pub(super) fn small(contents: &[u8]) -> Option<u8> {
    match contents {
        [number] if number & 0x80 == 0 => Some(*number),
        _ => None,
    }
}

// === impl Elements ===

impl<'a> Elements<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Elements(input)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element; `None` at the end and for what is not DER.
    pub(super) fn next(&mut self) -> Option<(Tag, &'a [u8])> {
        let (&identifier, mut rest) = self.0.split_first()?;
        let leading = identifier & 0xe0;
        let mut number = u16::from(identifier & 0x1f);
        if number == 0x1f {
            let (&first, after) = rest.split_first()?;
            rest = after;
            number = u16::from(first & 0x7f);
            if first & 0x80 != 0 {
                let (&second, after) = rest.split_first()?;
                rest = after;
                // A leading zero, or more octets than two.
                if number == 0 || second & 0x80 != 0 {
                    return None;
                }
                number = number << 7 | u16::from(second);
            }
            // Written in the long form for nothing.
            if number < 0x1f {
                return None;
            }
        }
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (octets, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                let length = octets
                    .iter()
                    .fold(0, |length, octet| length << 8 | usize::from(*octet));
                if length < 0x80 || octets.first() == Some(&0) {
                    return None;
                }
                length
            }
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((Tag { leading, number }, contents))
    }

    /// The next element's contents, if it has this tag.
    pub(super) fn expect(&mut self, expected: Tag) -> Option<&'a [u8]> {
        match self.next()? {
            (tag, contents) if tag == expected => Some(contents),
            _ => None,
        }
    }
}
