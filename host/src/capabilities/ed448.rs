//! Ed448 (RFC 8032 section 5.2), which aws-lc-rs does not have.
//!
//! The crate checks that the points are on the curve and in the prime-order group, and that
//! S is less than the group's order. It reads points in other spellings than the one that
//! they are written in, which section 5.2.3 refuses: those are refused here.

use ed448_goldilocks_plus::{CompressedEdwardsY, EdwardsPoint, Signature, VerifyingKey};

/// Bytes of a key, and of half a signature.
const LENGTH: usize = 57;

/// Whether `signature` over `message` was made with the private half of `key`, without
/// context; none where `key` is no key.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    let key = <[u8; LENGTH]>::try_from(key)
        .ok()
        .filter(is_canonical)
        .and_then(|key| VerifyingKey::from_bytes(&key).ok())?;
    let canonical = signature.first_chunk::<LENGTH>().is_some_and(is_canonical);
    let signature = Signature::try_from(signature);
    Some(canonical && signature.is_ok_and(|signature| key.verify_raw(&signature, message).is_ok()))
}

/// Whether these bytes are what the point that they mean is written as.
fn is_canonical(point: &[u8; LENGTH]) -> bool {
    let compressed = CompressedEdwardsY(*point);
    let point: Option<EdwardsPoint> = compressed.decompress().into();
    point.is_some_and(|point| point.compress() == compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.4, "1 octet".
    const KEY: &str = "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c086\
        6aea01eb00742802b8438ea4cb82169c235160627b4c3a9480";
    const MESSAGE: &[u8] = &[3];
    const SIGNATURE: &str = "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f435\
        2541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cb\
        cee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f\
        f3348ab21aa4adafd1d234441cf807c03a00";

    /// The order of the group, least byte first.
    const ORDER: &str = "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffff\
        ffffffffffffffffffffffffffffffffffffffffffffff3f00";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn signature_of_the_standard_verifies() {
        let verdict = verify(&bytes(KEY), MESSAGE, &bytes(SIGNATURE));
        assert_eq!(verdict, Some(true));
    }

    #[test]
    fn every_flipped_bit_is_wrong() {
        let (key, signature) = (bytes(KEY), bytes(SIGNATURE));
        for at in 0..signature.len() * 8 {
            let mut wrong = signature.clone();
            wrong[at / 8] ^= 1 << (at % 8);
            assert_eq!(verify(&key, MESSAGE, &wrong), Some(false), "bit {at}");
        }
        assert_eq!(verify(&key, &[2], &signature), Some(false));
        for length in [0, 57, 113, 115] {
            let mut wrong = signature.clone();
            wrong.resize(length, 0);
            assert_eq!(verify(&key, MESSAGE, &wrong), Some(false), "{length} bytes");
        }
    }

    #[test]
    fn scalar_beyond_the_order_is_wrong() {
        let mut wrong = bytes(SIGNATURE);
        let mut carry = 0;
        for (byte, add) in wrong[57..].iter_mut().zip(bytes(ORDER)) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert_eq!(verify(&bytes(KEY), MESSAGE, &wrong), Some(false));
    }

    #[test]
    fn what_is_no_key_or_is_spelt_in_another_way_is_none() {
        let key = bytes(KEY);
        let mut unused_bit = key.clone();
        unused_bit[56] ^= 1;
        // 1, the identity, and p + 1, which means the same.
        let mut identity = vec![0; 57];
        identity[0] = 1;
        let beyond = [[0; 28], [0xff; 28]].concat();
        let beyond = [&beyond[..], &[0]].concat();
        for wrong in [
            unused_bit,
            identity,
            beyond,
            vec![0; 57],
            key[..56].to_vec(),
            [&key[..], &[0]].concat(),
            Vec::new(),
        ] {
            let verdict = verify(&wrong, MESSAGE, &bytes(SIGNATURE));
            assert_eq!(verdict, None, "{wrong:02x?}");
        }
    }
}
