//! The host's `signatures.verify`, for tests that run without a host: whether signatures
//! are right, not all that the host finds in keys. That is tested there.

use aws_lc_rs::signature::{
    self as lc, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use ed448_goldilocks_plus::{Signature, VerifyingKey};
use passkey_manager::bindings::signatures::{Error, PublicKey};

pub fn verify(
    algorithm: i32,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let ec = |of: &'static lc::EcdsaVerificationAlgorithm, size: usize| match key {
        PublicKey::Ec2(point) if point.x.len() == size && point.y.len() == size => {
            let point = [&[4], point.x.as_slice(), &point.y].concat();
            parsed(of, &point, message, signature)
        }
        _ => Err(Error::InvalidKey),
    };
    let rsa = |of: &'static RsaParameters| match key {
        PublicKey::Rsa(key) if (256..=1024).contains(&key.n.len()) && key.e != [1] => {
            let components = RsaPublicKeyComponents {
                n: key.n.as_slice(),
                e: key.e.as_slice(),
            };
            Ok(components.verify(of, message, signature).is_ok())
        }
        _ => Err(Error::InvalidKey),
    };
    let ml_dsa = |of: &'static lc::PqdsaVerificationAlgorithm| match key {
        PublicKey::Okp(key) => parsed(of, key, message, signature),
        _ => Err(Error::InvalidKey),
    };
    match algorithm {
        -7 | -9 => ec(&lc::ECDSA_P256_SHA256_ASN1, 32),
        -35 | -51 => ec(&lc::ECDSA_P384_SHA384_ASN1, 48),
        -36 | -52 => ec(&lc::ECDSA_P521_SHA512_ASN1, 66),
        -1_256_384 => ec(&lc::ECDSA_P256_SHA384_ASN1, 32),
        -1_256_512 => ec(&lc::ECDSA_P256_SHA512_ASN1, 32),
        -1_384_256 => ec(&lc::ECDSA_P384_SHA256_ASN1, 48),
        -1_384_512 => ec(&lc::ECDSA_P384_SHA512_ASN1, 48),
        -1_521_256 => ec(&lc::ECDSA_P521_SHA256_ASN1, 66),
        -1_521_384 => ec(&lc::ECDSA_P521_SHA384_ASN1, 66),
        -8 | -19 => match key {
            PublicKey::Okp(key) => parsed(&lc::ED25519, key, message, signature),
            _ => Err(Error::InvalidKey),
        },
        -53 => match key {
            PublicKey::Okp(key) => ed448(key, message, signature),
            _ => Err(Error::InvalidKey),
        },
        -48 => ml_dsa(&lc::ML_DSA_44),
        -49 => ml_dsa(&lc::ML_DSA_65),
        -50 => ml_dsa(&lc::ML_DSA_87),
        -257 => rsa(&lc::RSA_PKCS1_2048_8192_SHA256),
        -258 => rsa(&lc::RSA_PKCS1_2048_8192_SHA384),
        -259 => rsa(&lc::RSA_PKCS1_2048_8192_SHA512),
        -37 => rsa(&lc::RSA_PSS_2048_8192_SHA256),
        -38 => rsa(&lc::RSA_PSS_2048_8192_SHA384),
        -39 => rsa(&lc::RSA_PSS_2048_8192_SHA512),
        -65_535 => rsa(&lc::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        _ => Err(Error::UnsupportedAlgorithm),
    }
}

fn ed448(key: &[u8], message: &[u8], signature: &[u8]) -> Result<bool, Error> {
    let key = key.try_into().map_err(|_| Error::InvalidKey)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| Error::InvalidKey)?;
    let signature = Signature::try_from(signature);
    Ok(signature.is_ok_and(|signature| key.verify_raw(&signature, message).is_ok()))
}

fn parsed<A: VerificationAlgorithm>(
    algorithm: &'static A,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    let key = ParsedPublicKey::new(algorithm, key).map_err(|_| Error::InvalidKey)?;
    Ok(key.verify_sig(message, signature).is_ok())
}
