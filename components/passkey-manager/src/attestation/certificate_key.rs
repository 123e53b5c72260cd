//! Public keys of certificates (RFC 5280 section 4.1.2.7), as the host takes them,
//! and which algorithms each kind of key signs with.

use x509_parser::asn1_rs::{Class, Tag};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::der::{self, Elements};
use super::oids;
use crate::bindings::signatures::{Ec2Key, PublicKey, RsaKey};
use crate::cose;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    P256,
    P384,
    P521,
    Rsa,
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

/// A key in a certificate.
#[derive(Clone, Debug)]
pub(super) struct CertificateKey {
    pub(super) kind: KeyKind,
    pub(super) key: PublicKey,
}

// === impl KeyKind ===

impl KeyKind {
    /// Whether a key of this kind signs with that COSE algorithm.
    pub(super) fn takes(self, algorithm: i32) -> bool {
        match self {
            KeyKind::P256 => matches!(algorithm, cose::ES256 | cose::ESP256),
            KeyKind::P384 => matches!(algorithm, cose::ES384 | cose::ESP384),
            KeyKind::P521 => matches!(algorithm, cose::ES512 | cose::ESP512),
            KeyKind::Rsa => matches!(
                algorithm,
                cose::RS256 | cose::RS384 | cose::RS512 | cose::PS256 | cose::PS384 | cose::PS512
            ),
            KeyKind::Ed25519 => matches!(algorithm, cose::EDDSA | cose::ED25519),
            KeyKind::MlDsa44 => algorithm == cose::ML_DSA_44,
            KeyKind::MlDsa65 => algorithm == cose::ML_DSA_65,
            KeyKind::MlDsa87 => algorithm == cose::ML_DSA_87,
        }
    }

    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            KeyKind::P256 => "P-256",
            KeyKind::P384 => "P-384",
            KeyKind::P521 => "P-521",
            KeyKind::Rsa => "RSA",
            KeyKind::Ed25519 => "Ed25519",
            KeyKind::MlDsa44 => "ML-DSA-44",
            KeyKind::MlDsa65 => "ML-DSA-65",
            KeyKind::MlDsa87 => "ML-DSA-87",
        }
    }
}

// === impl CertificateKey ===

impl CertificateKey {
    /// Read a key; `None` for kinds that are not known here and for malformed ones.
    /// Whether its numbers make a valid key is for the host to say.
    pub(super) fn parse(info: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let oid = &info.algorithm.algorithm;
        if info.subject_public_key.unused_bits != 0 {
            return None;
        }
        let bits: &[u8] = &info.subject_public_key.data;
        let octets = |kind| CertificateKey {
            kind,
            key: PublicKey::Okp(bits.to_vec()),
        };
        if *oid == oids::EC_KEY {
            let curve = info.algorithm.parameters.as_ref()?;
            // The library does not look at the tag.
            let header = &curve.header;
            if (header.tag(), header.class()) != (Tag::Oid, Class::Universal)
                || header.is_constructed()
            {
                return None;
            }
            return elliptic(&curve.as_oid().ok()?, bits);
        }
        if *oid == oids::RSA_KEY {
            return rsa(bits);
        }
        [
            (oids::ED25519, KeyKind::Ed25519),
            (oids::ML_DSA_44, KeyKind::MlDsa44),
            (oids::ML_DSA_65, KeyKind::MlDsa65),
            (oids::ML_DSA_87, KeyKind::MlDsa87),
        ]
        .into_iter()
        .find(|(known, _)| known == oid)
        .map(|(_, kind)| octets(kind))
    }

    /// Whether this is the same key as a credential's.
    pub(super) fn is(&self, key: &PublicKey) -> bool {
        match (&self.key, key) {
            (PublicKey::Ec2(one), PublicKey::Ec2(other)) => one.x == other.x && one.y == other.y,
            (PublicKey::Rsa(one), PublicKey::Rsa(other)) => one.n == other.n && one.e == other.e,
            (PublicKey::Okp(one), PublicKey::Okp(other)) => one == other,
            _ => false,
        }
    }
}

/// A named curve and an uncompressed point on it (RFC 5480 sections 2.1.1, 2.2).
fn elliptic(curve: &x509_parser::oid_registry::Oid<'_>, bits: &[u8]) -> Option<CertificateKey> {
    let (kind, size) = [
        (oids::P256, KeyKind::P256, 32),
        (oids::P384, KeyKind::P384, 48),
        (oids::P521, KeyKind::P521, 66),
    ]
    .into_iter()
    .find(|(known, ..)| known == curve)
    .map(|(_, kind, size)| (kind, size))?;
    let (&4, coordinates) = bits.split_first()? else {
        return None;
    };
    let (x, y) = coordinates.split_at_checked(size)?;
    (y.len() == size).then(|| CertificateKey {
        kind,
        key: PublicKey::Ec2(Ec2Key {
            x: x.to_vec(),
            y: y.to_vec(),
        }),
    })
}

/// RFC 8017 appendix A.1.1: SEQUENCE of modulus and exponent.
fn rsa(bits: &[u8]) -> Option<CertificateKey> {
    let mut numbers = Elements::new(der::only(bits, der::SEQUENCE)?);
    let n = positive(numbers.expect(der::INTEGER)?)?;
    let e = positive(numbers.expect(der::INTEGER)?)?;
    numbers.is_empty().then_some(CertificateKey {
        kind: KeyKind::Rsa,
        key: PublicKey::Rsa(RsaKey { n, e }),
    })
}

/// The bytes of a positive INTEGER, without the zero that keeps its sign.
fn positive(contents: &[u8]) -> Option<Vec<u8>> {
    match contents {
        [0, rest @ ..] if rest.first().is_some_and(|high| high & 0x80 != 0) => Some(rest.to_vec()),
        [high, ..] if *high != 0 && high & 0x80 == 0 => Some(contents.to_vec()),
        _ => None,
    }
}
