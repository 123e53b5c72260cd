//! A strict CBOR reader (RFC 8949) for what authenticators send, and the writer
//! that hands it on.
//!
//! Accepted: integers of 64 bits with sign, byte and text strings, arrays, maps,
//! booleans and null, all of definite length. Refused: indefinite lengths, tags,
//! floating point, undefined, duplicate map keys, text that is not UTF-8, nesting
//! below [`MAX_DEPTH`], more than [`MAX_ITEMS`] items. Lengths written longer than
//! needed are accepted (some authenticators do it) and compare by value, so they
//! can't smuggle a duplicate key in.
//!
//! Memory is bounded by the input: an item takes at least one byte, and nothing is
//! reserved on the word of a length.

/// How deep arrays and maps may nest. CTAP2 allows 4.
pub const MAX_DEPTH: usize = 8;

/// How many items one document may have, at all levels together.
pub const MAX_ITEMS: usize = 1024;

/// A data item. Strings borrow from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Major types 0 and 1.
    Integer(i64),
    /// Major type 2.
    Bytes(&'a [u8]),
    /// Major type 3.
    Text(&'a str),
    /// Major type 4.
    Array(Vec<Value<'a>>),
    /// Major type 5, in the order of the input; keys are distinct.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `true` and `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Why some bytes are not acceptable CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The input ends inside an item.
    #[error("CBOR ends inside an item")]
    Truncated,
    /// Bytes follow the item.
    #[error("{0} bytes follow the CBOR item")]
    Trailing(usize),
    /// Indefinite lengths, tags, floats, reserved values.
    #[error("CBOR initial byte {0:#04x} is not accepted here")]
    Unacceptable(u8),
    /// An integer outside 64 bits with sign.
    #[error("a CBOR integer does not fit in 64 bits")]
    IntegerRange,
    /// Text that is not UTF-8.
    #[error("CBOR text is not UTF-8")]
    Text,
    /// A map has the same key twice.
    #[error("a CBOR map has the same key twice")]
    DuplicateKey,
    /// Beyond [`MAX_DEPTH`].
    #[error("CBOR nests deeper than {MAX_DEPTH}")]
    Depth,
    /// Beyond [`MAX_ITEMS`].
    #[error("CBOR has more than {MAX_ITEMS} items")]
    Items,
}

/// Read one item that is the whole input.
///
/// # Errors
/// [`CborError`], also when bytes follow the item.
pub fn decode(input: &[u8]) -> Result<Value<'_>, CborError> {
    let (value, rest) = decode_prefix(input)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CborError::Trailing(rest.len()))
    }
}

/// Read one item and return what follows it.
///
/// # Errors
/// [`CborError`].
pub fn decode_prefix(input: &[u8]) -> Result<(Value<'_>, &[u8]), CborError> {
    let mut reader = Reader {
        rest: input,
        items: 0,
    };
    let value = reader.value(MAX_DEPTH)?;
    Ok((value, reader.rest))
}

/// Append an item, with every length in its shortest form.
pub fn encode(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Integer(number) => match u64::try_from(*number) {
            Ok(unsigned) => head(0, unsigned, out),
            // -1 - n, which in two's complement is the inverse and can't overflow.
            Err(_) => head(1, (!*number).cast_unsigned(), out),
        },
        Value::Bytes(bytes) => {
            head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            for item in items {
                encode(item, out);
            }
        }
        Value::Map(entries) => {
            head(5, entries.len() as u64, out);
            for (key, item) in entries {
                encode(key, out);
                encode(item, out);
            }
        }
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Null => out.push(0xf6),
    }
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    let [.., last] = bytes;
    let [.., a, b] = bytes;
    let [_, _, _, _, w, x, y, z] = bytes;
    match argument {
        0..=23 => out.push(major | last),
        24..=0xff => out.extend_from_slice(&[major | 24, last]),
        0x100..=0xffff => out.extend_from_slice(&[major | 25, a, b]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[major | 26, w, x, y, z]),
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

// === impl Value ===

impl<'a> Value<'a> {
    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Value<'a>, Value<'a>)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a map under a text key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.as_map()?
            .iter()
            .find(|(found, _)| *found == Value::Text(key))
            .map(|(_, value)| value)
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, CborError> {
        self.items += 1;
        if self.items > MAX_ITEMS {
            return Err(CborError::Items);
        }
        let initial = self.byte()?;
        let major = initial >> 5;
        if major == 7 {
            return match initial {
                0xf4 => Ok(Value::Bool(false)),
                0xf5 => Ok(Value::Bool(true)),
                0xf6 => Ok(Value::Null),
                _ => Err(CborError::Unacceptable(initial)),
            };
        }
        let argument = self.argument(initial)?;
        match major {
            0 => i64::try_from(argument)
                .map(Value::Integer)
                .map_err(|_| CborError::IntegerRange),
            1 => i64::try_from(argument)
                .map(|n| Value::Integer(-1 - n))
                .map_err(|_| CborError::IntegerRange),
            2 => self.take(argument).map(Value::Bytes),
            3 => std::str::from_utf8(self.take(argument)?)
                .map(Value::Text)
                .map_err(|_| CborError::Text),
            4 => {
                let below = depth.checked_sub(1).ok_or(CborError::Depth)?;
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.value(below)?);
                }
                Ok(Value::Array(items))
            }
            5 => {
                let below = depth.checked_sub(1).ok_or(CborError::Depth)?;
                let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.value(below)?;
                    if entries.iter().any(|(known, _)| *known == key) {
                        return Err(CborError::DuplicateKey);
                    }
                    let value = self.value(below)?;
                    entries.push((key, value));
                }
                Ok(Value::Map(entries))
            }
            _ => Err(CborError::Unacceptable(initial)),
        }
    }

    fn argument(&mut self, initial: u8) -> Result<u64, CborError> {
        let short = initial & 0x1f;
        let width = match short {
            0..=23 => return Ok(u64::from(short)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(CborError::Unacceptable(initial)),
        };
        Ok(self
            .take(width)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn byte(&mut self) -> Result<u8, CborError> {
        let (first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
