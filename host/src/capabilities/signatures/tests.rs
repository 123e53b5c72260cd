//! A key and a signature of each algorithm, and what is wrong with others. The keys are new
//! in every run, but for one of 8192 bits, which takes long to find.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    RsaEncoding, RsaKeyPair,
};
use ed448_goldilocks_plus::SigningKey as Ed448;

use super::*;

const MESSAGE: &[u8] = b"authenticator data and the hash of client data";

/// Algorithms of each kind of key.
const EC: [(i32, &EcdsaSigningAlgorithm); 5] = [
    (-7, &lc::ECDSA_P256_SHA256_ASN1_SIGNING),
    (-35, &lc::ECDSA_P384_SHA384_ASN1_SIGNING),
    (-36, &lc::ECDSA_P521_SHA512_ASN1_SIGNING),
    // Of certificates, as far as there is a signer.
    (-1_521_256, &lc::ECDSA_P521_SHA256_ASN1_SIGNING),
    (-1_521_384, &lc::ECDSA_P521_SHA384_ASN1_SIGNING),
];
const RSA: [(i32, &dyn RsaEncoding); 6] = [
    (-257, &lc::RSA_PKCS1_SHA256),
    (-258, &lc::RSA_PKCS1_SHA384),
    (-259, &lc::RSA_PKCS1_SHA512),
    (-37, &lc::RSA_PSS_SHA256),
    (-38, &lc::RSA_PSS_SHA384),
    (-39, &lc::RSA_PSS_SHA512),
];

/// Every algorithm that the host verifies.
const ALL: [i32; 25] = [
    -7, -35, -36, -8, -9, -51, -52, -19, -53, -257, -258, -259, -37, -38, -39, -48, -49, -50,
    -65_535, -1_256_384, -1_256_512, -1_384_256, -1_384_512, -1_521_256, -1_521_384,
];

/// The second name of an algorithm, which fixes its curve too (RFC 9864).
const FIXED: [[i32; 2]; 4] = [[-7, -9], [-35, -51], [-36, -52], [-8, -19]];

/// A public key, and its signature of [`MESSAGE`].
struct Signed {
    algorithm: i32,
    key: PublicKey,
    signature: Vec<u8>,
}

// === impl Signed ===

impl Signed {
    fn ec((algorithm, with): (i32, &'static EcdsaSigningAlgorithm)) -> Self {
        let pair = EcdsaKeyPair::generate(with).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(point.len() / 2);
        Signed {
            algorithm,
            key: ec2(x, y),
            signature: pair
                .sign(&SystemRandom::new(), MESSAGE)
                .unwrap()
                .as_ref()
                .to_vec(),
        }
    }

    fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Signed {
            algorithm: -8,
            key: PublicKey::Okp(pair.public_key().as_ref().to_vec()),
            signature: pair.sign(MESSAGE).as_ref().to_vec(),
        }
    }

    fn ed448() -> Self {
        let pair = Ed448::from_bytes(&[3; 57].into());
        Signed {
            algorithm: -53,
            key: PublicKey::Okp(pair.verifying_key().as_bytes().to_vec()),
            signature: pair.sign_raw(MESSAGE).to_bytes().to_vec(),
        }
    }

    fn ml_dsa(algorithm: i32) -> Self {
        let with = match algorithm {
            -48 => &lc::ML_DSA_44_SIGNING,
            -49 => &lc::ML_DSA_65_SIGNING,
            _ => &lc::ML_DSA_87_SIGNING,
        };
        let pair = PqdsaKeyPair::generate(with).unwrap();
        let mut signature = vec![0; pair.algorithm().signature_len()];
        let length = pair.sign(MESSAGE, &mut signature).unwrap();
        signature.truncate(length);
        Signed {
            algorithm,
            key: PublicKey::Okp(pair.public_key().as_ref().to_vec()),
            signature,
        }
    }

