//! Key pairs of every algorithm, for credentials and for certificates.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    RsaKeyPair,
};
use ed448_goldilocks_plus::SigningKey as Ed448;
use num_bigint::BigUint;
use passkey_manager::cbor::Value;
use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use sha1::{Digest as _, Sha1};

use super::authenticator::{cose, cose_okp};

/// RSA with SHA-1: no credential's algorithm, but one of old TPMs.
pub const RS1: i32 = -65_535;

pub const ALL: &[i32] = &[
    -7, -35, -36, -8, -9, -51, -52, -19, -53, -257, -258, -259, -37, -38, -39, -48, -49, -50,
];

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Ed448(Box<Ed448>),
    Rsa(&'static RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

/// A key pair and the one algorithm that it is used with.
pub struct TestKey {
    pub algorithm: i32,
    pair: Pair,
    /// As in a certificate's BIT STRING.
    public: Vec<u8>,
}

impl TestKey {
    pub fn generate(algorithm: i32) -> Self {
        let pair = match algorithm {
            -8 | -19 => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            -53 => Pair::Ed448(Box::new(ed448())),
            -48 => Pair::MlDsa(PqdsaKeyPair::generate(&lc::ML_DSA_44_SIGNING).unwrap()),
            -49 => Pair::MlDsa(PqdsaKeyPair::generate(&lc::ML_DSA_65_SIGNING).unwrap()),
            -50 => Pair::MlDsa(PqdsaKeyPair::generate(&lc::ML_DSA_87_SIGNING).unwrap()),
            -257 | -258 | -259 | -37 | -38 | -39 | RS1 => Pair::Rsa(rsa_2048()),
            other => Pair::Ec(EcdsaKeyPair::generate(ecdsa(other)).unwrap()),
        };
        TestKey::of(algorithm, pair)
    }

    /// An RSA key of another size than 2048 bits.
    pub fn rsa(algorithm: i32, size: KeySize) -> Self {
        let pair = Box::leak(Box::new(RsaKeyPair::generate(size).unwrap()));
        TestKey::of(algorithm, Pair::Rsa(pair))
    }

    /// ES256 with this secret.
    pub fn es256(secret: &[u8; 32]) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(secret).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &lc::ECDSA_P256_SHA256_ASN1_SIGNING,
            secret,
            point.as_bytes(),
        );
        TestKey::of(-7, Pair::Ec(pair.unwrap()))
    }

    fn of(algorithm: i32, pair: Pair) -> Self {
        let public = match &pair {
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed448(pair) => pair.verifying_key().as_bytes().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::MlDsa(pair) => pair.public_key().as_ref().to_vec(),
        };
        TestKey {
            algorithm,
            pair,
            public,
        }
    }

    /// As a COSE_Key.
    pub fn cose(&self) -> Vec<u8> {
        let algorithm = i64::from(self.algorithm);
        match &self.pair {
            Pair::Ec(_) => {
                let (x, y) = self.point();
                cose(vec![
                    (1, Value::Integer(2)),
                    (3, Value::Integer(algorithm)),
                    (
                        -1,
                        Value::Integer(
                            [(32, 1), (48, 2), (66, 3)]
                                .iter()
                                .find(|(size, _)| *size == x.len())
                                .unwrap()
                                .1,
                        ),
                    ),
                    (-2, Value::Bytes(x)),
                    (-3, Value::Bytes(y)),
                ])
            }
            Pair::Ed(_) | Pair::Ed448(_) => cose_okp(algorithm, &self.public),
            Pair::Rsa(_) => {
                let (n, e) = self.numbers();
                cose(vec![
                    (1, Value::Integer(3)),
                    (3, Value::Integer(algorithm)),
                    (-1, Value::Bytes(&n)),
                    (-2, Value::Bytes(&e)),
                ])
            }
            Pair::MlDsa(_) => cose(vec![
                (1, Value::Integer(7)),
                (3, Value::Integer(algorithm)),
                (-1, Value::Bytes(&self.public)),
            ]),
        }
    }

    /// Coordinates of an elliptic key.
    pub fn point(&self) -> (&[u8], &[u8]) {
        self.public[1..].split_at((self.public.len() - 1) / 2)
    }

    /// The public key's bytes, coordinate by coordinate if it has some.
    pub fn point_or_public(&self) -> [&[u8]; 2] {
        match &self.pair {
            Pair::Ec(_) => self.point().into(),
            _ => [&self.public, &[]],
        }
    }

    /// Modulus and exponent of an RSA key.
    pub fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        assert!(matches!(self.pair, Pair::Rsa(_)));
        // RSAPublicKey (RFC 8017 appendix A.1.1).
        let (_, key) = element(&self.public);
        let (rest, n) = element(key);
        let (_, e) = element(rest);
        let bare = |number: &[u8]| number[usize::from(number[0] == 0)..].to_vec();
        (bare(n), bare(e))
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ed448(pair) => pair.sign_raw(message).to_bytes().to_vec(),
            Pair::Rsa(pair) if self.algorithm == RS1 => rs1(pair, message),
            Pair::Rsa(pair) => {
                let padding: &'static dyn lc::RsaEncoding = match self.algorithm {
                    -257 => &lc::RSA_PKCS1_SHA256,
                    -258 => &lc::RSA_PKCS1_SHA384,
                    -259 => &lc::RSA_PKCS1_SHA512,
                    -37 => &lc::RSA_PSS_SHA256,
                    -38 => &lc::RSA_PSS_SHA384,
                    -39 => &lc::RSA_PSS_SHA512,
                    other => panic!("RSA does not sign with {other}"),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).unwrap();
                signature.truncate(length);
                signature
            }
        }
    }
}

