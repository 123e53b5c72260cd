//! The id of the credential in an attestation object, which a recording does not
//! give separately.
//!
//! Just enough CBOR (RFC 8949) to walk to `authData`. Whether the object is right
//! is for the component to say: where no id can be found, replay goes on with a
//! stand-in, so that the component refuses the object itself.

/// Nesting that is followed; deeper objects have no id.
const MAX_DEPTH: u8 = 8;

/// The credential id in `authData` (WebAuthn L3 sections 6.5.4 and 6.5.1).
pub fn credential_id(object: &[u8]) -> Option<Vec<u8>> {
    let data = authenticator_data(object)?;
    // RP id hash, flags, counter and AAGUID come first.
    let (length, rest) = data.get(53..)?.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    Some(rest.get(..length)?.to_vec())
}

fn authenticator_data(object: &[u8]) -> Option<&[u8]> {
    let (5, entries, mut rest) = head(object)? else {
        return None;
    };
    for _ in 0..entries {
        let (3, length, after) = head(rest)? else {
            return None;
        };
        let (key, value) = after.split_at_checked(usize::try_from(length).ok()?)?;
        if key == b"authData" {
            let (2, length, after) = head(value)? else {
                return None;
            };
            return after.get(..usize::try_from(length).ok()?);
        }
        rest = skip(value, MAX_DEPTH)?;
    }
    None
}

/// Major type, argument, and what follows the head.
fn head(input: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (initial, rest) = input.split_first()?;
    let width = match initial & 0x1f {
        short @ 0..=23 => return Some((initial >> 5, u64::from(short), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(width)?;
    let argument = argument
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some((initial >> 5, argument, rest))
}

fn skip(input: &[u8], depth: u8) -> Option<&[u8]> {
    let (major, argument, mut rest) = head(input)?;
    let items = match major {
        0 | 1 | 7 => 0,
        2 | 3 => return rest.get(usize::try_from(argument).ok()?..),
        4 => argument,
        5 => argument.checked_mul(2)?,
        _ => return None,
    };
    let below = if items > 0 {
        depth.checked_sub(1)?
    } else {
        depth
    };
    for _ in 0..items {
        rest = skip(rest, below)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::credential_id;

    fn object() -> Vec<u8> {
        let mut data = vec![0; 53];
        data.extend_from_slice(&[0, 3, 7, 8, 9, 0xa0]);
        let mut object = vec![0xa2];
        object.extend_from_slice(b"\x67attStmt\xa1\x63x5c\x81\x42\x01\x02\x68authData\x58");
        object.push(59);
        object.extend_from_slice(&data);
        object
    }

    #[test]
    fn id_is_found_behind_a_nested_statement() {
        assert_eq!(credential_id(&object()), Some(vec![7, 8, 9]));
    }

    #[test]
    fn cut_or_foreign_input_has_no_id() {
        let object = object();
        for length in 0..object.len() - 1 {
            assert_eq!(credential_id(&object[..length]), None, "{length} bytes");
        }
        assert_eq!(credential_id(&[0xff; 80]), None);
        assert_eq!(credential_id(&[0x81; 80]), None);
    }
}
