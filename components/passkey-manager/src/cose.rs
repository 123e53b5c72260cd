//! COSE keys (RFC 9052 section 7) as WebAuthn has them: `alg` must be there, and
//! no optional parameter may (L3 section 6.5.1.1).
//!
//! Algorithm, key type and curve must agree, as L3 section 5.8.5 fixes them:
//! ES256 with P-256, ES384 with P-384, ES512 with P-521, EdDSA with Ed25519, all
//! points uncompressed; ESP256, ESP384, ESP512, Ed25519 and Ed448 (RFC 9864) have one curve
//! each. RSA moduli have 2048 to
//! 8192 bits, RSA exponents at most 33. ML-DSA keys are of the key type AKP (RFC 9964).
//! Whether a point is on its curve is for the host to say.

use std::ops::RangeInclusive;

use crate::bindings::signatures::{Ec2Key, PublicKey, RsaKey};
use crate::bindings::{Code, Rejection};
use crate::cbor::{self, CborError, Value};
use crate::rejection::{malformed, reject};

/// ECDSA with SHA-256 on P-256 (RFC 9053).
pub const ES256: i32 = -7;
/// EdDSA on Ed25519 (RFC 9053).
pub const EDDSA: i32 = -8;
/// EdDSA on Ed448 (RFC 9864).
pub const ED448: i32 = -53;
/// ECDSA with SHA-256 on P-256, by the number that fixes the curve too (RFC 9864).
pub const ESP256: i32 = -9;
/// ECDSA with SHA-384 on P-384 (RFC 9864).
pub const ESP384: i32 = -51;
/// ECDSA with SHA-512 on P-521 (RFC 9864).
pub const ESP512: i32 = -52;
/// EdDSA on Ed25519, by the number that fixes the curve too (RFC 9864).
pub const ED25519: i32 = -19;
/// ECDSA with SHA-384 on P-384 (RFC 9053).
pub const ES384: i32 = -35;
/// ECDSA with SHA-512 on P-521 (RFC 9053).
pub const ES512: i32 = -36;
/// RSASSA-PSS with SHA-256 (RFC 8230).
pub const PS256: i32 = -37;
/// RSASSA-PSS with SHA-384 (RFC 8230).
pub const PS384: i32 = -38;
/// RSASSA-PSS with SHA-512 (RFC 8230).
pub const PS512: i32 = -39;
/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8812).
pub const RS256: i32 = -257;
/// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 8812).
pub const RS384: i32 = -258;
/// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 8812).
pub const RS512: i32 = -259;
/// ML-DSA-44 (FIPS 204).
pub const ML_DSA_44: i32 = -48;
/// ML-DSA-65 (FIPS 204).
pub const ML_DSA_65: i32 = -49;
/// ML-DSA-87 (FIPS 204).
pub const ML_DSA_87: i32 = -50;

/// RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8812): no key may be for it; old TPMs sign
/// attestation statements with it.
pub const RS1: i32 = -65_535;

// For certificates alone: ECDSA with a hash of another size than its curve. COSE
// has no numbers for these; the host's, from the range for private use, are -1, the
// curve's bits and the hash's bits.
/// ECDSA with SHA-384 on P-256.
pub const P256_SHA384: i32 = -1_256_384;
/// ECDSA with SHA-512 on P-256.
pub const P256_SHA512: i32 = -1_256_512;
/// ECDSA with SHA-256 on P-384.
pub const P384_SHA256: i32 = -1_384_256;
/// ECDSA with SHA-512 on P-384.
pub const P384_SHA512: i32 = -1_384_512;
/// ECDSA with SHA-256 on P-521.
pub const P521_SHA256: i32 = -1_521_256;
/// ECDSA with SHA-384 on P-521.
pub const P521_SHA384: i32 = -1_521_384;

/// The algorithms that a passkey may have.
pub const REGISTRABLE: &[i32] = &[
    ES256, ES384, ES512, EDDSA, ESP256, ESP384, ESP512, ED25519, ED448, RS256, RS384, RS512, PS256,
    PS384, PS512, ML_DSA_44, ML_DSA_65, ML_DSA_87,
];

const KTY: i64 = 1;
const ALG: i64 = 3;
const KTY_OKP: i64 = 1;
const KTY_EC2: i64 = 2;
const KTY_RSA: i64 = 3;
const KTY_AKP: i64 = 7;
const CRV_ED25519: i64 = 6;
const CRV_ED448: i64 = 7;

const RSA_MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;

/// From 3, the least odd number that is an exponent, to 2^33 - 1: what the host verifies
/// with.
const RSA_EXPONENT_BITS: RangeInclusive<usize> = 2..=33;

/// A public key and the algorithm it is for.
#[derive(Clone, Debug)]
pub struct CoseKey {
    /// COSE algorithm identifier, one of those in this module.
    pub algorithm: i32,
    /// The key's numbers, in the form that the host verifies with.
    pub key: PublicKey,
}

