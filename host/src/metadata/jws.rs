//! The BLOB's envelope: a JWS in compact form (RFC 7515) whose header carries the
//! certificates of its signer (`x5c`).
//!
//! The payload is given out only when the signature is right and the first certificate
//! leads to a root. `x5u` is not followed, since nothing is fetched here, and `crit`
//! names what nobody here understands: both are refused.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use serde::Deserialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::MetadataError;
use super::trust::Trust;
use crate::clock::Timestamp;
use crate::identity::tls::provider;

/// The most certificates of a signer.
const MAX_CHAIN: usize = 8;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    x5c: Vec<String>,
    x5u: Option<serde_json::Value>,
    crit: Option<serde_json::Value>,
}

/// The payload of a BLOB, once its signature was verified as of `now`.
///
/// # Errors
/// [`MetadataError`].
pub(super) fn payload(text: &str, trust: &Trust, now: Timestamp) -> Result<Vec<u8>, MetadataError> {
    let (signed, signature) = text
        .rsplit_once('.')
        .ok_or_else(|| malformed("it is no JWS in compact form"))?;
    let (header, payload) = signed
        .split_once('.')
        .ok_or_else(|| malformed("it is no JWS in compact form"))?;
    let header: Header = serde_json::from_slice(&decode(header, "header")?)
        .map_err(|error| malformed(format!("header: {error}")))?;
    if header.x5u.is_some() || header.crit.is_some() {
        return Err(malformed("its header has x5u or crit"));
    }
    let chain = chain(&header.x5c)?;
    let (leaf, intermediates) = chain
        .split_first()
        .ok_or_else(|| malformed("its header has no certificates (x5c)"))?;
    check_signer(leaf, intermediates, trust, now)?;
    let signature = decode(signature, "signature")?;
    check_signature(&header.alg, leaf, signed.as_bytes(), &signature)?;
    decode(payload, "payload")
}

fn chain(x5c: &[String]) -> Result<Vec<CertificateDer<'static>>, MetadataError> {
    if x5c.len() > MAX_CHAIN {
        return Err(malformed("its signer has too many certificates"));
    }
    x5c.iter()
        .map(|text| match STANDARD.decode(text) {
            Ok(der) => Ok(CertificateDer::from(der)),
            Err(error) => Err(malformed(format!("x5c: {error}"))),
        })
        .collect()
}

/// RFC 5280 section 6, by webpki: dates, constraints and signatures up to a root.
fn check_signer(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    trust: &Trust,
    now: Timestamp,
) -> Result<(), MetadataError> {
    let untrusted = |error| MetadataError::Signer(Box::new(error));
    let certificate = ParsedCertificate::try_from(leaf).map_err(untrusted)?;
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(now));
    let algorithms = provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(
        &certificate,
        &trust.roots,
        intermediates,
        now,
        algorithms.all,
    )
    .map_err(untrusted)?;
    if let Some(name) = &trust.signer {
        verify_server_name(&certificate, name)
            .map_err(|_| MetadataError::SignerName(name.to_str().into_owned()))?;
    }
    Ok(())
}

/// RFC 7518 section 3.1. The key of the certificate must be one for the algorithm.
fn check_signature(
    algorithm: &str,
    leaf: &CertificateDer<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), MetadataError> {
    let (_, certificate) = X509Certificate::from_der(leaf)
        .map_err(|_| malformed("its signer's certificate is not X.509"))?;
    let bits = &certificate.public_key().subject_public_key.data;
    let key = match algorithm {
        "ES256" => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bits),
        "ES384" => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bits),
        "ES512" => ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, bits),
        "RS256" => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, bits),
        "RS384" => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA384, bits),
        "RS512" => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, bits),
        "PS256" => ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, bits),
        "PS384" => ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA384, bits),
        "PS512" => ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, bits),
        "EdDSA" => ParsedPublicKey::new(&ED25519, bits),
        _ => return Err(MetadataError::Algorithm(shown(algorithm))),
    };
    key.map_err(|_| MetadataError::Algorithm(shown(algorithm)))?
        .verify_sig(message, signature)
        .map_err(|_| MetadataError::Signature)
}

fn decode(part: &str, what: &str) -> Result<Vec<u8>, MetadataError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| malformed(format!("{what}: {error}")))
}

fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

fn malformed(why: impl Into<String>) -> MetadataError {
    MetadataError::Malformed(why.into())
}
