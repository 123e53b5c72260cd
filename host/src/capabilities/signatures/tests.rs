//! A key and a signature of each algorithm, and what is wrong with others. The keys are new
//! in every run, but for one of 8192 bits, which takes long to find.

mod ed25519;
mod keys;
mod right;

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
