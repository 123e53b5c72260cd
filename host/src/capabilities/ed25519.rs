//! Ed25519 keys (RFC 8032 section 5.1), as far as aws-lc-rs leaves them unlooked at: it
//! takes any 32 bytes for a key, and verifies with one of small order.
//!
//! Under a key of small order one signature is right for many messages, so such a key is
//! refused whenever it is used; that costs nothing. Whether a key is a point of the curve
//! at all costs about a tenth of a verification. It is asked when a key is judged by
//! itself, which is when a passkey is registered. Later it need not be: under a key that is
//! no point nothing verifies.

use curve25519_dalek::edwards::CompressedEdwardsY;

/// Bytes of a key: y, least byte first, and the sign of x in the highest bit.
const LENGTH: usize = 32;

/// y of the eight points of small order; the signs of x are no part of it.
const SMALL_ORDER: [[u8; LENGTH]; 5] = [
    // Order 4: 0.
    [0; LENGTH],
    // The identity: 1.
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    // Order 8, both values.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    // Order 2: -1.
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

/// Whether these bytes may be used as a key: as many as a key has, the one spelling of
/// what they mean (section 5.1.3 refuses y beyond the field), and none of small order.
pub(super) fn is_usable(key: &[u8]) -> bool {
    let Ok(mut y) = <[u8; LENGTH]>::try_from(key) else {
        return false;
    };
    let [low, middle @ .., high] = &mut y;
    *high &= 0x7f;
    // p = 2^255 - 19.
    let beyond = *high == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *low >= 0xed;
    !beyond && !SMALL_ORDER.contains(&y)
}

/// Whether these bytes are a point of the curve.
pub(super) fn is_point(key: &[u8]) -> bool {
    CompressedEdwardsY::from_slice(key).is_ok_and(|point| point.decompress().is_some())
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_COMPRESSED, EIGHT_TORSION};

    use super::*;

    #[test]
    fn base_point_is_a_usable_point() {
        let key = ED25519_BASEPOINT_COMPRESSED.to_bytes();
        assert!(is_usable(&key) && is_point(&key));
    }

    #[test]
    fn points_of_small_order_are_not_usable_whatever_their_sign() {
        for point in EIGHT_TORSION {
            let mut key = point.compress().to_bytes();
            assert!(is_point(&key));
            assert!(!is_usable(&key), "{key:02x?}");
            key[31] ^= 0x80;
            assert!(!is_usable(&key), "{key:02x?}");
        }
    }

    #[test]
    fn second_spellings_are_not_usable() {
        // p + y, for all y that 255 bits have room for.
        for y in 0..19 {
            for sign in [0, 0x80] {
                let mut key = [0xff; LENGTH];
                key[0] = 0xed + y;
                key[31] = 0x7f | sign;
                assert!(!is_usable(&key), "{key:02x?}");
            }
        }
        // The highest y that is one.
        let mut key = [0xff; LENGTH];
        key[0] = 0xeb;
        key[31] = 0x7f;
        assert!(is_usable(&key));
    }

    #[test]
    fn other_lengths_are_not_usable() {
        for length in [0, 31, 33, 64] {
            assert!(!is_usable(&vec![9; length]));
            assert!(!is_point(&vec![9; length]));
        }
    }

    #[test]
    fn about_half_of_all_values_are_no_points() {
        let points = (2..=101_u8).filter(|y| {
            let mut key = [0; LENGTH];
            key[0] = *y;
            is_point(&key)
        });
        let points = points.count();
        assert!((25..=75).contains(&points), "{points}");
    }
}
