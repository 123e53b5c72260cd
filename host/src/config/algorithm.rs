//! Signature algorithms by their names in the COSE registry.

use super::format::Choice;

/// A signature algorithm (RFC 9053 section 2, RFC 8812 section 2, RFC 8230 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256 = -7,
    /// ECDSA on P-384 with SHA-384.
    Es384 = -35,
    /// ECDSA on P-521 with SHA-512.
    Es512 = -36,
    /// Ed25519, as WebAuthn uses the identifier (L3 section 5.8.5).
    EdDsa = -8,
    /// ECDSA on P-256 with SHA-256, by the identifier that fixes the curve (RFC 9864).
    Esp256 = -9,
    /// ECDSA on P-384 with SHA-384 (RFC 9864).
    Esp384 = -51,
    /// ECDSA on P-521 with SHA-512 (RFC 9864).
    Esp512 = -52,
    /// Ed25519, by the identifier that fixes the curve (RFC 9864).
    Ed25519 = -19,
    /// Ed448 (RFC 9864).
    Ed448 = -53,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 = -257,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 = -258,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 = -259,
    /// RSASSA-PSS with SHA-256.
    Ps256 = -37,
    /// RSASSA-PSS with SHA-384.
    Ps384 = -38,
    /// RSASSA-PSS with SHA-512.
    Ps512 = -39,
    /// ML-DSA-44 (RFC 9964).
    MlDsa44 = -48,
    /// ML-DSA-65 (RFC 9964).
    MlDsa65 = -49,
    /// ML-DSA-87 (RFC 9964).
    MlDsa87 = -50,
}

pub(super) const ALGORITHM: Choice<Algorithm> = Choice(&[
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("ES512", Algorithm::Es512),
    ("EdDSA", Algorithm::EdDsa),
    ("ESP256", Algorithm::Esp256),
    ("ESP384", Algorithm::Esp384),
    ("ESP512", Algorithm::Esp512),
    ("Ed25519", Algorithm::Ed25519),
    ("Ed448", Algorithm::Ed448),
    ("RS256", Algorithm::Rs256),
    ("RS384", Algorithm::Rs384),
    ("RS512", Algorithm::Rs512),
    ("PS256", Algorithm::Ps256),
    ("PS384", Algorithm::Ps384),
    ("PS512", Algorithm::Ps512),
    ("ML-DSA-44", Algorithm::MlDsa44),
    ("ML-DSA-65", Algorithm::MlDsa65),
    ("ML-DSA-87", Algorithm::MlDsa87),
]);

// === impl Algorithm ===

impl Algorithm {
    /// The COSE algorithm identifier.
    pub fn cose(self) -> i32 {
        self as i32
    }
}
