//! `zeropass:host/signatures`: verification at native speed, in aws-lc-rs but for Ed448.
//!
//! Keys come as numbers and are checked before use: points must lie on the curve
//! of the algorithm and not be of small order, RSA moduli must be odd and have 2048 to
//! 8192 bits, RSA exponents be odd, from 3 and below 2^33. A signature that does not
//! verify is `false`; only a key or an algorithm that can't be used is an error. An empty
//! signature is a question about the key alone: what passes it can verify signatures.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, EcdsaVerificationAlgorithm, ML_DSA_44, ML_DSA_65, ML_DSA_87,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    VerificationAlgorithm,
};

use super::bindings::signatures::{Ec2Key, Error, Host, PublicKey, RsaKey};
use super::state::CallState;
use super::{ed448, ed25519};
use crate::audit::{Outcome, target};
use crate::policy::action;

/// Why a signature could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a COSE algorithm that the host verifies.
    #[error("COSE algorithm {0} is not supported")]
    UnsupportedAlgorithm(i32),
    /// The key is none for the algorithm.
    #[error("the public key is not valid for the algorithm")]
    InvalidKey,
}

impl Host for CallState {
    async fn verify(
        &mut self,
        algorithm: i32,
        key: PublicKey,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<bool, Error> {
        let permit = self.context.permit_anywhere::<action::SignaturesVerify>()?;
        let verdict = verify(algorithm, &key, &message, &signature);
        permit.settle(
            target::NONE,
            match verdict {
                Ok(true) => Outcome::Success,
                // A question about the key alone.
                Ok(false) if signature.is_empty() => Outcome::Failed("signature-empty"),
                Ok(false) => Outcome::Failed("signature-invalid"),
                Err(SignatureError::UnsupportedAlgorithm(_)) => {
                    Outcome::Failed("unsupported-algorithm")
                }
                Err(SignatureError::InvalidKey) => Outcome::Failed("invalid-key"),
            },
        );
        verdict.map_err(|error| match error {
            SignatureError::UnsupportedAlgorithm(_) => Error::UnsupportedAlgorithm,
            SignatureError::InvalidKey => Error::InvalidKey,
        })
    }
}

/// Whether `signature` over `message` was made with the private half of `key`.
/// `algorithm` is a COSE algorithm identifier (RFC 9053 section 2, RFC 8812
/// section 2, RFC 9864 section 2).
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    algorithm: i32,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SignatureError> {
    let ec = |of: &'static EcdsaVerificationAlgorithm, width, key: &Ec2Key| {
        ecdsa(of, width, &key.x, &key.y, message, signature)
    };
    match (algorithm, key) {
        (-7 | -9, PublicKey::Ec2(key)) => ec(&ECDSA_P256_SHA256_ASN1, 32, key),
        (-35 | -51, PublicKey::Ec2(key)) => ec(&ECDSA_P384_SHA384_ASN1, 48, key),
        (-36 | -52, PublicKey::Ec2(key)) => ec(&ECDSA_P521_SHA512_ASN1, 66, key),
        // For certificates; COSE has no numbers for these pairs.
        (-1_256_384, PublicKey::Ec2(key)) => ec(&ECDSA_P256_SHA384_ASN1, 32, key),
        (-1_256_512, PublicKey::Ec2(key)) => ec(&ECDSA_P256_SHA512_ASN1, 32, key),
        (-1_384_256, PublicKey::Ec2(key)) => ec(&ECDSA_P384_SHA256_ASN1, 48, key),
        (-1_384_512, PublicKey::Ec2(key)) => ec(&ECDSA_P384_SHA512_ASN1, 48, key),
        (-1_521_256, PublicKey::Ec2(key)) => ec(&ECDSA_P521_SHA256_ASN1, 66, key),
        (-1_521_384, PublicKey::Ec2(key)) => ec(&ECDSA_P521_SHA384_ASN1, 66, key),
        (-48, PublicKey::Okp(key)) => parsed(&ML_DSA_44, key, message, signature),
        (-49, PublicKey::Okp(key)) => parsed(&ML_DSA_65, key, message, signature),
        (-50, PublicKey::Okp(key)) => parsed(&ML_DSA_87, key, message, signature),
        (-8 | -19, PublicKey::Okp(key)) => {
            let known = !signature.is_empty() || ed25519::is_point(key);
            if !known || !ed25519::is_usable(key) {
                return Err(SignatureError::InvalidKey);
            }
            parsed(&ED25519, key, message, signature)
        }
        (-53, PublicKey::Okp(key)) => {
            ed448::verify(key, message, signature).ok_or(SignatureError::InvalidKey)
        }
        (-257, PublicKey::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA256, key, message, signature),
        (-258, PublicKey::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA384, key, message, signature),
        (-259, PublicKey::Rsa(key)) => rsa(&RSA_PKCS1_2048_8192_SHA512, key, message, signature),
        // RS1, with which older TPMs sign attestation statements; no user's key may be
        // for it, which components see to.
        (-65_535, PublicKey::Rsa(key)) => rsa(
            &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            key,
            message,
            signature,
        ),
        (-37, PublicKey::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA256, key, message, signature),
        (-38, PublicKey::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA384, key, message, signature),
        (-39, PublicKey::Rsa(key)) => rsa(&RSA_PSS_2048_8192_SHA512, key, message, signature),
        (
            -7 | -35 | -36 | -8 | -9 | -51 | -52 | -19 | -53 | -48 | -49 | -50 | -257 | -258 | -259
            | -37 | -38 | -39 | -65_535 | -1_256_384 | -1_256_512 | -1_384_256 | -1_384_512
            | -1_521_256 | -1_521_384,
            _,
        ) => Err(SignatureError::InvalidKey),
        (other, _) => Err(SignatureError::UnsupportedAlgorithm(other)),
    }
}

fn ecdsa<A: VerificationAlgorithm>(
    algorithm: &'static A,
    width: usize,
    x: &[u8],
    y: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SignatureError> {
    if x.len() != width || y.len() != width {
        return Err(SignatureError::InvalidKey);
    }
    // SEC 1 section 2.3.3, uncompressed.
    let mut point = Vec::with_capacity(1 + 2 * width);
    point.push(4);
    point.extend_from_slice(x);
    point.extend_from_slice(y);
    parsed(algorithm, &point, message, signature)
}

fn parsed<A: VerificationAlgorithm>(
    algorithm: &'static A,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SignatureError> {
    let key = ParsedPublicKey::new(algorithm, key).map_err(|_| SignatureError::InvalidKey)?;
    Ok(key.verify_sig(message, signature).is_ok())
}

fn rsa(
    parameters: &'static RsaParameters,
    key: &RsaKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SignatureError> {
    // What aws-lc-rs would refuse as well, without saying that it was the key.
    let size = bits(&key.n).filter(|_| is_odd(&key.n));
    let exponent = bits(&key.e).filter(|_| is_odd(&key.e));
    if !size.is_some_and(|bits| (2048..=8192).contains(&bits))
        || !exponent.is_some_and(|bits| (2..=33).contains(&bits))
    {
        return Err(SignatureError::InvalidKey);
    }
    let components = RsaPublicKeyComponents {
        n: key.n.as_slice(),
        e: key.e.as_slice(),
    };
    Ok(components.verify(parameters, message, signature).is_ok())
}

/// Bits of a number without leading zeros; none for one that has some.
fn bits(number: &[u8]) -> Option<usize> {
    let high = number.first().filter(|high| **high != 0)?;
    Some(number.len() * 8 - high.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|low| low & 1 == 1)
}

#[cfg(test)]
mod tests;