fn ed448() -> Ed448 {
    let mut secret = [0; 57];
    aws_lc_rs::rand::fill(&mut secret).unwrap();
    Ed448::from_bytes(&secret.into())
}

/// RFC 8017 section 8.2.1, with SHA-1.
fn rs1(pair: &RsaKeyPair, message: &[u8]) -> Vec<u8> {
    // PrivateKeyInfo (RFC 5208): version, algorithm, and RSAPrivateKey (RFC 8017 appendix
    // A.1.2) in an octet string: version, n, e, d.
    let info = pair.as_der().unwrap();
    let (_, info) = element(info.as_ref());
    let (info, _version) = element(info);
    let (info, _algorithm) = element(info);
    let (_, key) = element(info);
    let (_, key) = element(key);
    let (key, _version) = element(key);
    let (key, n) = element(key);
    let (key, _e) = element(key);
    let (_, d) = element(key);
    // DigestInfo of SHA-1 (RFC 8017 section 9.2, note 1).
    let mut info = vec![
        0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
    ];
    info.extend(Sha1::digest(message));
    let length = pair.public_modulus_len();
    let padding = vec![0xff; length - info.len() - 3];
    let padded = [&[0, 1], padding.as_slice(), &[0], &info].concat();
    let number = BigUint::from_bytes_be;
    let signature = number(&padded).modpow(&number(d), &number(n)).to_bytes_be();
    let zeros = vec![0; length - signature.len()];
    [zeros, signature].concat()
}

/// What follows a DER element, and its contents.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        0x82 => (usize::from(u16::from_be_bytes([der[2], der[3]])), 4),
        // A private exponent may be short.
        0x81 => (usize::from(der[2]), 3),
        short => (usize::from(short), 2),
    };
    let (contents, rest) = der[start..].split_at(length);
    (rest, contents)
}

fn ecdsa(algorithm: i32) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        -7 | -9 => &lc::ECDSA_P256_SHA256_ASN1_SIGNING,
        -35 | -51 => &lc::ECDSA_P384_SHA384_ASN1_SIGNING,
        -36 | -52 => &lc::ECDSA_P521_SHA512_ASN1_SIGNING,
        -1_521_256 => &lc::ECDSA_P521_SHA256_ASN1_SIGNING,
        other => panic!("no key for {other}"),
    }
}

/// One for all tests: it takes long to find.
fn rsa_2048() -> &'static RsaKeyPair {
    static PAIR: OnceLock<RsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

impl PublicKeyData for TestKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.algorithm {
            -7 => &rcgen::PKCS_ECDSA_P256_SHA256,
            -35 => &rcgen::PKCS_ECDSA_P384_SHA384,
            -36 => &rcgen::PKCS_ECDSA_P521_SHA512,
            -1_521_256 => &rcgen::PKCS_ECDSA_P521_SHA256,
            -8 => &rcgen::PKCS_ED25519,
            -257 | -37 | RS1 => &rcgen::PKCS_RSA_SHA256,
            -258 | -38 => &rcgen::PKCS_RSA_SHA384,
            -259 | -39 => &rcgen::PKCS_RSA_SHA512,
            other => panic!("no certificates with {other}"),
        }
    }
}

impl SigningKey for TestKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(TestKey::sign(self, message))
    }
}
