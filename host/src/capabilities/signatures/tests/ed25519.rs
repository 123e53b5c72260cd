//! Ed25519: what is a signature of too much, or a second spelling of one.

use super::*;

#[test]
fn ed25519_key_that_is_no_point_is_refused_when_it_is_asked_about() {
    // y = 2 is no point.
    let mut bytes = vec![0; 32];
    bytes[0] = 2;
    let key = PublicKey::Okp(bytes);
    assert_eq!(
        verify(-8, &key, MESSAGE, &[]),
        Err(SignatureError::InvalidKey)
    );
    // Nothing verifies with it either.
    assert_eq!(verify(-8, &key, MESSAGE, &[1; 64]), Ok(false));
}

/// Under the identity as a key, R = 1 and S = 0 are a signature of everything.
#[test]
fn degenerate_ed25519_signature_has_no_key() {
    let mut identity = vec![0; 32];
    identity[0] = 1;
    let everything = [identity.as_slice(), &[0; 32]].concat();
    let key = PublicKey::Okp(identity);
    assert_eq!(
        verify(-8, &key, MESSAGE, &everything),
        Err(SignatureError::InvalidKey)
    );
    assert_no_key(-8, &key);
    // Under a real key it is none.
    let signed = Signed::ed25519();
    assert_eq!(signed.verify(MESSAGE, &everything), Ok(false));
}

/// S and S + L mean the same; RFC 8032 section 5.1.7 takes the lower one alone.
#[test]
fn ed25519_scalar_beyond_the_order_is_wrong() {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let signed = Signed::ed25519();
    let mut wrong = signed.signature.clone();
    let mut carry = 0;
    for (byte, add) in wrong[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(signed.verify(MESSAGE, &wrong), Ok(false));
}
