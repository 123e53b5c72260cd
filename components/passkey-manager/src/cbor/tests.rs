use super::*;

#[test]
fn what_is_written_reads_back() {
    let value = Value::Map(vec![
        (Value::Integer(1), Value::Integer(i64::MAX)),
        (Value::Integer(-1), Value::Integer(i64::MIN)),
        (Value::Integer(-257), Value::Integer(-65536)),
        (Value::Text("a"), Value::Bytes(&[7; 300])),
        (
            Value::Text("b"),
            Value::Array(vec![Value::Bool(true), Value::Bool(false), Value::Null]),
        ),
    ]);
    let mut bytes = Vec::new();
    encode(&value, &mut bytes);
    assert_eq!(decode(&bytes), Ok(value));
}

#[test]
fn negative_numbers_are_written_as_rfc_8949_has_them() {
    for (number, bytes) in [
        (-1, vec![0x20]),
        (-7, vec![0x26]),
        (-24, vec![0x37]),
        (-25, vec![0x38, 24]),
        (-257, vec![0x39, 1, 0]),
    ] {
        let mut out = Vec::new();
        encode(&Value::Integer(number), &mut out);
        assert_eq!(out, bytes, "{number}");
    }
}

#[test]
fn duplicate_keys_are_refused_even_in_two_spellings() {
    assert_eq!(decode(&[0xa2, 1, 0, 1, 0]), Err(CborError::DuplicateKey));
    assert_eq!(
        decode(&[0xa2, 1, 0, 0x18, 1, 0]),
        Err(CborError::DuplicateKey)
    );
}

#[test]
fn trailing_bytes_are_refused() {
    assert_eq!(decode(&[0xa0, 0]), Err(CborError::Trailing(1)));
}

#[test]
fn every_cut_of_a_document_is_refused() {
    let document = [
        0xa2, 0x61, b'a', 0x42, 1, 2, 0x61, b'b', 0x82, 0x19, 1, 0, 0xf6,
    ];
    assert!(decode(&document).is_ok());
    for length in 0..document.len() {
        assert_eq!(
            decode(&document[..length]),
            Err(CborError::Truncated),
            "{length}"
        );
    }
}

#[test]
fn indefinite_lengths_tags_and_floats_are_refused() {
    for first in [
        0x5f, 0x7f, 0x9f, 0xbf, 0xc0, 0xf7, 0xf9, 0xfa, 0xfb, 0xff, 0x1c,
    ] {
        assert_eq!(
            decode(&[first, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]),
            Err(CborError::Unacceptable(first))
        );
    }
}

#[test]
fn nesting_and_number_of_items_are_bounded() {
    assert_eq!(decode(&[0x81; 100]), Err(CborError::Depth));
    let mut many = vec![0x19, 0x10, 0x00];
    many[0] = 0x99;
    many.extend([0; 4096]);
    assert_eq!(decode(&many), Err(CborError::Items));
}

#[test]
fn a_huge_length_reserves_nothing() {
    let lies = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(decode(&lies), Err(CborError::Truncated));
    assert_eq!(
        decode(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Err(CborError::IntegerRange)
    );
}