    fn rsa(pair: &RsaKeyPair, (algorithm, with): (i32, &'static dyn RsaEncoding)) -> Self {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(with, &SystemRandom::new(), MESSAGE, &mut signature)
            .unwrap();
        let public = pair.public_key();
        Signed {
            algorithm,
            key: rsa_key(
                public.modulus().big_endian_without_leading_zero(),
                public.exponent().big_endian_without_leading_zero(),
            ),
            signature,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<bool, SignatureError> {
        verify(self.algorithm, &self.key, message, signature)
    }

    /// The signature is right, and nothing near it is.
    #[track_caller]
    fn assert_right(&self) {
        let name = self.algorithm;
        let signature = self.signature.as_slice();
        assert_eq!(self.verify(MESSAGE, signature), Ok(true), "{name}");
        assert_eq!(self.verify(b"", signature), Ok(false), "{name}");
        assert_eq!(self.verify(&MESSAGE[1..], signature), Ok(false), "{name}");
        // A question about the key alone.
        assert_eq!(self.verify(MESSAGE, &[]), Ok(false), "{name}");
        let last = signature.len() - 1;
        let zeros = vec![0; signature.len()];
        let longer = [signature, &[0]].concat();
        for wrong in [&zeros, &longer, &signature[..last], &signature[1..]] {
            assert_eq!(self.verify(MESSAGE, wrong), Ok(false), "{name}");
        }
        for at in [0, signature.len() / 2, last] {
            let mut flipped = signature.to_vec();
            flipped[at] ^= 1;
            assert_eq!(self.verify(MESSAGE, &flipped), Ok(false), "{name} at {at}");
        }
        // Under the same key another algorithm is wrong, or the key is none for it.
        let names = FIXED.into_iter().find(|names| names.contains(&name));
        let names = names.unwrap_or([name; 2]);
        assert_eq!(
            names.map(|name| verify(name, &self.key, MESSAGE, signature)),
            [Ok(true); 2]
        );
        for other in ALL.into_iter().filter(|other| !names.contains(other)) {
            let verdict = verify(other, &self.key, MESSAGE, signature);
            assert!(
                matches!(verdict, Ok(false) | Err(SignatureError::InvalidKey)),
                "{name} as {other}: {verdict:?}"
            );
        }
    }
}

fn ec2(x: &[u8], y: &[u8]) -> PublicKey {
    PublicKey::Ec2(Ec2Key {
        x: x.to_vec(),
        y: y.to_vec(),
    })
}

fn rsa_key(n: &[u8], e: &[u8]) -> PublicKey {
    PublicKey::Rsa(RsaKey {
        n: n.to_vec(),
        e: e.to_vec(),
    })
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Asked about the key alone, as a registration does, and with some signature.
#[track_caller]
fn assert_no_key(algorithm: i32, key: &PublicKey) {
    for signature in [&[][..], &[1; 64]] {
        assert_eq!(
            verify(algorithm, key, MESSAGE, signature),
            Err(SignatureError::InvalidKey),
            "{algorithm}, signature of {} bytes",
            signature.len()
        );
    }
}

#[test]
fn ecdsa_of_each_curve_verifies() {
    for with in EC {
        Signed::ec(with).assert_right();
    }
}

#[test]
fn eddsa_verifies() {
    Signed::ed25519().assert_right();
    Signed::ed448().assert_right();
}

#[test]
fn ml_dsa_of_each_size_verifies() {
    for algorithm in [-48, -49, -50] {
        Signed::ml_dsa(algorithm).assert_right();
    }
}

#[test]
fn rsa_of_each_size_verifies() {
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let pair = RsaKeyPair::generate(size).unwrap();
        for with in RSA {
            Signed::rsa(&pair, with).assert_right();
        }
    }
    let pair = RsaKeyPair::from_pkcs8(include_bytes!("rsa_8192.p8")).unwrap();
    assert_eq!(pair.public_modulus_len(), 1024);
    for with in RSA {
        Signed::rsa(&pair, with).assert_right();
    }
}

/// Made with another library, since this one verifies RS1 and does not sign with it.
#[test]
fn rs1_verifies() {
    let n = hex(
        "9995f73aa1f13e4a7c2f856794361ada2ce9b495b54205730b760cd95126e630570b14d77c85f995\
     199d151f9c1cc4b7604a7d6abc5dbb32d026193c7a0d26e5ae5039b664ed0b6adca07fb5eeaee4c9\
     d47cf9ce15ac8fa65b88c3da311677aa80bd895e02697ddde543c7ca88d010afc92310c8ca60e590\
     253d8661fdb1624b54d2e5ff6688639641d16ff4f31ce524fbc715da1043d5c76cda0b2dcc070e04\
     cf2b3e1060bd1e5b33b66986aa60215d0a74e85ba5fe1b0b29daf02b2db08335786c7918a92292db\
     d95ee1c610ecba0c5d59415dd5d0db5e6e242e48e691a9e651a1f02d3357e2031447f25e74a7fe91\
     02879455c9472b0a3237fd1cd7e60767",
    );
    let signature = hex(
        "2e3bead3b407271dda7e302fdbe96456032f63241cd6bc7d083177628d380e986107433ad55bdf16\
     9792099820c360137b9e44199e2c48db09ac4d90be5b79cdf03a9179ca83d666e4b19fdb77c14221\
     a1be7b04f5150676e44364a705184f38ad8efb99158951706d8734390d7a94c79babdc44099c2e0b\
     05e64ebfba8e69b9204b04d55f8d185aabe8cb6385b76af3218de48dcef218d6a120e66f332ccddf\
     c66e794ca50abd0c361aacadcd8fd6d1a928dd6fa8f2f35c6ff9825ef4b5cd4b16b8fd5e339f13c8\
     22c7faccd8c50161dbd28c103413b5bead3efc5be47fe79c56e0013258f347cc687f0c73d0b17457\
     a7e4ac5c9f41d8feaaad73a488954067",
    );
    let key = rsa_key(&n, &[1, 0, 1]);
    assert_eq!(verify(-65_535, &key, b"certInfo", &signature), Ok(true));
    assert_eq!(verify(-65_535, &key, b"certinfo", &signature), Ok(false));
    assert_eq!(verify(-65_535, &key, b"certInfo", &[]), Ok(false));
    for other in [-257, -258, -259, -37, -38, -39] {
        assert_eq!(verify(other, &key, b"certInfo", &signature), Ok(false));
    }
}

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
