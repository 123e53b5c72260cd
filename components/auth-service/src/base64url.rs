//! base64url without padding (RFC 4648 section 5), as WebAuthn's JSON forms
//! have it: strict in what it reads, so that one value has one spelling.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes to text.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Text to bytes. None for padding, another alphabet, white space, an
/// impossible length, and bits that stand for nothing.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whether every character is of the alphabet, and there is one.
pub fn is_valid(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        // Padding, the other alphabet, white space, trailing bits, length 1.
        for text in ["-_8=", "+/8", "-_8 ", "-_9", "A", "\u{e4}"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