/// Why a COSE key is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CoseError {
    /// Not CBOR, or not one map.
    #[error("the public key is not well-formed CBOR: {0}")]
    Cbor(#[from] CborError),
    /// Not of the form of its key type.
    #[error("the public key is not a COSE_Key: {0}")]
    Form(&'static str),
    /// Well-formed, but of an algorithm that this project does not know.
    #[error("the public key is for COSE algorithm {0}, which is not supported")]
    Algorithm(i64),
    /// Key type, curve or size do not belong to the algorithm.
    #[error("the public key's {what} does not belong to COSE algorithm {algorithm}")]
    Mismatch {
        /// What does not fit.
        what: &'static str,
        /// The algorithm that the key states.
        algorithm: i32,
    },
}

// === impl CoseKey ===

impl CoseKey {
    /// Parse one COSE_Key that is the whole input.
    ///
    /// # Errors
    /// [`CoseError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CoseError> {
        let value = cbor::decode(bytes)?;
        let entries = value.as_map().ok_or(CoseError::Form("not a map"))?;
        let fields = Fields(entries);

        let stated = fields.integer(ALG)?;
        let algorithm = i32::try_from(stated).map_err(|_| CoseError::Algorithm(stated))?;
        let kty = fields.integer(KTY)?;
        let mismatch = |what| CoseError::Mismatch { what, algorithm };

        let key = match algorithm {
            ES256 | ES384 | ES512 | ESP256 | ESP384 | ESP512 => {
                if kty != KTY_EC2 {
                    return Err(mismatch("key type"));
                }
                let (curve, size) = match algorithm {
                    ES256 | ESP256 => (1, 32),
                    ES384 | ESP384 => (2, 48),
                    _ => (3, 66),
                };
                if fields.integer(-1)? != curve {
                    return Err(mismatch("curve"));
                }
                fields.only(5)?;
                PublicKey::Ec2(Ec2Key {
                    x: fields.sized(-2, size)?,
                    y: fields.sized(-3, size)?,
                })
            }
            EDDSA | ED25519 | ED448 => {
                if kty != KTY_OKP {
                    return Err(mismatch("key type"));
                }
                let (curve, size) = match algorithm {
                    EDDSA | ED25519 => (CRV_ED25519, 32),
                    _ => (CRV_ED448, 57),
                };
                if fields.integer(-1)? != curve {
                    return Err(mismatch("curve"));
                }
                fields.only(4)?;
                PublicKey::Okp(fields.sized(-2, size)?)
            }
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => {
                if kty != KTY_RSA {
                    return Err(mismatch("key type"));
                }
                fields.only(4)?;
                let n = fields.number(-1)?;
                let e = fields.number(-2)?;
                if !RSA_MODULUS_BITS.contains(&bits(&n)) {
                    return Err(mismatch("modulus size"));
                }
                if is_even(&n) {
                    return Err(CoseError::Form("the RSA modulus is even"));
                }
                if is_even(&e) || !RSA_EXPONENT_BITS.contains(&bits(&e)) {
                    return Err(CoseError::Form(
                        "the RSA exponent is not a small odd number",
                    ));
                }
                PublicKey::Rsa(RsaKey { n, e })
            }
            ML_DSA_44 | ML_DSA_65 | ML_DSA_87 => {
                if kty != KTY_AKP {
                    return Err(mismatch("key type"));
                }
                // FIPS 204 table 2.
                let size = match algorithm {
                    ML_DSA_44 => 1312,
                    ML_DSA_65 => 1952,
                    _ => 2592,
                };
                fields.only(3)?;
                PublicKey::Okp(fields.sized(-1, size)?)
            }
            _ => return Err(CoseError::Algorithm(stated)),
        };
        Ok(CoseKey { algorithm, key })
    }
}

struct Fields<'v, 'a>(&'v [(Value<'a>, Value<'a>)]);

// === impl Fields ===

impl Fields<'_, '_> {
    fn get(&self, label: i64) -> Result<&Value<'_>, CoseError> {
        self.0
            .iter()
            .find(|(key, _)| *key == Value::Integer(label))
            .map(|(_, value)| value)
            .ok_or(CoseError::Form("a required parameter is missing"))
    }

    fn integer(&self, label: i64) -> Result<i64, CoseError> {
        match self.get(label)? {
            Value::Integer(number) => Ok(*number),
            _ => Err(CoseError::Form("a parameter is not an integer")),
        }
    }

    fn bytes(&self, label: i64) -> Result<&[u8], CoseError> {
        match self.get(label)? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(CoseError::Form("a parameter is not a byte string")),
        }
    }

    fn sized(&self, label: i64, size: usize) -> Result<Vec<u8>, CoseError> {
        let bytes = self.bytes(label)?;
        if bytes.len() == size {
            Ok(bytes.to_vec())
        } else {
            Err(CoseError::Form(
                "a key or coordinate has not the size of its algorithm",
            ))
        }
    }

    /// A positive number without leading zeros (RFC 8230 section 4).
    fn number(&self, label: i64) -> Result<Vec<u8>, CoseError> {
        let bytes = self.bytes(label)?;
        match bytes.first() {
            Some(0) | None => Err(CoseError::Form("an RSA number is empty or padded")),
            Some(_) => Ok(bytes.to_vec()),
        }
    }

    /// Everything that must be there has been read; nothing else may be.
    fn only(&self, expected: usize) -> Result<(), CoseError> {
        if self.0.len() == expected {
            Ok(())
        } else {
            Err(CoseError::Form("it has parameters that WebAuthn forbids"))
        }
    }
}

/// Bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |high| high.leading_zeros());
    number.len() * 8 - unused as usize
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|low| low & 1 == 0)
}

// === impl Rejection ===

impl From<CoseError> for Rejection {
    fn from(error: CoseError) -> Self {
        match error {
            CoseError::Cbor(_) | CoseError::Form(_) => malformed(error.to_string()),
            CoseError::Algorithm(_) | CoseError::Mismatch { .. } => {
                reject(Code::AlgorithmNotAllowed, error.to_string())
            }
        }
    }
}
