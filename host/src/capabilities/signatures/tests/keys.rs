//! What is no key, or none for its algorithm.

use super::*;

#[test]
fn point_off_its_curve_is_no_key() {
    for with in EC {
        let signed = Signed::ec(with);
        let PublicKey::Ec2(Ec2Key { x, y }) = &signed.key else {
            panic!("an elliptic key");
        };
        let mut off = y.clone();
        *off.last_mut().unwrap() ^= 1;
        assert_no_key(signed.algorithm, &ec2(x, &off));
        assert_no_key(signed.algorithm, &ec2(y, x));
        // The point at infinity has no coordinates; these are what some take for it.
        assert_no_key(signed.algorithm, &ec2(&vec![0; x.len()], &vec![0; x.len()]));
        assert_no_key(signed.algorithm, &ec2(&[], &[]));
        // Numbers beyond the field, or of another size.
        assert_no_key(signed.algorithm, &ec2(&vec![0xff; x.len()], y));
        assert_no_key(signed.algorithm, &ec2(&x[1..], y));
        assert_no_key(signed.algorithm, &ec2(&[&[0], x.as_slice()].concat(), y));
    }
}

#[test]
fn octet_key_of_another_size_is_none() {
    for (algorithm, size) in [(-8, 32), (-53, 57), (-48, 1312), (-49, 1952), (-50, 2592)] {
        for length in [0, 1, size - 1, size + 1] {
            assert_no_key(algorithm, &PublicKey::Okp(vec![9; length]));
        }
    }
}

#[test]
fn rsa_modulus_is_odd_and_has_2048_to_8192_bits() {
    let of = |bytes: usize, high: u8, low: u8| {
        let mut n = vec![0x55; bytes];
        n[0] = high;
        n[bytes - 1] = low;
        n
    };
    for (algorithm, _) in RSA {
        for (n, whole) in [
            (of(256, 0x80, 1), true),
            (of(256, 0xff, 1), true),
            (of(1024, 0xff, 1), true),
            // 2047, 2041, 1024 and 8193 bits.
            (of(256, 0x7f, 1), false),
            (of(256, 1, 1), false),
            (of(128, 0xff, 1), false),
            (of(1025, 1, 1), false),
            // Even, padded, empty.
            (of(256, 0x80, 2), false),
            (of(257, 0, 1), false),
            (Vec::new(), false),
        ] {
            let key = rsa_key(&n, &[1, 0, 1]);
            if whole {
                assert_eq!(verify(algorithm, &key, MESSAGE, &[]), Ok(false));
            } else {
                assert_no_key(algorithm, &key);
            }
        }
    }
}

#[test]
fn rsa_exponent_is_odd_from_3_and_below_2_to_the_33() {
    let mut n = vec![0xc5; 256];
    n[255] = 1;
    for (e, whole) in [
        (&[3][..], true),
        (&[17], true),
        (&[1, 0, 1], true),
        (&[1, 0xff, 0xff, 0xff, 0xff], true),
        // 2^33 + 1, and far more.
        (&[2, 0, 0, 0, 1], false),
        (&[1, 0, 0, 0, 0, 0, 0, 1], false),
        (&[0xff; 16], false),
        (&[], false),
        (&[0], false),
        (&[1], false),
        (&[2], false),
        (&[1, 0, 0], false),
        (&[0, 3], false),
    ] {
        let key = rsa_key(&n, e);
        if whole {
            assert_eq!(verify(-257, &key, MESSAGE, &[]), Ok(false), "{e:02x?}");
        } else {
            assert_no_key(-257, &key);
        }
    }
}

#[test]
fn key_of_another_type_is_none() {
    let keys = [
        Signed::ec(EC[0]).key,
        Signed::ed25519().key,
        rsa_key(&[0xff; 256], &[3]),
    ];
    for algorithm in ALL {
        let refused = keys
            .iter()
            .filter(|key| verify(algorithm, key, MESSAGE, &[]) == Err(SignatureError::InvalidKey));
        assert!(refused.count() >= 2, "{algorithm}");
    }
}

#[test]
fn unknown_algorithm_is_unsupported_whatever_the_key() {
    let key = Signed::ec(EC[0]).key;
    for algorithm in [0, 1, -1, -47, -65_534, -1_256_256, i32::MIN, i32::MAX] {
        assert_eq!(
            verify(algorithm, &key, MESSAGE, &[]),
            Err(SignatureError::UnsupportedAlgorithm(algorithm))
        );
    }
}
