//! Certificate chains (RFC 5280 section 6): each certificate issued by the next.
//!
//! Checked for every statement, anchored or not: names, CA constraints, path
//! lengths, signatures, and that no critical extension is unknown. Dates and
//! anchors belong to `trust`. Name constraints are not processed, so a certificate
//! that makes them critical is refused.

use x509_parser::oid_registry::Oid;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use super::certificate::Certificate;
use super::certificate_key::KeyKind;
use super::{invalid, oids, signature};
use crate::bindings::Rejection;
use crate::cose;
use crate::host::Host;

/// The most certificates of one statement.
pub const MAX_LENGTH: usize = 8;

/// Critical extensions that are understood.
const UNDERSTOOD: &[Oid<'static>] = &[
    oids::KEY_USAGE,
    oids::SUBJECT_ALTERNATIVE_NAME,
    oids::BASIC_CONSTRAINTS,
    oids::CERTIFICATE_POLICIES,
    oids::EXTENDED_KEY_USAGE,
    oids::ANDROID_KEY,
    oids::APPLE_NONCE,
];

/// The chain, once every link of it holds.
pub(super) fn verified<'a>(
    host: &impl Host,
    attesting: Certificate<'a>,
    issuers: Vec<Certificate<'a>>,
) -> Result<Vec<Certificate<'a>>, Rejection> {
    let mut chain = Vec::with_capacity(issuers.len() + 1);
    chain.push(attesting);
    chain.extend(issuers);
    for certificate in &chain {
        check_critical(certificate)?;
    }
    for (below, (certificate, issuer)) in chain.iter().zip(chain.iter().skip(1)).enumerate() {
        check_link(host, certificate, issuer, below)?;
    }
    Ok(chain)
}

/// That `issuer` issued `certificate`, which has so many others below it.
fn check_link(
    host: &impl Host,
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    below: usize,
) -> Result<(), Rejection> {
    if !issuer.may_issue(below) {
        return Err(invalid(
            "a certificate that issued another is no CA, or not for a chain this long",
        ));
    }
    check_issued(host, certificate, issuer)
}

/// That `certificate` names `issuer` and has a signature by its key.
pub(super) fn check_issued(
    host: &impl Host,
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
) -> Result<(), Rejection> {
    if certificate.issuer() != issuer.subject() {
        return Err(invalid(
            "a certificate is not issued by the next one's subject",
        ));
    }
    let key = issuer.key()?;
    let algorithm = algorithm(certificate.signature_algorithm(), key.kind).ok_or_else(|| {
        invalid(format!(
            "a certificate is signed with an algorithm that is not accepted for {} keys",
            key.kind.name()
        ))
    })?;
    signature::check_raw(
        host,
        algorithm,
        &key.key,
        certificate.signed_bytes(),
        certificate.signature(),
        "a certificate",
    )
}

fn check_critical(certificate: &Certificate<'_>) -> Result<(), Rejection> {
    let unknown = certificate
        .extensions()
        .any(|extension| extension.critical && !UNDERSTOOD.contains(&extension.oid));
    if unknown {
        Err(invalid("a certificate has an unknown critical extension"))
    } else {
        Ok(())
    }
}

/// The host's number for a certificate's signature algorithm under that kind of
/// key. COSE has none for ECDSA with a hash of another size than the curve, which
/// certificates do use (Apple's sign with SHA-256 on P-384).
fn algorithm(identifier: &AlgorithmIdentifier<'_>, kind: KeyKind) -> Option<i32> {
    let oid = &identifier.algorithm;
    if *oid == oids::RSASSA_PSS {
        return (kind == KeyKind::Rsa).then(|| pss(identifier)).flatten();
    }
    let known = [
        (oids::ECDSA_WITH_SHA256, KeyKind::P256, cose::ES256),
        (oids::ECDSA_WITH_SHA384, KeyKind::P256, cose::P256_SHA384),
        (oids::ECDSA_WITH_SHA512, KeyKind::P256, cose::P256_SHA512),
        (oids::ECDSA_WITH_SHA256, KeyKind::P384, cose::P384_SHA256),
        (oids::ECDSA_WITH_SHA384, KeyKind::P384, cose::ES384),
        (oids::ECDSA_WITH_SHA512, KeyKind::P384, cose::P384_SHA512),
        (oids::ECDSA_WITH_SHA256, KeyKind::P521, cose::P521_SHA256),
        (oids::ECDSA_WITH_SHA384, KeyKind::P521, cose::P521_SHA384),
        (oids::ECDSA_WITH_SHA512, KeyKind::P521, cose::ES512),
        (oids::SHA256_WITH_RSA, KeyKind::Rsa, cose::RS256),
        (oids::SHA384_WITH_RSA, KeyKind::Rsa, cose::RS384),
        (oids::SHA512_WITH_RSA, KeyKind::Rsa, cose::RS512),
        (oids::ED25519, KeyKind::Ed25519, cose::EDDSA),
        (oids::ML_DSA_44, KeyKind::MlDsa44, cose::ML_DSA_44),
        (oids::ML_DSA_65, KeyKind::MlDsa65, cose::ML_DSA_65),
        (oids::ML_DSA_87, KeyKind::MlDsa87, cose::ML_DSA_87),
    ];
    known
        .into_iter()
        .find(|(signature, of, _)| signature == oid && *of == kind)
        .map(|(.., algorithm)| algorithm)
}

/// RFC 4055 section 3.1, as far as COSE has it: one hash for both uses, and a salt
/// as long as the hash.
fn pss(identifier: &AlgorithmIdentifier<'_>) -> Option<i32> {
    let parameters = RsaSsaPssParams::try_from(identifier.parameters.as_ref()?).ok()?;
    let mask = parameters.mask_gen_algorithm().ok()?;
    let hash = parameters.hash_algorithm_oid();
    if mask.mgf != oids::MGF1 || mask.hash != *hash || parameters.trailer_field() != 1 {
        return None;
    }
    [
        (oids::SHA256, 32, cose::PS256),
        (oids::SHA384, 48, cose::PS384),
        (oids::SHA512, 64, cose::PS512),
    ]
    .into_iter()
    .find(|(known, salt, _)| known == hash && *salt == parameters.salt_length())
    .map(|(.., algorithm)| algorithm)
}
